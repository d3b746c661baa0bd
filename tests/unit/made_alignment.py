"""Tables of runs, verdicts and alignment of as many mixtures as a test asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from downlaw.alignment.measures import ALIGNMENT_COLUMNS, MEASURES

SIZES = ("identified_windows", "js_windows_source", "js_windows_target", "ngram_pieces")
SIZES += ("domain_windows_source", "domain_windows_target")
TOKENS = (2000, 4000)


def names(count: int) -> list[str]:
    return [f"m{place:02}" for place in range(count)]


def made_runs(
    gains: Sequence[float], baseline: float | None = 9.0, metrics: Sequence[str] = ("bleu",)
) -> pd.DataFrame:
    """Scores that at the largest Dp lie so far above the baseline, and losses as far below it."""
    rows = []
    for name, gain in zip(names(len(gains)), gains, strict=True):
        for tokens in TOKENS:
            rows.append({"mixture": name, "pretrain_tokens": tokens, "_gain": gain * tokens / TOKENS[-1]})
    if baseline is not None:
        rows.append({"mixture": "", "pretrain_tokens": 0, "_gain": 0.0})
    runs = pd.DataFrame(rows, columns=["mixture", "pretrain_tokens", "_gain"])
    for metric in metrics:
        sign = -1 if metric == "cross_entropy" else 1
        runs[metric] = (9.0 if baseline is None else baseline) + sign * runs["_gain"]
    return runs.drop(columns="_gain").assign(task="en-de", finetune_pairs=200)


def made_alignment(count: int, seed: int = 1, **columns: Sequence[float]) -> pd.DataFrame:
    """Measures at random, but for those that are given."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame({"task": "en-de", "mixture": names(count)}, columns=list(ALIGNMENT_COLUMNS))
    for measure in MEASURES:
        table[measure.name] = generator.random(count)
    for size in SIZES:
        table[size] = 1000
    return table.assign(**columns)


def made_verdicts(words: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame({"mixture": names(len(words)), "verdict": words})
    return table.assign(task="en-de", finetune_pairs=200, metric="bleu", reason="made up")
