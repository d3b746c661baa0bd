"""Mixtures for language models: whole documents, whole updates, and held-out text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lm_toy import configured
from toy_mixtures import make_mixture

from downlaw import mixtures, subsets
from downlaw.corpora.mixing import SizeError
from downlaw.corpora.segments import read_text
from downlaw.corpora.tokenizer import EOS, Tokenizer
from downlaw.engine.mmap import read_dataset
from downlaw.files import read_json
from downlaw.study import load_study


@pytest.fixture(scope="session")
def text(once, toy):
    """The toy study's text with documents of three segments, as the train and the test text of mono.fr."""

    def make(folder):
        lines = read_text(toy.text["mono", "fr"], "fr")
        table = pd.DataFrame({"document": [f"d{i // 3}" for i in range(len(lines))], "fr": lines})
        table.to_parquet(folder / "fr.parquet")

    return once("lm-text", make) / "fr.parquet"


@pytest.fixture
def study():
    return load_study(configured(mixtures={"fr": {"shares": {"mono.fr": 1.0}}}))


def test_documents_stay_whole_and_end_with_their_mark(study, toy, text, tmp_path):
    manifest = make_mixture("fr", study, {("mono", "fr"): text}, toy.model, toy.dictionary, tmp_path)
    items = list(mixtures.read_mixture(tmp_path))
    assert {len(item) for item in items} == {16}
    assert len(items) % 4 == 0
    assert manifest["tokens"] == 16 * len(items)
    tokenizer = Tokenizer(toy.model)
    table = pd.read_parquet(text)
    documents = {
        tuple(np.concatenate(tokenizer.encode(rows["fr"].tolist())).tolist())
        for _, rows in table.groupby("document")
    }
    stream = np.concatenate(items)
    ends = np.flatnonzero(stream == EOS)
    found = [tuple(stream[a + 1 : b].tolist()) for a, b in zip([-1, *ends[:-1]], ends, strict=True)]
    assert len(found) > 100 and len(set(found)) == len(found)
    assert set(found) <= documents


def test_held_out_text_is_cut_alike_and_bounded(study, toy, text, tmp_path):
    manifest = mixtures.write_evaluation_set("fr", study, {("mono", "fr"): text}, toy.model, tmp_path)
    items = read_dataset(tmp_path / "test")
    assert len(items) == study.evaluate.sequences == manifest["blocks"]
    assert {len(item) for item in items} == {16}
    assert read_json(tmp_path / "manifest.json") == manifest


def test_too_little_held_out_text_is_refused_with_its_key(study, toy, text, tmp_path):
    pd.read_parquet(text)[:1].to_parquet(tmp_path / "short.parquet")
    with pytest.raises(SizeError, match=r"mixtures\.fr: its held-out text does not fill two sequences of 16"):
        mixtures.write_evaluation_set(
            "fr", study, {("mono", "fr"): tmp_path / "short.parquet"}, toy.model, tmp_path
        )


def test_a_distribution_too_small_for_the_largest_d_is_refused():
    study = load_study(configured(overtrain__allow_repeats=False))
    with pytest.raises(SizeError) as refused:
        subsets.check_grid_sizes(study, {"en+de": {"tokens": 10**6}, "fr": {"tokens": 6000}})
    assert "overtrain.models.small: M = 4 asks for 9,920 tokens, mixture fr holds 6,000" in str(refused.value)
    assert "en+de" not in str(refused.value)
    enough = subsets.check_grid_sizes(study, {"fr": {"tokens": 10**6}})
    assert enough == {"epochs_at_largest_d": {"fr": pytest.approx(0.03, abs=0.02)}}
