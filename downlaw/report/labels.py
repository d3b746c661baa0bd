"""Words and marks that figures and tables share: metrics, mixtures, token counts."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class MetricLabel:
    """How a metric is called. unit: for an axis. decimals: worth printing. lower_is_better: the sign of
    progress."""

    name: str
    unit: str
    decimals: int
    lower_is_better: bool = False


METRIC_LABELS: dict[str, MetricLabel] = {
    "cross_entropy": MetricLabel("cross-entropy", "nats per target token", 3, lower_is_better=True),
    "bleu": MetricLabel("BLEU", "0 to 100", 1),
    "chrf": MetricLabel("chrF", "0 to 100", 1),
    "rouge_l": MetricLabel("ROUGE-L", "0 to 100", 1),
    "comet": MetricLabel("COMET", "1 is perfect", 3),
    "comet_local": MetricLabel("comet-local", "own scale, not COMET", 3),
}


NOISE_LABELS: dict[str, str] = {
    "segments": "resampled test segments",
    "seeds": "the spread between seeds",
    "segments and seeds": "resampled test segments and the spread between seeds",
    "intervals": "the intervals of the scores, taken as independent",
    "given": "the noise level given",
}
"""Where the noise of a curve is known from."""


FAMILY_LABELS: dict[str, str] = {
    "power_law": "the power law",
    "log_law": "the log-law",
    "pure_power": "a power without a floor",
    "linear_log": "a line over ln(Dp)",
    "sigmoid": "a sigmoid",
    "constant": "a constant",
}
"""What laws and their rivals are called in a sentence."""


@dataclass(frozen=True)
class MixtureStyle:
    """How a mixture is drawn and called, the same in every figure of a task."""

    label: str
    colour: str
    marker: str


_LONGEST_STEM = 200

# The palette of Okabe and Ito, which stays apart for colour-blind readers, without its yellow and black.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def mixture_styles(runs: pd.DataFrame) -> dict[str, MixtureStyle]:
    """A style for every mixture of a table of runs, by falling alignment score, then by name.

    Colours and marks repeat after 6 and 7 mixtures, so that a pair repeats only after 42.
    """
    mixtures = runs[runs["mixture"].notna() & (runs["mixture"] != "")].drop_duplicates("mixture")
    scores = pd.to_numeric(mixtures.get("alignment_score", pd.Series(0.0, index=mixtures.index)))
    order = mixtures.assign(_score=-scores).sort_values(["_score", "mixture"])
    return {
        row["mixture"]: MixtureStyle(
            mixture_label(row), _COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)]
        )
        for place, (_, row) in enumerate(order.iterrows())
    }


def mixture_label(row: pd.Series) -> str:
    """A mixture's name with what it holds and its alignment score, as far as the row of runs says."""
    said = []
    if pd.notna(row.get("mixture_holds")):
        said.append(str(row["mixture_holds"]))
    if pd.notna(row.get("alignment_score")):
        said.append(f"score {plain(float(row['alignment_score']), 2)}")
    return f"{row['mixture']} ({', '.join(said)})" if said else str(row["mixture"])


def short_count(count: float) -> str:
    """A count in three digits at most and a unit: 950, 33k, 1.3M, 2B, 1.9T."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.0f}"


def with_interval(metric: str, value: float, low: float, high: float) -> str:
    """A value of a metric with as many decimals as are worth printing, and its interval where there is
    one."""
    decimals = METRIC_LABELS[metric].decimals
    if math.isnan(low) or math.isnan(high):
        return f"{value:.{decimals}f}"
    return f"{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def plain(value: float, decimals: int) -> str:
    """A number rounded to at most `decimals` decimals, with at least one: 1.0, 0.75."""
    text = f"{value:.{decimals}f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def percentage(share: float, decimals: int) -> str:
    """A share of 1 as a percentage; rounding makes none of them nothing or all: <1%, >99%."""
    said, least = f"{100 * share:.{decimals}f}%", 10.0**-decimals
    if 0 < share < 1 and said in (f"{0:.{decimals}f}%", f"{100:.{decimals}f}%"):
        return f"<{least:.{decimals}f}%" if share < 0.5 else f">{100 - least:.{decimals}f}%"
    return said


def enumerate_words(words: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def name_stem(words: str, taken: Container[str]) -> str:
    """A file's name like `words` that no other figure has: names may hold anything, the underscore too."""
    stem = re.sub(r"[^\w.+-]+", "-", words).encode()[:_LONGEST_STEM].decode(errors="ignore")
    found, number = stem, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    return found
