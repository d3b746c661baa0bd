from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from downlaw.laws import METRICS, fit_runs
from downlaw.laws.valuation import value_runs
from downlaw.laws.verdicts import verdict_runs
from downlaw.report.lines import law_lines

SAMPLES = 100
TOKENS = [32_768 * 2**step for step in range(6)]
HOLDS = {"en+de": ("both languages", 1.0), "en": ("source only", 0.7), "fr+ro": ("neither", 0.0)}


def run(mixture: str, tokens: int, cross_entropy: float, bleu: float) -> dict[str, object]:
    holds, score = HOLDS.get(mixture, (None, None))
    row = {"task": "en-de", "src": "en", "tgt": "de", "mixture": mixture, "mixture_holds": holds}
    row |= {"alignment_score": score, "pretrain_tokens": tokens, "finetune_pairs": 8000}
    row |= {"pretraining_seed": 1 if mixture else None, "finetuning_seed": 1, "learning_rate": 0.002}
    row |= {"selected": True, "status": "ok", "reason": None, "test_segments": 500, "brevity_penalty": 0.95}
    row |= {
        f"cross_entropy{end}": cross_entropy + by for end, by in (("", 0), ("_low", -0.06), ("_high", 0.06))
    }
    row |= {f"bleu{end}": bleu + by for end, by in (("", 0), ("_low", -0.5), ("_high", 0.5))}
    return row | {"chrf": 15 + 2 * bleu, "comet": None}


def study() -> pd.DataFrame:
    """A study of one task: two mixtures that help, one that helps cross-entropy and harms BLEU."""
    rows = [run("", 0, 5.1, 1.9)]
    for mixture, floor, steepness in (("en+de", 3.3, 1.0), ("en", 3.6, 0.6)):
        for tokens in TOKENS:
            bleu = (steepness * (math.log(tokens) - 8)) ** 1.5 / 1.5
            rows.append(run(mixture, tokens, floor + 60 * tokens**-0.35, bleu))
    for tokens in TOKENS:
        rows.append(run("fr+ro", tokens, 4.3 + 20 * tokens**-0.35, 2.6 - 0.07 * math.log(tokens)))
    return pd.DataFrame(rows)


@pytest.fixture
def runs() -> pd.DataFrame:
    return study()


def fit_quickly(runs: pd.DataFrame, *metrics: str) -> pd.DataFrame:
    """The laws of some metrics, without rivals, or all there is; few samples for the intervals."""
    chosen = {metric: replace(METRICS[metric], rivals=()) for metric in metrics}
    return fit_runs(runs, metrics=chosen or METRICS, samples=SAMPLES)


@pytest.fixture(scope="session")
def fit() -> Callable[..., pd.DataFrame]:
    return fit_quickly


@pytest.fixture(scope="session")
def laws() -> pd.DataFrame:
    return fit_quickly(study())


@pytest.fixture(scope="session")
def lines() -> pd.DataFrame:
    return law_lines(study(), samples=SAMPLES)


@pytest.fixture(scope="session")
def verdicts() -> pd.DataFrame:
    return verdict_runs(study(), samples=SAMPLES)


@pytest.fixture(scope="session")
def valuations(verdicts: pd.DataFrame) -> pd.DataFrame:
    return value_runs(study(), verdicts=verdicts, samples=SAMPLES)
