"""Runs of two mixtures of which one is worth more tokens than the other, and what was asked of them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from downlaw.laws import METRICS

BLEU = {"bleu": METRICS["bleu"]}
TOKENS = [100_000 * 2**step for step in range(6)]
LARGEST = TOKENS[-1]
FASTER = 3.0
"""One token of mixture `good` does what this many of mixture `poor` do."""


def loss(tokens: float) -> float:
    return 2.5 + 30 * tokens**-0.3


def score(tokens: float) -> float:
    return math.log(1e-4 * tokens**0.9) ** 2 / 2


def run(mixture: str, tokens: int, **columns: object) -> dict[str, object]:
    worth = tokens * (FASTER if mixture == "good" else 1.0)
    row = {"task": "de-en", "finetune_pairs": 5000, "mixture": mixture, "pretrain_tokens": tokens}
    row |= {"cross_entropy": loss(worth) if tokens else 4.0, "bleu": score(worth) if tokens else 2.0}
    row |= {"pretrain_flops": tokens * (2e6 if mixture == "good" else 1e6)}
    return row | columns


def table(mixtures: tuple[str, ...] = ("good", "poor"), baseline: bool = True) -> pd.DataFrame:
    rows = [run(mixture, tokens) for mixture in mixtures for tokens in TOKENS]
    return pd.DataFrame(([run("", 0)] if baseline else []) + rows)


def noisy(noise: float = 0.01, seed: int = 1, **options: object) -> pd.DataFrame:
    runs, rng = table(**options), np.random.default_rng(seed)
    for metric in ("cross_entropy", "bleu"):
        runs[metric] *= np.exp(noise * rng.normal(size=len(runs)))
    return runs


def resamples(runs: pd.DataFrame, draws: int = 300, *, common: float, own: float) -> pd.DataFrame:
    """Test sets drawn anew, with an error of ln(metric) that all runs share and one that each has alone."""
    rng = np.random.default_rng(4)
    shared = common * rng.normal(size=draws)
    parts = []
    for row in runs.to_dict("records"):
        for metric in ("cross_entropy", "bleu"):
            errors = shared + own * rng.normal(size=draws)
            keys = {k: row[k] for k in ("task", "finetune_pairs", "mixture", "pretrain_tokens")}
            keys |= {"pretraining_seed": 0, "finetuning_seed": 0, "metric": metric}
            parts.append(
                pd.DataFrame({**keys, "resample": range(draws), "value": row[metric] * np.exp(errors)})
            )
    return pd.concat(parts, ignore_index=True)


def at_budget(valuations: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = valuations[(valuations["metric"] == metric) & (valuations["question"] == "score at a budget")]
    return rows.set_index("mixture")


def to_target(valuations: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = valuations[(valuations["metric"] == metric) & (valuations["question"] == "tokens to a target")]
    return rows.set_index("mixture")
