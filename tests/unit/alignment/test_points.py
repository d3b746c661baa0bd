from __future__ import annotations

import pandas as pd
import pytest
from made_alignment import made_runs, made_verdicts

from downlaw.alignment.points import POINT_COLUMNS, points
from downlaw.laws import TableError


def of(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table["metric"] == metric].set_index("mixture")


def test_gains_are_taken_at_the_largest_dp_and_positive_where_pretraining_helps():
    table = points(
        made_runs([0.5, -0.2], metrics=["cross_entropy", "bleu"]), made_verdicts(["aligned", "misaligned"])
    )
    assert list(table.columns) == list(POINT_COLUMNS)
    loss, bleu = of(table, "cross_entropy"), of(table, "bleu")
    assert loss["gain"].tolist() == pytest.approx([0.5, -0.2])
    assert bleu["gain"].tolist() == pytest.approx([0.5, -0.2])
    assert set(table["pretrain_tokens"]) == {4000}
    assert bleu["verdict"].tolist() == ["aligned", "misaligned"]
    assert loss["verdict"].isna().all()


def test_a_mixture_that_did_not_get_so_far_has_no_gain_and_says_why():
    runs = made_runs([0.5, 0.1, 0.3])
    runs["status"] = "ok"
    runs.loc[(runs["mixture"] == "m01") & (runs["pretrain_tokens"] == 4000), "status"] = "diverged"
    runs.loc[runs["mixture"] == "m02", "status"] = "diverged"
    bleu = of(points(runs), "bleu")
    assert bleu["gain"].notna().tolist() == [True, False, False]
    assert bleu["reason"].tolist()[1:] == ["no finished run at Dp = 4,000"] * 2


def test_without_a_baseline_there_is_no_gain():
    table = points(made_runs([0.5, 0.1], baseline=None))
    assert table["gain"].isna().all() and set(table["reason"]) == {"no finished baseline"}


def test_without_a_finished_run_there_is_nothing_but_the_reason():
    runs = made_runs([0.5]).assign(status="diverged")
    table = points(runs)
    assert set(table["reason"]) == {"no finished run"} and table["pretrain_tokens"].isna().all()
    assert points(made_runs([])).empty


def test_a_table_that_is_none_is_refused():
    with pytest.raises(TableError, match="column 'task' is missing"):
        points(made_runs([0.5]).drop(columns="task"))
