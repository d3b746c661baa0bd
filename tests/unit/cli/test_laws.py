from __future__ import annotations

import io
import json
import math

import pandas as pd
import pytest

from downlaw.laws import LAW_COLUMNS, PREDICTION_COLUMNS


def rows_of(done) -> pd.DataFrame:
    assert done.exit_code == 0, done.stderr
    exact = {"float_precision": "round_trip"}
    return pd.read_csv(io.StringIO(done.stdout), keep_default_na=False, na_values=[""], **exact)


def test_fit_of_a_hand_made_table_is_one_curve(run, hand):
    done = run("fit", hand)
    laws = rows_of(done)
    law = laws[laws["role"] == "law"].iloc[0]
    assert tuple(laws.columns) == LAW_COLUMNS
    assert (law["task"], law["mixture"], law["law"]) == ("hand", "all", "log_law")
    assert law["beta"] == pytest.approx(1.6, rel=0.01)
    assert math.isnan(law["finetune_pairs"])
    assert law["held_out_error"] < 1e-3
    assert "column tokens is read as pretrain_tokens" in done.stderr
    assert "no column task, finetune_pairs, mixture" in done.stderr
    assert "--noise 0.02 says" in done.stderr


def test_a_noise_gives_intervals_of_the_level_asked(run, hand):
    wide = rows_of(run("predict", hand, "--noise", 0.02, "--n-fit", "all")).iloc[0]
    narrow = rows_of(run("predict", hand, "--noise", 0.02, "--n-fit", "all", "--level", 0.5)).iloc[0]
    assert wide["low"] < narrow["low"] < wide["predicted"] < narrow["high"] < wide["high"]
    assert (wide["noise"], wide["n_fit"], wide["fitted"]) == ("given", 7, "all")
    assert narrow["interval_level"] == 0.5


def test_fit_by_another_law_keeps_the_usual_one_as_a_rival(run, study):
    laws = rows_of(run("fit", study, "--metric", "bleu", "--law", "sigmoid", "--method", "paper"))
    assert set(laws["metric"]) == {"bleu"}
    assert laws[laws["role"] == "law"]["law"].unique().tolist() == ["sigmoid"]
    assert "log_law" in set(laws[laws["role"] == "rival"]["law"])


def test_a_table_may_be_a_results_folder_or_parquet(run, study, tmp_path):
    from_csv = run("predict", study, "--metric", "bleu").stdout
    assert run("predict", tmp_path, "--metric", "bleu").stdout == from_csv
    pd.read_csv(study).to_parquet(tmp_path / "runs.parquet")
    assert run("predict", tmp_path / "runs.parquet", "--metric", "bleu").stdout == from_csv


def test_fit_for_people_shows_estimates_with_intervals(run_on_terminal, hand):
    done = run_on_terminal("fit", hand, "--noise", 0.005)
    assert done.exit_code == 0
    assert "hand: BLEU, log_law: f(Dp) = (ln(A * Dp^alpha))^beta" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith(" all ")]
    assert "1.60 [1." in row
    assert "4 + 3" in row
    assert row.split()[-1] == "log_law"
    assert "sigmoid" not in done.stdout
    assert "90% interval; noise: the noise level given" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_noise_that_is_too_small_is_said(run, write, bleu):
    jagged = [(tokens, score * (1.05 if i % 2 else 0.95)) for i, (tokens, score) in enumerate(bleu.items())]
    done = run("fit", write("tokens,bleu", jagged), "--noise", 0.002, "--n-fit", "all")
    assert rows_of(done)["misfit_p"].iloc[0] < 0.01
    assert "hand, all, bleu: the points part from their law by more than the noise explains" in done.stderr


def test_fit_for_people_shows_rivals_on_request(run_on_terminal, hand):
    shown = run_on_terminal("fit", hand, "--rivals").stdout
    assert shown.index("log_law:") < shown.index("sigmoid:")


def test_predict_says_what_was_held_out_and_what_lies_ahead(run, hand, bleu):
    found = rows_of(run("predict", hand, "--budget", "1B", "--budget", "200M", "--noise", 0.01))
    assert tuple(found.columns) == PREDICTION_COLUMNS
    tested = found[found["fitted"] == "smallest"]
    assert tested["observed"].tolist() == list(bleu.values())[4:]
    assert tested["predicted"].tolist() == pytest.approx(tested["observed"].tolist(), rel=1e-3)
    ahead = found[found["fitted"] == "all"]
    assert ahead["pretrain_tokens"].tolist() == [1_000_000_000, 200_000_000]
    assert ahead["predicted"].iloc[0] == pytest.approx(math.log(1e-4 * 1e9**0.8) ** 1.6, rel=1e-3)
    assert (ahead["measured_low"] < ahead["low"]).all()
    assert (ahead["high"] < ahead["measured_high"]).all()


def test_predict_for_people_fits_the_terminal(run_on_terminal, study):
    done = run_on_terminal("predict", study, "--noise", 0.02)
    assert done.exit_code == 0
    assert "en-de, finetuned on 1,000 pairs: BLEU, log_law" in done.stdout
    assert "128M  all points" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_predict_of_a_curve_without_a_law_has_a_status(run, write):
    found = rows_of(run("predict", write("tokens,bleu", [(1e6, 3), (2e6, 4)])))
    assert set(found["status"]) == {"underdetermined"}
    assert found["predicted"].isna().all()


def test_json_holds_the_same_rows_with_null_for_what_is_missing(run, hand):
    records = json.loads(run("predict", hand, "--json").stdout)
    table = rows_of(run("predict", hand, "--csv"))
    assert [record["predicted"] for record in records] == table["predicted"].tolist()
    assert records[0]["finetune_pairs"] is None
    assert records[0]["low"] is None
    assert records[0]["pretrain_tokens"] == 16_000_000


def test_plots_into_a_folder(run, study, tmp_path):
    done = run("fit", study, "--metric", "bleu", "--plot", tmp_path / "figures")
    assert done.exit_code == 0
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == ["en-de_1000_bleu.png", "en-de_1000_bleu.svg"]


def test_a_plot_into_a_file_does_not_speak_of_pairs_that_nobody_gave(run, hand, tmp_path):
    done = run("fit", hand, "--plot", tmp_path / "curve.svg")
    assert done.exit_code == 0
    assert done.stdout.startswith("track,task")
    assert "finetuning on" not in (tmp_path / "curve.svg").read_text()
    assert [path.name for path in tmp_path.glob("curve*")] == ["curve.svg"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("figure.gif", "a file ends in .png or .svg"), ("figure.png", "there are 2 figures; give a folder")],
)
def test_a_plot_that_cannot_be_is_refused(run, study, tmp_path, name, message):
    done = run("fit", study, "--plot", tmp_path / name)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stdout == ""
