from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from downlaw.corpora.build import split_part
from downlaw.corpora.cleaned import clean_part
from downlaw.corpora.decontaminate import decontaminate_part
from downlaw.corpora.errors import CorpusError
from downlaw.corpora.segments import SPLITS, read_rows
from downlaw.files import read_json, sha256_of_file

WORDS = ("Ordner", "Datei", "Seite", "Karte", "Liste", "Tabelle", "Farbe", "Schrift", "Spalte", "Zeile")
ENGLISH = ("folder", "file", "page", "card", "list", "table", "colour", "font", "column", "line")
CLEANING = {"identify_language": False}


def package(name: str, extract: str = "gettext", language: str | None = None) -> dict:
    found = {"name": name, "version": "1.0", "sha256": "0" * 64, "extract": extract, "licence": "MIT"}
    return found | ({"language": language} if language else {})


def messages(verb: tuple[str, str]) -> dict[str, tuple[str, list[str]]]:
    """A message for each of 100 combinations, ten a source file."""
    return {
        f"{verb[1]} the {one} of the {two}": (f"{verb[0]} {first} der {second} jetzt", [f"{one}.py"])
        for first, one in zip(WORDS, ENGLISH, strict=True)
        for second, two in zip(WORDS, ENGLISH, strict=True)
    }


@pytest.fixture
def study(make_wheel, catalog, glosses, make_study):
    for name, verb in (("one", ("Öffnet", "Open")), ("two", ("Schließt", "Close"))):
        po = catalog(messages(verb))
        make_wheel({f"{name}/locale/de/LC_MESSAGES/{name}.po": str(po)}, f"{name}-1.0.whl")
    entries = {
        f"word{number}": [f"a long gloss of word {number} about cats {'x' * number}"] for number in range(60)
    }
    entries["leak"] = ["open the folder of the file", *(f"open the {two} of the {two}" for two in ENGLISH)]
    make_wheel({"g/data/glosses.txt.gz": glosses(entries)}, "gloss-1.0.whl")
    corpora = {
        "ui": {"source": "pypi", "kind": "parallel", "packages": [package("one"), package("two")]},
        "glosses": {
            "source": "pypi",
            "kind": "monolingual",
            "packages": [package("gloss", "glosses", "en"), package("gone", "glosses", "de")],
        },
    }
    return make_study(corpora, {"en": {"shares": {"glosses.en": 1.0}}}, cleaning=CLEANING)


def build(study, wheels: Path, folder: Path) -> tuple[dict, dict]:
    """The manifests of ui/de-en and glosses/en."""
    parts = [("ui", "de-en"), ("glosses", "en")]
    for corpus, part in parts:
        split_part(study, corpus, part, wheels, folder / corpus / part / "split")
    tests = {"ui/de-en": folder / "ui/de-en/split/test.parquet"}
    ui, mono = (decontaminate_part(folder / c / p / "split", tests, folder / c / p) for c, p in parts)
    return ui, mono


def test_the_whole_stage(study, tmp_path):
    ui, _ = build(study, tmp_path / "packages", tmp_path / "out")
    folder = tmp_path / "out/ui/de-en"
    assert pq.read_table(folder / "train.parquet").column_names == ["document", "de", "en"]
    assert pq.read_table(tmp_path / "out/glosses/en/train.parquet").column_names == ["document", "en"]
    rows = {split: read_rows(folder / f"{split}.parquet")[1] for split in SPLITS}
    documents = {split: {row.document for row in rows[split]} for split in SPLITS}
    assert not documents["train"] & documents["test"] and not documents["valid"] & documents["test"]
    for name in ("one", "two"):
        assert all(any(document.startswith(f"{name}/") for document in documents[split]) for split in SPLITS)
    assert ui == read_json(folder / "manifest.json")
    assert [source["name"] for source in ui["sources"]] == ["one", "two"]
    assert ui["sources"][0] | {"licence": "MIT", "sha256": "0" * 64, "version": "1.0"} == ui["sources"][0]
    for split in SPLITS:
        assert ui["splits"][split]["segments"] == len(rows[split]) > 0
        assert ui["outputs"][f"{split}.parquet"] == sha256_of_file(folder / f"{split}.parquet")
    read = sum(source["segments"] for source in ui["sources"])
    assert read == sum(ui["dropped"].values()) + sum(about["segments"] for about in ui["splits"].values())


def test_test_text_is_taken_out_of_monolingual_training_text_too(study, tmp_path):
    ui, mono = build(study, tmp_path / "packages", tmp_path / "out")
    tests = {row.texts[1].lower() for row in read_rows(tmp_path / "out/ui/de-en/test.parquet")[1]}
    before = {row.texts[0] for row in read_rows(tmp_path / "out/glosses/en/split/train.parquet")[1]}
    after = {row.texts[0] for row in read_rows(tmp_path / "out/glosses/en/train.parquet")[1]}
    assert before & tests and not after & tests
    [record] = mono["overlap"]
    assert record["train_removed"] == len(before & tests) == mono["dropped"]["overlaps_test"]
    assert record["test_segments_seen"] > 0 and record["test_segments_seen_after"] == 0
    assert record["short_test_segments"] == record["test_segments"] == ui["splits"]["test"]["segments"]


def test_same_input_same_bytes(study, tmp_path):
    hashes = []
    for name in ("a", "b"):
        build(study, tmp_path / "packages", tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        hashes.append(
            [(str(f.relative_to(tmp_path / name)), hashlib.sha256(f.read_bytes()).hexdigest()) for f in files]
        )
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 20 and not any(name.endswith(".part") for name, _ in hashes[0])


def test_pair_without_text_names_corpus_and_task(study, make_study, tmp_path):
    corpora = {name: corpus.model_dump() for name, corpus in study.corpora.items()}
    other = make_study(corpora, tasks={"en-fr": {"source": "en", "target": "fr", "corpus": "ui"}})
    with pytest.raises(CorpusError, match=r"corpora\.ui, tasks\.en-fr: there is no text for en-fr"):
        split_part(other, "ui", "en-fr", tmp_path / "packages", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_left_after_cleaning_says_which_filters(study, make_study, tmp_path):
    corpora = {name: corpus.model_dump() for name, corpus in study.corpora.items()}
    strict = make_study(corpora, cleaning={"min_words": 50})
    with pytest.raises(CorpusError) as caught:
        split_part(strict, "ui", "de-en", tmp_path / "packages", tmp_path / "out")
    assert str(caught.value) == (
        "corpora.ui, tasks.en-de: no train text for de-en after cleaning and splitting: "
        "200 segments were read; dropped: too_short 200"
    )


def test_missing_wheel_is_named(study, tmp_path):
    (tmp_path / "packages/two-1.0.whl").unlink()
    with pytest.raises(CorpusError, match=r"two-1\.0\.whl: no such file"):
        split_part(study, "ui", "de-en", tmp_path / "packages", tmp_path / "out")


def test_training_text_that_is_all_test_text(make_study, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("save the file now\n", encoding="utf-8")
    pairs = tmp_path / "a.tsv"
    pairs.write_text("Save the file now\tJetzt die Datei speichern\n", encoding="utf-8")
    train = tmp_path / "b.tsv"
    train.write_text("Open a new page\tEine neue Seite öffnen\n", encoding="utf-8")
    parallel = [
        {"languages": ["en", "de"], "tsv": str(pairs), "split": "test"},
        {"languages": ["en", "de"], "tsv": str(train), "split": "train"},
    ]
    study = make_study(
        {
            "ui": {"source": "files", "kind": "parallel", "files": parallel},
            "mono": {
                "source": "files",
                "kind": "monolingual",
                "files": [{"language": "en", "path": str(text), "split": "train"}],
            },
        },
        {"en": {"shares": {"mono.en": 1.0}}},
    )
    split_part(study, "ui", "de-en", tmp_path, tmp_path / "ui/split")
    split_part(study, "mono", "en", tmp_path, tmp_path / "mono/split")
    with pytest.raises(CorpusError, match=r"corpora\.mono: all training text for en overlaps with test text"):
        decontaminate_part(
            tmp_path / "mono/split", {"ui/de-en": tmp_path / "ui/split/test.parquet"}, tmp_path / "m"
        )
    assert not list((tmp_path / "m").iterdir())


def web(folder: Path, name: str, documents: list[list[str]]) -> dict:
    path = folder / f"{name}.txt"
    path.write_text("\n\n".join("\n".join(lines) for lines in documents) + "\n", encoding="utf-8")
    return {"language": "en", "path": str(path)}


def page(number: int, last: str = "and nothing more was said of it") -> list[str]:
    """A document of three lines, whose first two no other page has."""
    ending = chr(97 + number % 26) + chr(97 + number // 26)
    words = [f"{WORDS[i % 10].lower()}{chr(97 + i // 10)}{ending}" for i in range(40)]
    return [" ".join(words[:20]), " ".join(words[20:]), last]


def near_study(make_study, sections: dict, **more):
    corpora = {
        name: {"source": "files", "kind": "monolingual", "files": files, **more}
        for name, files in sections.items()
    }
    pairs = {"languages": ["en", "de"], "tsv": "none.tsv"}
    corpora["ui"] = {"source": "files", "kind": "parallel", "files": [pairs]}
    mixture = {"all": {"shares": {f"{name}.en": 1 / len(sections) for name in sections}}}
    return make_study(
        corpora, mixture, cleaning=CLEANING | {"near_duplicates": {"shingle_words": 2, "threshold": 0.6}}
    )


def segments_of(folder: Path) -> list[str]:
    return [row.texts[0] for split in SPLITS for row in read_rows(folder / f"{split}.parquet")[1]]


def test_documents_that_are_nearly_the_same_go_within_and_across_corpora(make_study, tmp_path):
    pages = [page(number, f"and so ends page {chr(97 + number)} of them all") for number in range(20)]
    again = [*page(3)[:2], "and so ends another copy of it"]
    sections = {
        "news": [web(tmp_path, "news", [*pages, again])],
        "web": [web(tmp_path, "web", [page(40), [*page(5)[:2], "and once more it ends"], page(41)])],
    }
    study = near_study(make_study, sections)
    news = split_part(study, "news", "en", tmp_path, tmp_path / "news/split")
    assert (news["dropped"]["near_duplicate"], news["dropped"]["duplicate"]) == (3, 0)
    assert "and so ends another copy of it" not in segments_of(tmp_path / "news/split")
    alone = split_part(study, "web", "en", tmp_path, tmp_path / "alone/split")
    assert alone["dropped"]["near_duplicate"] == 0
    after = split_part(
        study, "web", "en", tmp_path, tmp_path / "web/split", earlier=[tmp_path / "news/split"]
    )
    assert after["dropped"]["near_duplicate"] == 3
    assert "and once more it ends" not in segments_of(tmp_path / "web/split")
    assert len(segments_of(tmp_path / "web/split")) == 5


def test_any_number_of_jobs_gives_the_same_text(make_study, tmp_path):
    files = [web(tmp_path, f"part{i}", [page(10 * i + n) for n in range(10)]) for i in range(5)]
    study = near_study(make_study, {"web": files})
    split_part(study, "web", "en", tmp_path, tmp_path / "one")
    shares = [tmp_path / f"share{job}" for job in range(3)]
    for job, folder in enumerate(shares):
        clean_part(study, "web", "en", tmp_path, folder, (job, 3))
    split_part(study, "web", "en", tmp_path, tmp_path / "three", shares)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 7 and names[:4] == [
        "examples.json",
        "signatures.json",
        "signatures.u32",
        "split.json",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes(), name


def test_a_share_of_cleaned_text_that_is_missing_or_cut_short_is_named(make_study, tmp_path):
    study = near_study(make_study, {"web": [web(tmp_path, "a", [page(n) for n in range(10)])]})
    clean_part(study, "web", "en", tmp_path, tmp_path / "share")
    rows = tmp_path / "share/rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-50])
    for _ in range(2):
        with pytest.raises(CorpusError, match=rf"{rows}.*: delete {rows.parent} and run again"):
            split_part(study, "web", "en", tmp_path, tmp_path / "out", [tmp_path / "share"])
        rows.unlink(missing_ok=True)
    assert not (tmp_path / "out").exists()
