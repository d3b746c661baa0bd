"""The measures of how close a mixture is to a task, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Measure:
    """A column of the table of alignment. label: for figures. higher_is_closer: which end means that the
    mixture is close to the task."""

    name: str
    label: str
    higher_is_closer: bool


_SIDES = ("source", "target")
_NGRAMS = ("unigram", "bigram", "trigram")

MEASURES: tuple[Measure, ...] = (
    Measure("alignment_score", "Eq. 2, shares by label", True),
    Measure("identified_alignment_score", "Eq. 2, shares identified", True),
    *(Measure(f"identified_{side}", f"identified share of the {side}", True) for side in _SIDES),
    *(
        Measure(f"js_{order}_{side}", f"{order}s, JS divergence, {side}", False)
        for order in _NGRAMS
        for side in _SIDES
    ),
    *(Measure(f"ngram_cross_entropy_{side}", f"trigram loss of the {side}, nats", False) for side in _SIDES),
    *(Measure(f"domain_distance_{side}", f"domain distance, {side}", False) for side in _SIDES),
)
"""In the order of tables and figures."""

ALIGNMENT_COLUMNS = (
    *("task", "mixture", "source", "target"),
    *("alignment_score", "labelled_source", "labelled_target", "labelled_other"),
    *("identified_alignment_score", "identified_source", "identified_target", "identified_other"),
    *("identified_windows", "task_identified_source", "task_identified_target"),
    *(f"js_{order}_{side}{end}" for order in _NGRAMS for side in _SIDES for end in ("", "_floor")),
    *(f"js_windows_{side}" for side in _SIDES),
    *(f"ngram_cross_entropy_{side}" for side in _SIDES),
    *("ngram_pieces", "ngram_valid_pieces_source", "ngram_valid_pieces_target"),
    *(f"{what}_{side}" for what in ("domain_distance", "domain_error", "domain_windows") for side in _SIDES),
    *("window_pieces", "notes"),
)


def alignment_table(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """What was measured of each mixture, one row a task and mixture, columns ALIGNMENT_COLUMNS; what could
    not be measured is empty, and `notes` says why."""
    rows = [
        {"task": task, "mixture": record["mixture"], **measured, "notes": "; ".join(measured["notes"])}
        for record in records
        for task, measured in record["tasks"].items()
    ]
    table = pd.DataFrame(rows, columns=list(ALIGNMENT_COLUMNS))
    table["notes"] = table["notes"].replace("", None)
    return table.sort_values(["task", "mixture"], kind="stable", ignore_index=True)
