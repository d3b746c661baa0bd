from __future__ import annotations

from pathlib import Path

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.segments import Source
from downlaw.corpora.sources.files import documents
from downlaw.files import sha256_of_file
from downlaw.study.sources import MonolingualFiles, ParallelFiles


def monolingual(*files, **more) -> MonolingualFiles:
    return MonolingualFiles(source="files", kind="monolingual", files=files, **more)


def parallel(*files, **more) -> ParallelFiles:
    return ParallelFiles(source="files", kind="parallel", files=files, **more)


def read(corpus, *languages: str) -> list[tuple[Source, dict]]:
    """All text and its records."""
    found = []
    for source, record in documents("mine", corpus, languages, Path()):
        source.segments = list(source.segments)
        found.append((source, record()))
    return found


def test_empty_lines_end_documents(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\none\ntwo\n\n\nthree\n\n", encoding="utf-8")
    corpus = monolingual({"language": "en", "path": path}, licence="CC0")
    [(source, record)] = read(corpus, "en")
    assert source.sizes == {"a.txt/000001": 2, "a.txt/000002": 1}
    assert [segment.texts for segment in source.segments] == [("one",), ("two",), ("three",)]
    assert record == {"name": "a.txt", "files": {"a.txt": sha256_of_file(path)}, "licence": "CC0"}


def test_documents_of_lines_where_no_line_is_empty(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"line {number}\n" for number in range(5)) + "\n", encoding="utf-8")
    [(source, _)] = read(monolingual({"language": "en", "path": path}, document_lines=2), "en")
    assert list(source.sizes.values()) == [2, 2, 1]


def test_only_files_of_the_language_and_their_split(tmp_path):
    paths = [tmp_path / name / "a.txt" for name in ("x", "y", "z")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("text\n", encoding="utf-8")
    corpus = monolingual(
        {"language": "en", "path": paths[0]},
        {"language": "de", "path": paths[1]},
        {"language": "en", "path": paths[2], "split": "test"},
    )
    found = [source for source, _ in read(corpus, "en")]
    assert [(source.name, source.split) for source in found] == [("a.txt", "auto"), ("a.txt#2", "test")]
    assert not set(found[0].sizes) & set(found[1].sizes)


def test_tsv_and_sides_give_columns_in_the_order_of_the_part(tmp_path):
    (tmp_path / "a.tsv").write_text("Hello\tHallo\n\nBye\tTschüss\n", encoding="utf-8")
    (tmp_path / "b.de").write_text("Eins\n", encoding="utf-8")
    (tmp_path / "b.en").write_text("One\n", encoding="utf-8")
    corpus = parallel(
        {"languages": ["en", "de"], "tsv": tmp_path / "a.tsv"},
        {"languages": ["de", "en"], "sides": [tmp_path / "b.de", tmp_path / "b.en"]},
    )
    (table, _), (sides, record) = read(corpus, "de", "en")
    assert [segment.texts for segment in table.segments] == [("Hallo", "Hello"), ("Tschüss", "Bye")]
    assert len(table.sizes) == 2
    assert [segment.texts for segment in sides.segments] == [("Eins", "One")]
    assert set(record["files"]) == {"b.de", "b.en"}


@pytest.mark.parametrize("columns", [1, 3])
def test_tsv_line_without_two_columns(tmp_path, columns):
    (tmp_path / "a.tsv").write_text("a\tb\n" + "\t".join("c" * columns) + "\n", encoding="utf-8")
    corpus = parallel({"languages": ["en", "de"], "tsv": tmp_path / "a.tsv"})
    with pytest.raises(
        CorpusError, match=rf"a\.tsv: line 2: {columns} columns where there must be exactly 2"
    ):
        read(corpus, "de", "en")


@pytest.mark.parametrize(("short", "long"), [("en", "de"), ("de", "en")])
def test_sides_of_different_length(tmp_path, short, long):
    (tmp_path / f"b.{short}").write_text("one\n", encoding="utf-8")
    (tmp_path / f"b.{long}").write_text("one\ntwo\nthree\n", encoding="utf-8")
    corpus = parallel({"languages": ["en", "de"], "sides": [tmp_path / "b.en", tmp_path / "b.de"]})
    with pytest.raises(CorpusError, match=rf"b\.{short}: ends before line 2 of .*b\.{long}"):
        read(corpus, "de", "en")


def test_missing_side_names_the_key(tmp_path):
    (tmp_path / "b.en").write_text("one\n", encoding="utf-8")
    corpus = parallel({"languages": ["en", "de"], "sides": [tmp_path / "b.en", tmp_path / "b.de"]})
    with pytest.raises(CorpusError, match=r"corpora\.mine\.files\[0\]\.sides: no such file: .*b\.de"):
        read(corpus, "de", "en")
