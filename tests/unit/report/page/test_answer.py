from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from made_pages import runs_table

from downlaw.report.page import read_results
from downlaw.report.page.answer import transfer_answer
from downlaw.report.page.blocks import Answer, Names, Sure

TOKENS = 2**21


def valued(metric: str, best: str, share: float = 0.99, **others: tuple) -> list[dict]:
    """The rows of a comparison at one budget; others: differences with both ends, or why there is none."""
    common = {"track": "transfer", "task": "en-de", "finetune_pairs": 8000, "metric": metric}
    common |= {
        "question": "score at a budget",
        "budget_flops": None,
        "pretrain_tokens": TOKENS,
        "baseline": 2.0,
    }
    common |= {"noise": "segments", "interval_level": 0.9, "verdict": None, "answer": "ok", "reason": None}
    empty = dict.fromkeys(("predicted", "predicted_low", "predicted_high", "share_best"))
    empty |= dict.fromkeys(("difference", "difference_low", "difference_high", "best_mixture"))
    there = {"predicted": 4.0, "predicted_low": 3.9, "predicted_high": 4.1, "best_mixture": best}
    rows = [common | empty | there | {"mixture": best, "share_best": share}]
    for mixture, found in others.items():
        if isinstance(found, str):
            rows.append(common | empty | {"mixture": mixture, "answer": found})
        else:
            gap = dict(zip(("difference", "difference_low", "difference_high"), found, strict=True))
            rows.append(common | empty | there | gap | {"mixture": mixture, "share_best": 1 - share})
    return rows


@pytest.fixture
def answer(tmp_path: Path):
    """The answer of valuations over made runs, seeds as asked."""

    def of(*rows: list[dict], seeds: int = 1, **tables: pd.DataFrame) -> Answer:
        runs = runs_table(["a", "b", "c"])
        runs = pd.concat([runs, *(runs.assign(pretraining_seed=n + 2) for n in range(seeds - 1))])
        runs.to_csv(tmp_path / "runs.csv", index=False)
        pd.DataFrame([row for some in rows for row in some]).to_csv(tmp_path / "valuations.csv", index=False)
        for name, table in tables.items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        results = read_results(tmp_path)
        return transfer_answer(results, results["runs"], "en-de", 8000, Names())

    return of


CLEAR = {"b": (-1.0, -1.3, -0.7), "c": (-2.0, -2.5, -1.5)}
CLOSE = {"b": (-0.1, -0.3, 0.1), "c": (-2.0, -2.5, -1.5)}


def test_a_lead_beyond_the_noise_is_clear_with_several_seeds(answer):
    one, several = answer(valued("bleu", "a", **CLEAR)), answer(valued("bleu", "a", **CLEAR), seeds=2)
    assert one.sure == Sure.ONE_SEED and several.sure == Sure.CLEAR
    assert one.answer.startswith("a: at Dp = 2.1M its laws lead in BLEU, beyond the noise")
    assert any("A second pretraining seed" in each for each in one.would_change)
    assert not any("A second pretraining seed" in each for each in several.would_change)


def test_a_lead_within_the_noise_leans_or_is_open(answer):
    leaning = answer(valued("bleu", "a", 0.8, **CLOSE))
    assert leaning.sure == Sure.LEANING and leaning.answer.startswith("Leaning to a")
    undecided = answer(valued("bleu", "a", 0.5, **CLOSE))
    assert undecided.sure == Sure.OPEN and undecided.answer.startswith("Not decidable at Dp = 2.1M")
    assert any(
        "`downlaw next" in each and "--metric bleu --budget 2097152" in each
        for each in undecided.would_change
    )


def test_scores_that_disagree_are_told_apart(answer):
    losses = {"b": (0.3, 0.2, 0.4), "a": (0.5, 0.4, 0.6)}
    found = answer(valued("cross_entropy", "c", **losses), valued("bleu", "a", **CLEAR))
    assert found.sure == Sure.LEANING
    assert "It depends on the score: at Dp = 2.1M, c in cross-entropy; a in BLEU" in found.answer


def test_a_mixture_without_a_law_keeps_a_score_from_being_decided(answer):
    found = answer(valued("bleu", "a", b=CLEAR["b"], c="no law"))
    assert found.sure == Sure.OPEN and any("c has no law at this budget" in each for each in found.why)
    void = answer(valued("bleu", "a", b=CLEAR["b"], c="void"))
    assert void.sure == Sure.ONE_SEED


def test_a_level_mixture_that_lies_behind_does(answer):
    rows = valued("bleu", "a", b=CLEAR["b"], c="no law")
    for row in rows:
        row["status"] = "flat" if row["mixture"] == "c" else "ok"
    rows[0] |= dict.fromkeys(("predicted", "predicted_low", "predicted_high"), 100.0)
    rows[1] |= {"difference": -50.0, "difference_low": -60.0, "difference_high": -40.0}
    assert answer(rows).sure == Sure.ONE_SEED


def test_unknown_noise_is_said(answer):
    found = answer(valued("bleu", "a", b=(-1.0, None, None), c=(-2.0, None, None)))
    assert found.sure == Sure.OPEN and "but the noise is not known" in found.answer


def test_a_single_law_is_compared_with_nothing(answer):
    found = answer(valued("bleu", "a", b="no law", c="void"))
    assert found.sure == Sure.OPEN and "a alone has a law" in found.answer


def test_nothing_helps_where_every_verdict_says_so(answer):
    place = {"task": "en-de", "finetune_pairs": 8000, "metric": "bleu"}
    judged = {"verdict": "saturated", "reason": "it equals no pretraining"}
    verdicts = pd.DataFrame([place | judged | {"mixture": mixture} for mixture in "abc"])
    found = answer(valued("bleu", "a", **CLEAR), verdicts=verdicts)
    assert found.answer.startswith("None of these mixtures: every curve of a score is saturated.")


def test_much_degenerate_output_is_told(answer):
    assert any("with a at Dp = 524k, 30% loops" in each for each in answer(valued("bleu", "a", **CLEAR)).why)
