from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_pages import runs_table

from downlaw.laws import LAW_COLUMNS, PREDICTION_COLUMNS
from downlaw.metrics.comparisons import COMPARISON_COLUMNS
from downlaw.report.page import State, read_results
from downlaw.report.page.answer import transfer_answer
from downlaw.report.page.blocks import Answer, Names, Sure, percent

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


def judged_laws(
    mixtures: str = "abc", metrics: tuple[str, ...] = ("bleu", "cross_entropy"), **changed: object
) -> pd.DataFrame:
    """Laws that passed their tests, but for what is changed of a."""
    place = {"track": "transfer", "task": "en-de", "finetune_pairs": 8000, "role": "law", "law": "log_law"}
    passed = {"status": "ok", "held_out_error": 0.02, "misfit_p": 0.5, "best": True, "noise": "segments"}
    rows = [
        place | passed | {"metric": metric, "mixture": mixture} | (changed if mixture == "a" else {})
        for metric in metrics
        for mixture in mixtures
    ]
    return pd.DataFrame(rows).reindex(columns=list(LAW_COLUMNS))


@pytest.fixture
def answer(tmp_path: Path):
    """The answer of valuations over made runs, seeds as asked, by laws that passed their tests."""

    def of(*rows: list[dict], seeds: int = 1, study: dict | None = None, **tables: pd.DataFrame) -> Answer:
        tables = {"laws": judged_laws()} | tables
        runs = runs_table(["a", "b", "c"])
        runs = pd.concat([runs, *(runs.assign(pretraining_seed=n + 2) for n in range(seeds - 1))])
        runs.to_csv(tmp_path / "runs.csv", index=False)
        pd.DataFrame([row for some in rows for row in some]).to_csv(tmp_path / "valuations.csv", index=False)
        for name, table in tables.items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        results = replace(read_results(tmp_path), study=study)
        assert not [one for one in results.left_out if one.state != State.MISSING]
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


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"held_out_error": 0.4}, "missed held-out points by more than the lead in BLEU"),
        ({"held_out_error": None}, "was not tested on held-out points in BLEU"),
        ({"misfit_p": 0.04}, "does not fit its own points in BLEU"),
        ({"status": "unidentified"}, "is not fixed by its points in BLEU"),
    ],
)
def test_a_lead_by_a_law_in_doubt_is_told_as_it_was_measured(answer, changed: dict, doubt: str):
    found = answer(valued("bleu", "a", **CLEAR), seeds=2, laws=judged_laws(**changed))
    assert found.sure == Sure.LEANING and found.badge == "leaning" and doubt in found.confidence
    assert found.answer.startswith(
        "a is ahead as measured at Dp = 524k and, by its laws, at 2.1M, in BLEU; how far ahead at 2.1M is"
        " uncertain"
    )


def test_a_held_out_error_below_the_lead_is_clear_and_one_above_is_not(answer):
    lead = 1.0 / 4.0  # of CLEAR: the next is behind by 1 of 4
    below, above = (
        answer(valued("bleu", "a", **CLEAR), seeds=2, laws=judged_laws(held_out_error=np.log1p(lead + off)))
        for off in (-0.01, 0.01)
    )
    assert below.sure == Sure.CLEAR and above.sure == Sure.LEANING
    assert any("missed held-out points by 26.0%, more than the lead of 25.0%" in each for each in above.why)


def test_a_rival_that_was_missed_by_more_than_the_lead_counts_too(answer):
    laws = judged_laws()
    laws.loc[laws["mixture"] == "b", "held_out_error"] = 0.5
    assert answer(valued("bleu", "a", **CLEAR), laws=laws).sure == Sure.LEANING


def test_without_a_table_of_laws_nothing_is_clear(answer):
    found = answer(valued("bleu", "a", **CLEAR), laws=judged_laws(mixtures=""))
    assert found.sure == Sure.LEANING and "was not tested" in found.confidence


@pytest.mark.parametrize(("limit", "sure"), [(0.01, Sure.LEANING), (0.03, Sure.ONE_SEED)])
def test_a_law_that_failed_its_test_is_in_doubt(answer, limit: float, sure: Sure):
    verdict = {"task": "en-de", "finetune_pairs": 8000, "mixture": "a", "metric": "bleu", "reason": "so"}
    verdict |= {"verdict": "inconclusive", "held_out_error": 0.02, "held_out_limit": limit}
    found = answer(valued("bleu", "a", **CLEAR), verdicts=pd.DataFrame([verdict]))
    assert found.sure == sure
    assert ("its law failed its test on held-out points in BLEU" in found.confidence) == (
        sure == Sure.LEANING
    )


def test_laws_in_doubt_against_what_was_measured_decide_nothing(answer):
    rows = valued("bleu", "b", a=CLEAR["b"], c=CLEAR["c"])
    laws = judged_laws()
    laws.loc[laws["mixture"] == "b", "misfit_p"] = 0.001
    found = answer(rows, laws=laws)
    assert found.sure == Sure.OPEN
    assert (
        "laws in doubt put b ahead at Dp = 2.1M, but as measured at Dp = 524k, a in BLEU is" in found.answer
    )


def test_a_score_in_doubt_is_named_beside_one_that_is_clear(answer):
    laws = judged_laws()
    laws.loc[(laws["mixture"] == "a") & (laws["metric"] == "bleu"), "status"] = "unidentified"
    losses = {"b": (0.3, 0.2, 0.4), "c": (0.5, 0.4, 0.6)}
    found = answer(valued("cross_entropy", "a", **losses), valued("bleu", "a", **CLEAR), laws=laws)
    assert found.sure == Sure.ONE_SEED and "its laws lead in cross-entropy, beyond" in found.answer
    assert "BLEU: ahead too, by how much is uncertain." in found.answer


def test_what_the_laws_missed_by_and_a_better_family_are_told(answer):
    point = {"task": "en-de", "finetune_pairs": 8000, "mixture": "a", "metric": "bleu", "fitted": "smallest"}
    point |= {
        "pretrain_tokens": 2**19,
        "observed": 2.0,
        "predicted": 2.7,
        "law": "log_law",
        "noise": "segments",
    }
    rival = judged_laws("a", ("bleu",)).assign(role="rival", law="sigmoid", best=True)
    laws = pd.concat([judged_laws(best=False, misfit_p=0.01), rival])
    found = answer(
        valued("bleu", "a", **CLEAR),
        laws=laws,
        predictions=pd.DataFrame([point]).reindex(columns=list(PREDICTION_COLUMNS)),
    )
    assert "at worst it overshot BLEU by 35% at Dp = 524k" in found.confidence
    assert any("they overshot BLEU by 35% at Dp = 524k" in each for each in found.why)
    assert any("predicted points of a better, each from those before it: a sigmoid in BLEU" in each
               for each in found.why)  # fmt: skip
    assert any("Another family of laws for a: some points of BLEU" in each for each in found.would_change)


def compared(p: float, holm: float) -> pd.DataFrame:
    """The measured differences of a to the others in BLEU."""
    row = {"task": "en-de", "finetune_pairs": 8000, "comparison": "two mixtures", "metric": "bleu"}
    row |= {"mixture_a": "a", "pretrain_tokens_a": 2**19, "pretrain_tokens_b": 2**19, "difference": 1.0}
    rows = [row | {"mixture_b": name, "p_value": p, "p_holm": holm} for name in "bc"]
    fall = row | {
        "comparison": "more pretraining",
        "mixture_b": "a",
        "difference": -1.0,
        "why": "shorter output",
    }
    rows.append(
        fall | {"pretrain_tokens_b": 2**18, "score_a": 1.0, "score_b": 2.0, "p_value": p, "p_holm": holm}
    )
    return pd.DataFrame(rows).reindex(columns=list(COMPARISON_COLUMNS))


def test_measured_leads_are_told_with_both_p(answer):
    stands = " ".join(answer(valued("bleu", "a", **CLEAR), comparisons=compared(0.001, 0.02)).why)
    assert (
        "Measured at Dp = 524k, a is ahead of every other beyond the noise of the test set in BLEU"
        " (p at most 0.001, 0.02 after Holm's correction)." in stands
    )
    assert "fell from 2.0 at Dp = 262k to 1.0 at 524k (p = 0.001, 0.02 after Holm's correction)" in stands
    falls = " ".join(answer(valued("bleu", "a", **CLEAR), comparisons=compared(0.009, 0.12)).why)
    assert "BLEU (p at most 0.009, 0.12 after Holm's correction), but this does not stand after" in falls
    assert "0.12 after Holm's correction, and so does not stand)" in falls
    noise = " ".join(answer(valued("bleu", "a", **CLEAR), comparisons=compared(0.4, 1.0)).why)
    assert "but noise of the test set may explain it" in noise


def test_of_those_with_a_law_where_a_mixture_has_none(answer):
    found = answer(valued("bleu", "b", c=CLEAR["b"], a="no law"), comparisons=compared(0.009, 0.12))
    why = " ".join(found.why)
    assert "BLEU: of those with a law, b is predicted" in why and "a has no law at this budget" in why
    assert "As measured at Dp = 524k, a is best, with" in why
    assert "(p at most 0.009, 0.12 after Holm's correction)" in why and "%" not in found.confidence
    row = found.table.frame.iloc[0]
    assert row["ahead shown"] == "b (of those with a law)" and pd.isna(row["share_best"])
    assert row["measured_best"] == "a" and row["measured_tokens"] == 2**19


def test_shares_are_never_rounded_to_all_or_nothing(answer):
    assert ">99% in BLEU" in answer(valued("bleu", "a", 0.997, **CLEAR)).confidence
    show = percent(0)
    assert [show(share) for share in (0.0, 0.002, 0.5, 0.997, 1.0)] == ["0%", "<1%", "50%", ">99%", "100%"]
    assert percent(1)(0.9999) == ">99.9%" and percent(1)(0.0001) == "<0.1%"


def test_the_table_of_budgets_holds_numbers_unrounded(answer):
    frame = answer(valued("bleu", "a", **CLEAR)).table.frame
    kept = frame[[name for name in frame if " " not in name]]
    assert kept.loc[0, ["predicted", "predicted_low", "behind", "behind_low", "behind_high"]].tolist() == [
        *(4.0, 3.9, 1.0, 0.7, 1.3)
    ]
    assert not [name for name in kept if kept[name].astype(str).str.contains(r"\[").any()]


def test_the_next_run_is_asked_of_the_folder_by_its_name(answer, tmp_path: Path):
    rows = valued("bleu", "a", 0.8, **CLOSE)
    (told,) = [each for each in answer(rows).would_change if "downlaw next" in each]
    assert f"`downlaw next {tmp_path.name}/runs.csv --metric" in told
    (told,) = [each for each in answer(rows, study={"results": "my results"}).would_change if "`" in each]
    assert "`downlaw next 'my results/runs.csv' --metric" in told
    (told,) = [each for each in answer(rows, study={"results": "/far/off"}).would_change if "`" in each]
    assert "/far" not in told
