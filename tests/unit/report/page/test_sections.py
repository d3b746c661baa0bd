"""Sentences of the sections below the answer, and of test text seen in training."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from downlaw.alignment.relations import RELATION_COLUMNS
from downlaw.contamination import SCORES_COLUMNS
from downlaw.report.page import read_results
from downlaw.report.page.seen import seen_said


def scores(seen: int) -> pd.DataFrame:
    """The scores of a run with so many test segments seen."""
    row = {"task": "en-de", "finetune_pairs": 8000, "mixture": "en", "pretrain_tokens": 2**19, "n": 8}
    row |= {"metric": "bleu", "test_segments": 500, "segments_seen": seen, "score_all": 9.0}
    return pd.DataFrame([row | {"score_unseen": 8.0 if seen else 9.0}]).reindex(columns=list(SCORES_COLUMNS))


@pytest.mark.parametrize(
    ("known", "by_construction"),
    [(None, False), ({"study": "mine"}, True), ({"study": "mine", "decontaminate": False}, False)],
)
def test_none_seen_is_said_with_its_rule(study: Path, known: dict | None, by_construction: bool):
    results = replace(read_results(study), study=known)
    (said,) = seen_said(results, scores(0))
    assert said.startswith(
        "None of the 500 test segments was seen in training text. The rule: 8 words in a row, or a shorter"
        " segment as a whole."
    )
    assert ("so that none is seen by construction" in said) == by_construction


def test_what_was_seen_is_never_by_construction(study: Path):
    (said,) = seen_said(replace(read_results(study), study={"study": "mine"}), scores(5))
    assert "5 (1.0%) were seen" in said and "8 words in a row" in said and "by construction" not in said


def test_the_most_frequent_reason_says_why_no_measure_is_best(study: Path, tmp_path: Path, read):
    folder = tmp_path / "results"
    shutil.copytree(study, folder)
    row = {"task": "en-de", "finetune_pairs": 8000, "metric": "bleu", "decidable": "no"}
    reasons = ["a rare one", *["not decidable: 3 mixtures, at least 8 are needed"] * 2]
    rows = [row | {"measure": f"m{number}", "reason": why} for number, why in enumerate(reasons)]
    table = pd.DataFrame(rows).reindex(columns=list(RELATION_COLUMNS))
    table.to_csv(folder / "alignment_relations.csv", index=False)
    assert (
        "gain of BLEU: which measure predicts best is not decidable: 3 mixtures, at least 8 are needed."
        in read(folder).text
    )
