from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from made_lm_runs import FITTED, HELD_OUT, SIZES, diverged, lm_table, noisy, resamples_of
from rich.console import Console

from downlaw.laws import LmLaws, TableError, fit_lm_runs
from downlaw.report.lm_findings import savings
from downlaw.report.lm_summary import PIPED_WIDTH, print_lm_summary
from downlaw.report.tables import read_lm_laws, read_lm_lines, read_lm_predictions, read_lm_tasks

FLOPS = {cell: 6 * SIZES[cell[0]] ** 2 * cell[1] for cell in (*FITTED, *HELD_OUT)}


def fitted(runs: pd.DataFrame, **options) -> LmLaws:
    return fit_lm_runs(runs, **{"samples": 40} | options)


def summary(runs: pd.DataFrame, found: LmLaws) -> str:
    stream = io.StringIO()
    print_lm_summary(
        runs, found.laws, found.predictions, found.tasks, Console(file=stream, width=PIPED_WIDTH)
    )
    return stream.getvalue()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def section(printed: str, name: str) -> list[str]:
    """The lines below a heading, to the next empty line after something was said."""
    lines = [line.rstrip() for line in printed.splitlines()]
    start = lines.index(name) + 1
    heads = [
        at for at, line in enumerate(lines) if line.startswith(("news: ", "all training")) and at > start
    ]
    return lines[start : min(heads, default=len(lines))]


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Noisy runs, an evaluation of which a third task is at chance, and one that diverged."""
    table = noisy(lm_table(), 0.002).assign(reason=None)
    copa = table[table["evaluation"] == "copa"]
    lost = diverged("xl", 160) | {"reason": "loss is nan at update 1,204"}
    at_chance = copa.assign(evaluation="cloze", value=0.74)
    return pd.DataFrame([*table.to_dict("records"), *at_chance.to_dict("records"), lost])


@pytest.fixture(scope="module")
def found(runs: pd.DataFrame) -> LmLaws:
    return fitted(runs, resamples=resamples_of(runs[runs["value"].notna()], 0.002))


@pytest.fixture(scope="module")
def printed(runs: pd.DataFrame, found: LmLaws) -> str:
    return summary(runs, found)


def test_a_pipe_gets_plain_lines_of_at_most_100_columns(
    runs: pd.DataFrame, found: LmLaws, capsys: pytest.CaptureFixture[str]
):
    print_lm_summary(runs, found.laws, found.predictions, found.tasks)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_runs_are_listed_by_size_with_their_scores_and_what_fits_them(printed: str, runs: pd.DataFrame):
    lines = [cells(line) for line in section(printed, "news: runs")]
    row = next(line for line in lines if line[:1] == ["xs"])
    mine = runs[(runs["model"] == "xs") & (runs["multiplier_asked"] == 20)].set_index("evaluation")["value"]
    error = (mine["copa"] + mine["piqa"]) / 2
    scores = [f"{mine['news']:.3f}", f"{mine['web']:.3f}", f"{error:.3f}"]
    assert row == ["xs", "10M", "20", "200M", *scores, "loss + error"]
    assert ["160", "410B", "diverged"] in lines
    assert sum(line[-1:] == ["held out"] for line in lines) == 2


def test_laws_have_coefficients_intervals_and_errors(printed: str, found: LmLaws):
    lines = section(printed, "news: laws")
    law = found.laws.iloc[0]
    points = f"{law['n_fit']} + {law['n_held_out']}"
    errors = [f"{law['fit_error']:.4f}", f"{law['held_out_error']:.4f}"]
    assert ["loss on news", "over-training", law["status"], points, *errors] in map(cells, lines)
    said = " ".join(lines)
    assert f"eta = {law['eta']:.3g} [{law['eta_low']:.3g}, {law['eta_high']:.3g}]" in said
    assert "L(C, M) = E + (a * M^eta + b * M^-eta) * C^-eta (Gadre et al. 2024)" in said


def test_tasks_that_count_are_named_and_the_others_have_a_reason(printed: str, found: LmLaws):
    said = " ".join(section(printed, "news: tasks"))
    assert "- 2 of 3 tasks count in the average error: copa and piqa." in said
    out = found.tasks.set_index("task").loc["cloze"]
    assert f"- cloze does not: {out['reason']}." in said


def test_held_out_runs_are_listed_beside_what_was_measured(printed: str, found: LmLaws):
    rows = [cells(line) for line in section(printed, "news: held-out runs")]
    own = found.predictions[found.predictions["evaluation_set"] == "news"]
    for _, row in own[own["observed"].notna()].iterrows():
        predicted = f"{row['predicted']:.3f} [{row['measured_low']:.3f}, {row['measured_high']:.3f}]"
        expected = [predicted, f"{row['observed']:.3f}", f"{row['relative_error']:+.1%}"]
        assert any(line[-4:] == [*expected, "yes" if row["inside"] else "no"] for line in rows), expected
    assert any("no value" in line for line in rows), "the run that diverged"


def test_the_dearest_run_is_told_with_how_much_less_compute_it_took(printed: str, found: LmLaws):
    said = " ".join(section(printed, "news: what was seen"))
    row = found.predictions[(found.predictions["model"] == "xl") & found.predictions["observed"].notna()]
    row = row[row["evaluation_set"] == "news"].set_index("metric").loc["cross_entropy"]
    ratio = FLOPS["xl", 20] / sum(FLOPS[cell] for cell in FITTED)
    assert (
        f"xl at M = 20 was predicted: loss {row['predicted']:.3f} [{row['measured_low']:.3f},"
        f" {row['measured_high']:.3f}] from {ratio:.0f}x less compute, measured {row['observed']:.3f}" in said
    )


def test_doubts_and_divergences_are_said(printed: str):
    said = " ".join(section(printed, "news: what was seen"))
    assert "Intervals are 90% intervals, from resampled test segments." in said
    assert "One seed: how much another one would change these numbers is not known." in said
    assert "xl at M = 160, seed 1, diverged: loss is nan at update 1,204." in said


def test_each_pair_of_training_and_evaluation_set_has_a_line(printed: str, found: LmLaws):
    said = " ".join(section(printed, "all training sets"))
    laws = found.laws[(found.laws["role"] == "law") & (found.laws["metric"] == "cross_entropy")]
    assert len(laws) == said.count("Trained on") == 2
    for law in laws.itertuples():
        assert f"Trained on news, loss on {law.evaluation_set}: eta = {law.eta:.3g} [" in said


def test_without_noise_there_are_no_intervals_and_that_is_said():
    runs = lm_table()
    out = summary(runs, fitted(runs))
    assert "The noise of loss on news, loss on web and average error is unknown: no intervals." in " ".join(
        section(out, "news: what was seen")
    )
    assert "[" not in out


def test_laws_that_could_not_be_fitted_are_said_without_numbers():
    runs = lm_table()
    runs["loss_fit"] = runs["error_fit"] = (runs["model"] == "xs") & (runs["multiplier_asked"] == 20)
    runs.loc[runs["kind"] == "task", "value"] = 0.74
    out = summary(runs, fitted(runs))
    assert "underdetermined" in out
    assert "0 of 2 tasks count in the average error." in out
    assert "news: held-out runs" not in out
    assert "- Trained on news, loss on news: no law, underdetermined." in out
    assert "nan" not in out


def test_only_the_dearest_of_many_held_out_runs_are_listed():
    runs = lm_table([*FITTED, *((model, m) for model in SIZES for m in (5, 10, 40, 640))])
    out = summary(runs[runs["kind"] == "set"], fitted(runs[runs["kind"] == "set"]))
    assert "The 15 of most compute; all 20 are in predictions.csv." in out
    rows = [line for line in section(out, "news: held-out runs") if "  loss  " in line]
    assert len(rows) == 15
    assert rows[-1].split()[:2] == ["xl", "640"]


def test_long_names_and_many_sets_give_way_before_numbers():
    name = "новости-" + "x" * 60
    runs = lm_table(training_set=name).replace({"evaluation": {"news": name}})
    sets = runs[runs["kind"] == "set"]
    more = [sets.assign(evaluation=sets["evaluation"] + f"-{number}") for number in range(4)]
    runs = pd.concat([runs, *more], ignore_index=True)
    out = summary(runs, fitted(runs))
    assert max(map(len, out.splitlines())) <= PIPED_WIDTH
    row = next(cells(line) for line in out.splitlines() if line.startswith(" xs "))
    assert [len(cell) for cell in row[4:-1]] == [5] * len(row[4:-1])
    assert row[-1] == "loss + error"


def costs(runs: pd.DataFrame) -> str:
    return " ".join(savings(runs))


def test_what_trunks_saved_is_the_sum_over_runs():
    runs = lm_table().assign(flops_exact=100.0, trained_flops=60.0)
    assert costs(runs) == (
        "All 9 runs trained 5.4e+02 FLOPs where runs of their own would have taken 9.0e+02: 40% saved."
    )
    assert costs(runs.assign(trained_flops=100.0)) == "All 9 runs trained 9.0e+02 FLOPs, each on its own."
    assert costs(lm_table()) == ""


def test_trunks_with_a_run_that_diverged_count_in_no_saving():
    runs = lm_table(more=[diverged("xl", 160)]).assign(flops_exact=100.0, trained_flops=60.0)
    assert costs(runs).startswith("The 8 runs of trunks without a divergence trained 4.8e+02 FLOPs")


def test_the_tables_are_read_back_as_they_were(found: LmLaws, runs: pd.DataFrame, tmp_path: Path):
    read = {
        "laws": read_lm_laws,
        "predictions": read_lm_predictions,
        "lines": read_lm_lines,
        "tasks": read_lm_tasks,
    }
    back = {}
    for name, reader in read.items():
        getattr(found, name).to_csv(tmp_path / f"{name}.csv", index=False)
        back[name] = reader(tmp_path / f"{name}.csv")
        assert list(back[name].columns) == list(getattr(found, name).columns)
        assert len(back[name]) == len(getattr(found, name))
    assert summary(runs, LmLaws(**back)) == summary(runs, found)


def test_another_table_is_refused_with_the_column_that_is_missing(found: LmLaws, tmp_path: Path):
    found.tasks.to_csv(tmp_path / "tasks.csv", index=False)
    for read in (read_lm_laws, read_lm_predictions, read_lm_lines):
        with pytest.raises(TableError, match=r"tasks.csv: column '\w+' is missing; fit the runs again"):
            read(tmp_path / "tasks.csv")


def test_a_name_that_looks_like_a_number_stays_a_name(tmp_path: Path):
    runs = lm_table(training_set="2024").replace({"evaluation": {"news": "2024"}})
    found = fitted(runs)
    back = {}
    for name, reader in (
        ("laws", read_lm_laws),
        ("predictions", read_lm_predictions),
        ("tasks", read_lm_tasks),
    ):
        getattr(found, name).to_csv(tmp_path / f"{name}.csv", index=False)
        back[name] = reader(tmp_path / f"{name}.csv")
    assert "- Loss on 2024: a = " in summary(runs, LmLaws(**back, lines=found.lines))


def test_a_broken_table_is_refused(runs: pd.DataFrame, found: LmLaws):
    with pytest.raises(TableError, match="'training_set' is missing"):
        summary(runs.drop(columns="training_set"), found)
