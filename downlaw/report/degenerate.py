"""How much of the output is degenerate, in plain sentences: where it is much, it explains a low score."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from .labels import enumerate_words, mixture_styles, short_count

FAULTS = {
    "empty_output": "is empty",
    "copied_output": "copies the source",
    "wrong_language_output": "is in another language",
    "looping_output": "loops",
}
"""What is said of a share of hypotheses, by its column in a table of runs."""

LEAST_SHARE = 0.02
"""A smaller share moves no score by much, and is not told."""


def degenerate_said(runs: pd.DataFrame) -> Iterator[str]:
    """The shares of the runs of one task and finetuning size: without pretraining, and at the smallest and
    the largest Dp of each mixture; means over seeds. A table without the columns has nothing to say."""
    kept = runs[runs["selected"] & (runs["status"] == "ok")]
    kept = kept[kept.reindex(columns=[*FAULTS]).notna().any(axis=1)]
    for mixture in ("", *mixture_styles(runs)):
        here = kept[kept["mixture"] == mixture]
        told = []
        for tokens in dict.fromkeys((here["pretrain_tokens"].min(), here["pretrain_tokens"].max())):
            if said := _shares(here[here["pretrain_tokens"] == tokens]):
                told.append(f"{said} at Dp = {short_count(tokens)}" if mixture else said)
        if told:
            which = f"with {mixture}" if mixture else "without pretraining"
            yield f"Of the output {which}, {'; '.join(told)}."


def _shares(runs: pd.DataFrame) -> str:
    shares = {words: runs[column].mean() for column, words in FAULTS.items() if column in runs}
    return enumerate_words(
        [f"{100 * share:.0f}% {words}" for words, share in shares.items() if share >= LEAST_SHARE]
    )
