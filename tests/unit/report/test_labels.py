from __future__ import annotations

import math

import pandas as pd
import pytest

from downlaw.laws import METRICS, Noise, curves
from downlaw.report.labels import (
    FAMILY_LABELS,
    METRIC_LABELS,
    NOISE_LABELS,
    enumerate_words,
    mixture_styles,
    plain,
    short_count,
    with_interval,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999.7, "1k"),
        (32_768, "32.8k"),
        (100_000, "100k"),
        (1_048_576, "1.05M"),
        (999_900, "1M"),
        (2e9, "2B"),
    ],
)
def test_short_counts(count: float, text: str):
    assert short_count(count) == text


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.0"), (0.7, "0.7"), (0.744, "0.74"), (0.0, "0.0")])
def test_plain_numbers(value: float, text: str):
    assert plain(value, 2) == text


@pytest.mark.parametrize(
    ("words", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_enumerations(words: list[str], text: str):
    assert enumerate_words(words) == text


def test_every_fitted_metric_has_a_label():
    assert set(METRIC_LABELS) == set(METRICS)


def test_every_law_and_rival_has_a_name_in_a_sentence():
    assert set(FAMILY_LABELS) == {law for how in METRICS.values() for law in (how.law, *how.rivals)}


def test_every_source_of_noise_has_a_name(runs: pd.DataFrame):
    given = curves(runs, "bleu", relative_noise=0.1)[0].noise
    measured = curves(runs, "bleu")[0].noise
    seeds = Noise.independent([0.1] * measured.draws.shape[1], source="seeds", draws=len(measured.draws))
    segments = Noise(measured.draws, "segments")
    known = (given, measured, seeds, segments, segments.plus(seeds))
    assert {noise.source for noise in known} == set(NOISE_LABELS)


def test_an_interval_is_printed_where_there_is_one():
    assert with_interval("bleu", 12.34, 11.0, 13.96) == "12.3 [11.0, 14.0]"
    assert with_interval("cross_entropy", 3.21, math.nan, math.nan) == "3.210"


def test_mixtures_are_styled_by_falling_score_and_say_what_they_hold(runs: pd.DataFrame):
    styles = mixture_styles(runs.sample(frac=1, random_state=1))
    assert [style.label for style in styles.values()] == [
        "en+de (both languages, score 1.0)",
        "en (source only, score 0.7)",
        "fr+ro (neither, score 0.0)",
    ]
    assert len({style.colour for style in styles.values()}) == 3
    assert len({style.marker for style in styles.values()}) == 3


def test_a_table_that_does_not_describe_its_mixtures_still_has_styles(runs: pd.DataFrame):
    styles = mixture_styles(runs.drop(columns=["mixture_holds", "alignment_score"]))
    assert [style.label for style in styles.values()] == ["en", "en+de", "fr+ro"]


def test_many_mixtures_never_share_both_colour_and_marker():
    styles = mixture_styles(pd.DataFrame({"mixture": [f"m{number:02}" for number in range(42)]}))
    assert len({(style.colour, style.marker) for style in styles.values()}) == 42
