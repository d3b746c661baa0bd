"""How much of the test text was seen in training, and what that changes, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from downlaw.corpora.overlap import N

from .labels import METRIC_LABELS, enumerate_words, short_count

TOLD = ("cross_entropy", "bleu")
"""Metrics that the sentence speaks of."""


def contamination_said(scores: pd.DataFrame) -> Iterator[str]:
    """The share of test segments seen with the mixture that holds most of them, and its scores without them
    at the largest Dp; means over seeds.

    scores: of one task and finetuning size, as score_without_seen returned them; without rows nothing is
    said.
    """
    here = scores[scores["n"] == N]
    if here.empty:
        return
    segments, most = int(here["test_segments"].iloc[0]), int(here["segments_seen"].max())
    if not most:
        yield f"None of the {segments:,} test segments was seen in training text."
        return
    mixtures = here.loc[here["segments_seen"] == most, "mixture"].fillna("")
    mixture = min(mixtures)  # no pretraining, which has no name, where no mixture adds to finetuning pairs
    of_mixture = here[here["mixture"].fillna("") == mixture]
    tokens = of_mixture["pretrain_tokens"].max()
    where = f"in the text of {mixture} or in finetuning pairs" if mixture else "in finetuning pairs"
    sentence = f"Of {segments:,} test segments {most:,} ({100 * most / segments:.1f}%) were seen {where}"
    changed = []
    for metric in TOLD:
        at = of_mixture[(of_mixture["metric"] == metric) & (of_mixture["pretrain_tokens"] == tokens)]
        if at["score_unseen"].notna().any():
            label = METRIC_LABELS[metric]
            means = at[["score_all", "score_unseen"]].mean()
            whole, unseen = (f"{mean:.{label.decimals}f}" for mean in means)
            changed.append(f"{label.name} is {unseen}" + (f" and not {whole}" if unseen != whole else " too"))
    if changed:
        place = f"at Dp = {short_count(tokens)}" if mixture else "with no pretraining"
        sentence += f"; without them, {place}, {enumerate_words(changed)}"
    yield f"{sentence}."
