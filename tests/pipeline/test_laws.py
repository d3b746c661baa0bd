"""What the workflow makes of its table of runs: laws, predictions, verdicts, valuations, and when anew."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import RESAMPLES, Workplace, copy_of

pytestmark = pytest.mark.pipeline

CURVE = ["task", "finetune_pairs", "mixture", "metric"]
METRICS = ["cross_entropy", "bleu", "chrf", "rouge_l"]
TABLES = [f"results/{name}.csv" for name in ("laws", "predictions", "verdicts", "valuations")]


@pytest.fixture(scope="module")
def points(finished: Workplace) -> pd.DataFrame:
    """The mean over seeds of each metric at each Dp, from the table of runs alone."""
    runs = pd.read_csv(finished.folder / "results/runs.csv")
    selected = runs[runs["selected"]].fillna({"mixture": ""})
    means = selected.groupby(["task", "finetune_pairs", "mixture", "pretrain_tokens"])[METRICS].mean()
    return means.melt(var_name="metric", value_name="mean", ignore_index=False).reset_index()


def table(place: Workplace, name: str) -> pd.DataFrame:
    return pd.read_csv(place.folder / f"results/{name}.csv")


def test_every_curve_has_its_law_and_rivals(finished: Workplace):
    laws = table(finished, "laws")
    # 2 finetuning sizes x 2 mixtures x 4 metrics
    assert (laws["role"] == "law").sum() == laws.groupby(CURVE).ngroups == 16
    assert laws["best"].groupby([laws[key] for key in CURVE]).sum().max() == 1
    assert set(laws["n_fit"] + laws["n_held_out"]) == {5}
    known = laws[laws["interval_status"] == "ok"]
    assert len(known) >= 4
    assert set(known["noise"]) == {"segments and seeds"}


def test_predictions_stand_beside_what_was_measured(finished: Workplace, points: pd.DataFrame):
    predictions = table(finished, "predictions")
    tested = predictions[predictions["fitted"] == "smallest"]
    both = tested.merge(points, on=[*CURVE, "pretrain_tokens"])
    assert len(both) == len(tested) == 16
    assert both["observed"].to_list() == pytest.approx(both["mean"].to_list(), rel=1e-9)
    ahead = predictions[predictions["fitted"] == "all"]
    largest = points["pretrain_tokens"].max()
    assert set(ahead["pretrain_tokens"]) == {2 * largest, 4 * largest, 8 * largest}


def test_verdicts_rest_on_the_points_and_the_baseline(finished: Workplace, points: pd.DataFrame):
    verdicts = table(finished, "verdicts")
    assert len(verdicts) == 2 * 2 * 3  # of scores, not of the cross-entropy
    assert set(verdicts["verdict"]) <= {"aligned", "misaligned", "saturated", "inconclusive"}
    assert verdicts["reason"].notna().all()
    assert set(verdicts["n_points"]) == {5}
    baseline = points[points["mixture"] == ""].drop(columns="mixture")
    both = verdicts.merge(baseline, on=["task", "finetune_pairs", "metric"])
    assert both["baseline"].to_list() == pytest.approx(both["mean"].to_list(), rel=1e-9)


def test_valuations_ask_for_the_best_measured_score(finished: Workplace, points: pd.DataFrame):
    valuations = table(finished, "valuations")
    targets = valuations[valuations["question"] == "tokens to a target"]
    assert len(targets) == 16
    measured = points[points["mixture"] != ""].groupby(["finetune_pairs", "metric"])["mean"]
    for (pairs, metric), lowest in measured.min().items():
        best = lowest if metric == "cross_entropy" else measured.max()[pairs, metric]
        here = targets[(targets["finetune_pairs"] == pairs) & (targets["metric"] == metric)]
        assert here["target"].to_list() == pytest.approx([best] * 2, rel=1e-9)
    assert set(valuations["verdict"].dropna()) <= set(table(finished, "verdicts")["verdict"])


def test_the_summary_ends_with_what_the_tables_hold(finished: Workplace):
    summary = (finished.folder / "results/report/summary.txt").read_text()
    assert max(map(len, summary.splitlines())) <= 100
    for row in table(finished, "verdicts").itertuples():
        name = {"bleu": "BLEU", "chrf": "chrF", "rouge_l": "ROUGE-L"}[row.metric]
        assert f"- {row.mixture}, {name}: {row.verdict}. " in summary
    assert "90% intervals, from resampled test segments and the spread between seeds" in summary


SHOWS_COSTS = re.compile(r"report\.html|files\.csv|cost")
"""What of the report holds seconds, or the hash of a table of them: no two runs take the same."""


def made_after_scoring(place: Workplace) -> dict[str, bytes]:
    results = place.folder / "results"
    paths = [results / "runs.csv", results / "law_lines.csv", place.folder / RESAMPLES]
    paths += [place.folder / name for name in TABLES]
    paths += [path for path in sorted((results / "report").rglob("*.*")) if not SHOWS_COSTS.match(path.name)]
    return {str(path.relative_to(results)): path.read_bytes() for path in paths}


def test_tables_and_figures_made_anew_are_the_same_and_a_law_option_trains_nothing(
    finished: Workplace, tmp_path: Path
):
    place = copy_of(finished, tmp_path / "copy")
    before = made_after_scoring(place)
    assert len(before) >= 3 + 4 + 2 * 2 * 3 + 1
    for name in before:
        (place.folder / "results" / name).unlink()
    done = place.snakemake()
    assert done.returncode == 0, done.stderr
    assert made_after_scoring(place) == before

    trained = place.updates("pretrain"), place.updates("finetune")
    wide = table(place, "predictions")
    place.configure(laws={"interval_level": 0.5, "budgets": [20_000], "targets": {"chrf": [20]}})
    again = {"laws", "alignment_relations", "figures", "costs", "page", "summary", "all"}
    assert set(place.planned()) <= again
    done = place.snakemake()
    assert done.returncode == 0, done.stderr
    assert (place.updates("pretrain"), place.updates("finetune")) == trained
    narrow = table(place, "predictions")
    assert set(narrow.loc[narrow["fitted"] == "all", "pretrain_tokens"]) == {20_000}
    both = wide.merge(narrow, on=[*CURVE, "fitted", "pretrain_tokens"], suffixes=("", "_narrow")).dropna(
        subset=["low"]
    )
    assert len(both)
    assert (both["high_narrow"] - both["low_narrow"] < both["high"] - both["low"]).all()
    targets = table(place, "valuations").dropna(subset="target")
    assert set(targets["metric"]) == {"chrf"}


def test_runs_edited_into_nonsense_are_named_in_the_log_and_on_the_terminal(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy")
    path = place.folder / "results/runs.csv"
    runs = pd.read_csv(path, dtype=str, keep_default_na=False)
    runs.loc[1, "chrf"] = "twelve"
    runs.to_csv(path, index=False)
    done = place.snakemake()
    assert done.returncode != 0
    message = "results/runs.csv, line 3: chrf is 'twelve', not a number"
    assert message in done.stderr
    assert message in (place.folder / "results/logs/laws/laws.log").read_text()
    assert "Traceback" not in done.stderr


def test_alignment_is_measured_and_two_mixtures_decide_nothing(finished: Workplace):
    alignment = table(finished, "alignment").set_index("mixture")
    assert alignment.index.tolist() == ["en+de", "fr"]
    assert alignment["alignment_score"].tolist() == [1.0, 0.0]
    for measure in ("js_unigram", "js_bigram", "ngram_cross_entropy"):
        for side in ("source", "target"):
            column = alignment[f"{measure}_{side}"]
            assert column["en+de"] < column["fr"], column.name
    relations = table(finished, "alignment_relations")
    # 2 finetuning sizes x 4 metrics
    assert len(relations) == 2 * 4 * relations["measure"].nunique()
    assert set(relations["decidable"]) == {"no"}
    assert relations["reason"].str.contains("at least 8 are needed").all()
    figures = list((finished.folder / "results/report/alignment_figures").glob("*.png"))
    assert len(figures) == 2 * 2  # cross-entropy and BLEU
