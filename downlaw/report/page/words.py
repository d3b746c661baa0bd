"""The words that an answer uses, each explained in a line."""

from __future__ import annotations

import pandas as pd

from .tables import Results


def words_explained(results: Results) -> list[tuple[str, str]]:
    """Each word and what it means, with the levels of the intervals as far as tables say them."""
    return _of_lm(results) if results.track == "lm" else _of_transfer(results)


def _of_transfer(results: Results) -> list[tuple[str, str]]:
    return [
        ("Dp", "the tokens of text that a model was pretrained on, before it was finetuned on the pairs"),
        (
            "law",
            "a curve fitted to a score over Dp; fitted to the smallest Dp it is tested on the others, which"
            " were held out, and what it says of a larger Dp is an extrapolation",
        ),
        (
            "aligned, inconclusive",
            "aligned: the score rises with Dp beyond the noise, and its law predicted the points held out;"
            " misaligned: it falls; saturated: it gains nothing; inconclusive: none of these can be told,"
            " or the law failed its test",
        ),
        (
            "draws of the noise",
            "the curves were fitted again many times with points moved by their noise; the share of draws is"
            " how often the mixture came out ahead",
        ),
        ("p, Holm", "how often noise alone gives such a difference; Holm corrects for many comparisons"),
        (
            "intervals",
            f"of laws and predictions {_level(results.get('valuations'), results.get('laws'))}, of scores and"
            " of measured differences 95%",
        ),
    ]


def _of_lm(results: Results) -> list[tuple[str, str]]:
    level = _level(results.get("predictions"), results.get("laws"))
    return [
        ("M", "the multiplier: training tokens for each parameter"),
        ("law", "a curve fitted to cheap runs, and tested on dearer ones that were held out"),
        ("intervals", f"of laws and predictions {level}, of scores 95%"),
    ]


def _level(*tables: pd.DataFrame | None) -> str:
    levels = {
        f"{100 * float(level):g}%"
        for table in tables
        if table is not None and "interval_level" in table
        for level in table["interval_level"].dropna().unique()
    }
    return " or ".join(sorted(levels)) or "(none known)"
