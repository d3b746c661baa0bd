"""What a valuation refuses, and what a verdict takes out of it."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from made_valuations import BLEU, at_budget, table, to_target

from downlaw.laws import TableError
from downlaw.laws.valuation import value_runs


def test_a_misaligned_verdict_voids_a_valuation_and_leaves_the_others():
    keys = {"task": "de-en", "finetune_pairs": 5000, "metric": "bleu"}
    verdicts = pd.DataFrame(
        [
            keys | {"mixture": "good", "verdict": "misaligned"},
            keys | {"mixture": "poor", "verdict": "aligned"},
        ]
    )
    valuations = value_runs(table(), verdicts=verdicts)
    for rows in (at_budget(valuations, "bleu"), to_target(valuations, "bleu")):
        assert set(rows.loc[["good"], "answer"]) == {"void"}
        assert rows.loc[["good"], "reason"].str.contains("misaligned").all()
        assert rows.loc[["good"], ["predicted", "pretrain_tokens_low", "gain"]].isna().all().all()
        assert set(rows.loc[["poor"], "verdict"]) == {"aligned"}
        assert set(rows.loc[["poor"], "best_mixture"]) == {"poor"}
    assert at_budget(valuations, "cross_entropy")["verdict"].isna().all()
    saturated = value_runs(table(), verdicts=verdicts.assign(verdict="saturated"))
    rows = at_budget(saturated, "bleu")
    assert rows["reason"].str.contains("gains nothing").all() and rows["predicted"].notna().all()


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        ({"task": ["de-en"]}, "column 'finetune_pairs' is missing"),
        (
            dict(task=["a"] * 2, finetune_pairs=[1] * 2, mixture=["m"] * 2, metric=["bleu"] * 2, verdict="x"),
            "line 3: a second verdict",
        ),
        (
            dict(task=["a"], finetune_pairs=["few"], mixture=["m"], metric=["bleu"], verdict="x"),
            "line 2: finetune_pairs is not a number",
        ),
    ],
)
def test_a_bad_table_of_verdicts_is_refused(verdicts, message):
    with pytest.raises(TableError, match=message):
        value_runs(table(), verdicts=pd.DataFrame(verdicts))


def test_a_budget_in_flops_needs_flops():
    without = table().drop(columns="pretrain_flops")
    with pytest.raises(TableError, match="'pretrain_flops' is missing, and a budget in FLOPs needs it"):
        value_runs(without, flop_budgets=[1e13])
    assert value_runs(without)["pretrain_flops"].isna().all()
    rows = at_budget(value_runs(without, flop_budgets=[1e13], flops_per_token=2e6, metrics=BLEU), "bleu")
    assert (rows["pretrain_tokens"] == 5_000_000).all()
    emptied = table()
    emptied.loc[emptied["mixture"] == "poor", "pretrain_flops"] = math.nan
    with pytest.raises(TableError, match="pretrain_flops is empty for poor"):
        value_runs(emptied, flop_budgets=[1e13])
    text = table().astype({"pretrain_flops": object})
    text.loc[3, "pretrain_flops"] = "many"
    with pytest.raises(TableError, match="line 5: pretrain_flops is 'many', not a number of FLOPs"):
        value_runs(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budgets": [0]}, "budgets must be positive"),
        ({"flop_budgets": [math.nan]}, "flop_budgets must be positive"),
        ({"targets": {"bleu": [-1]}}, "targets of bleu must be positive"),
        ({"targets": {"blue": [20]}}, "there is no metric 'blue'"),
        ({"far": 0}, "far must be positive"),
        ({"flops_per_token": -1.0}, "flops_per_token must be positive"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        value_runs(table(), **options)
