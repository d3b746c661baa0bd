from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from downlaw.alignment import measure
from downlaw.alignment.measures import ALIGNMENT_COLUMNS, MEASURES, alignment_table
from downlaw.alignment.samples import read_segments
from downlaw.corpora.errors import CorpusError
from downlaw.mixtures import read_mixture


@pytest.fixture(scope="module")
def records(toy, toy_study):
    study = toy_study()
    return {
        name: measure.measure_mixture(name, study, toy.mixture(name), {"en-de": toy.prepared}, toy.model)
        for name in study.mixtures
    }


@pytest.fixture(scope="module")
def table(records):
    return alignment_table(records.values()).set_index("mixture")


def test_a_row_a_mixture_with_every_column(table):
    assert set(table.reset_index().columns) == set(ALIGNMENT_COLUMNS)
    assert table.index.tolist() == ["en+de", "fr"]
    assert {each.name for each in MEASURES} <= set(ALIGNMENT_COLUMNS)
    assert table["alignment_score"].tolist() == [1.0, 0.0]
    assert table["labelled_source"].tolist() == [0.5, 0.0]
    assert table["labelled_other"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("side", ["source", "target"])
def test_the_mixture_of_the_tasks_languages_is_closer_by_every_measure_of_text(table, side):
    for name in ("unigram", "bigram", "trigram"):
        column = f"js_{name}_{side}"
        assert table.loc["en+de", f"{column}_floor"] == table.loc["fr", f"{column}_floor"]
        assert (
            table.loc["en+de", f"{column}_floor"] < table.loc["en+de", column] < table.loc["fr", column] <= 1
        )
    losses = table[f"ngram_cross_entropy_{side}"]
    assert 0 < losses["en+de"] < losses["fr"]


def test_shares_of_what_is_heard_are_whole(records, table):
    for record in records.values():
        assert sum(record["identified"].values()) == pytest.approx(1, abs=1e-4)
    heard = table[["identified_source", "identified_target", "identified_other"]]
    assert heard.sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_where_the_tasks_own_text_is_not_identified_it_is_said(table):
    # the toy's languages are none
    assert (table["task_identified_source"] < measure.RELIABLE).all()
    assert table["notes"].str.contains("of the task's own source is identified as en").all()


def test_where_it_is_identified_nothing_is_said(toy, toy_study, monkeypatch):
    monkeypatch.setattr(measure, "identify", lambda windows, *_: np.repeat("en", len(windows)))
    study = toy_study(**{"tasks__en-de__target": "en", "tasks__en-de__source": "de"})
    record = measure.measure_mixture("fr", study, toy.mixture("fr"), {"en-de": toy.prepared}, toy.model)
    found = record["tasks"]["en-de"]
    assert (found["identified_target"], found["task_identified_target"]) == (1.0, 1.0)
    assert not [note for note in found["notes"] if "own target" in note]
    assert found["domain_windows_target"] >= 100 and found["domain_distance_target"] > 1.5


def test_samples_are_counted(toy, table):
    row = table.loc["fr"]
    blocks = read_mixture(toy.mixture("fr"))
    assert row["identified_windows"] == len(blocks)
    assert row["ngram_pieces"] == 16 * len(blocks)
    assert row["window_pieces"] == 16
    valid = read_segments(toy.prepared, "valid", "target")
    assert row["ngram_valid_pieces_target"] == sum(map(len, valid))


def test_the_same_study_measures_the_same(toy, toy_study, records):
    again = measure.measure_mixture("fr", toy_study(), toy.mixture("fr"), {"en-de": toy.prepared}, toy.model)
    assert again == records["fr"]


def test_a_language_without_enough_windows_has_no_domain_distance_and_says_so(records, table, monkeypatch):
    monkeypatch.setattr(measure, "LEAST_DOMAIN_WINDOWS", 10)
    languages = np.array(["en"] * 30 + ["de"] * 3)
    rows = np.random.default_rng(1).integers(3, 50, (33, 8))
    sampled = measure._Sampled(rows, languages, rows, None, 0)
    notes: list[str] = []
    found = measure._domain(rows[:20], "en", "source", sampled, 50, notes)
    assert found["domain_windows_source"] == 20 and notes == []
    assert 0 <= found["domain_distance_source"] <= 2
    few = measure._domain(rows[:20], "de", "target", sampled, 50, notes)
    assert few == {"domain_windows_target": 3}
    assert notes == [
        "domain distance of the target needs 10 windows in de: the sample of the mixture has 3, that of the "
        "task 20"
    ]


def test_a_language_that_identification_does_not_know_leaves_its_columns_empty(
    toy, toy_study, toy_config, monkeypatch
):
    unknowing = measure.Identifier(["de"])
    unknowing.languages = ["xx" if each == "en" else each for each in unknowing.languages]
    monkeypatch.setattr(measure, "Identifier", lambda languages: unknowing)
    record = measure.measure_mixture("fr", toy_study(), toy.mixture("fr"), {"en-de": toy.prepared}, toy.model)
    row = alignment_table([record]).iloc[0]
    assert "language identification does not know en" in row["notes"]
    assert pd.isna(row["identified_source"]) and pd.isna(row["identified_alignment_score"])
    assert pd.isna(row["domain_distance_source"])
    assert row["alignment_score"] == 0.0 and row["ngram_cross_entropy_source"] > 0


def test_a_mixture_without_text_is_refused_by_name(toy, toy_study, monkeypatch):
    monkeypatch.setattr(measure, "read_mixture", lambda folder: [])
    with pytest.raises(CorpusError, match=r"mixtures\.fr: there is no text to measure"):
        measure.measure_mixture("fr", toy_study(), toy.mixture("fr"), {"en-de": toy.prepared}, toy.model)


def test_what_cannot_be_measured_is_empty_in_json():
    assert measure._plain(math.nan) is None
    assert measure._plain(0.12345678) == 0.123457
    assert measure._plain(3) == 3
