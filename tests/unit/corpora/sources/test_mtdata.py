from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
import text_hub
import zstandard

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources import download, mtdata, mtdata_index, records
from downlaw.files import sha256_of_file
from downlaw.study.sources import MtdataCorpus

KEY = "corpora.news.datasets[0]"
PAIRS = [("Ein Haus.", "A house."), ("Zwei Häuser.", "Two houses."), ("Ein Baum.", "A tree.")]


def tsv(pairs, more: str = "") -> bytes:
    return gzip.compress("".join(f"{one}\t{two}{more}\n" for one, two in pairs).encode(), mtime=0)


def zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def sgm(texts: list[str]) -> str:
    segments = "".join(f'<seg id="{n}">{text}</seg>\n' for n, text in enumerate(texts, 1))
    return f'<srcset setid="toy" srclang="any">\n<doc docid="a">\n{segments}</doc>\n</srcset>\n'


MINUTES = {"fields": {"source": 0, "target": 1, "doc_id": 2}}
LOCAL = [
    {"did": "Toy-minutes-1-deu-eng", "url": "minutes.tsv.gz", "ext": "tsv.gz", "meta": MINUTES},
    {
        "did": "Toy-times-2-eng-ron",
        "url": "times.zip",
        "ext": "zip",
        "in_paths": ["*.en", "*.ro"],
        "in_ext": "txt",
    },
    {
        "did": "Toy-test-3-deu-eng",
        "url": "dev.tgz",
        "ext": "tgz",
        "in_paths": ["dev/src.de.sgm", "dev/ref.en.sgm"],
        "in_ext": "sgm",
    },
    {"did": "Toy-sides-4-deu-eng", "url": ["s.de.txt", "s.en.txt"], "ext": "txt", "in_ext": "txt"},
    {"did": "Toy-hub-5-deu-eng", "url": "x", "ext": "hfds", "in_paths": ["x"], "in_ext": "hfds"},
    {"did": "Toy-minutes-1-fra-eng", "url": "none.tsv.gz", "ext": "tsv.gz"},
]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A server with data sets, and an index that says so, as mtdata writes it."""
    monkeypatch.setattr(download, "PATIENCE", (0, 0))
    with text_hub.serve() as server:
        server.files["minutes.tsv.gz"] = tsv(PAIRS, "\tplenary-7")
        server.files["times.zip"] = zipped(
            {
                "README": "",
                "../../evil.txt": "x",
                "Times.en-ro.en": "Hello\nYes\n",
                "Times.en-ro.ro": "Salut\nDa\n",
            }
        )
        german, english = zip(*PAIRS, strict=True)
        server.files["dev.tgz"] = text_hub.tarred(
            {"../evil.txt": "x", "dev/src.de.sgm": sgm(german), "dev/ref.en.sgm": sgm(english)}, "dev/link"
        )
        server.files["s.de.txt"] = b"Ja\n\nNein\n"
        server.files["s.en.txt"] = b"Yes\nNothing\nNo\n"
        entries = []
        for entry in LOCAL:
            urls = entry["url"]
            urls = server.plain(urls) if isinstance(urls, str) else [server.plain(url) for url in urls]
            entries.append({**entry, "url": urls})
        path = mtdata_index.index_path(tmp_path / "fetched")
        path.parent.mkdir()
        lines = "".join(json.dumps(entry) + "\n" for entry in entries)
        path.write_bytes(zstandard.ZstdCompressor().compress(lines.encode()))
        yield server


def corpus(name: str, languages=("de", "en"), **more) -> MtdataCorpus:
    given = {"id": name, "languages": languages, "licence": "free", **more}
    return MtdataCorpus(source="mtdata", kind="parallel", datasets=[given])


def fetched(section: MtdataCorpus, tmp_path: Path) -> Path:
    [artifact] = mtdata.artifacts(section, "corpora.news", "-".join(sorted(section.datasets[0].languages)))
    path = tmp_path / "fetched" / artifact.name
    assert artifact.key == KEY
    assert mtdata.fetch(artifact, path)
    return path


def read(section: MtdataCorpus, part: str, tmp_path: Path):
    [(source, record)] = mtdata.documents("news", section, tuple(part.split("-")), tmp_path / "fetched")
    return [(segment.documents, segment.texts) for segment in source.segments], source, record()


def test_a_table_with_documents(hub, tmp_path, capfd):
    section = corpus("Toy-minutes-1-deu-eng", split="train")
    path = fetched(section, tmp_path)
    segments, source, record = read(section, "de-en", tmp_path)
    assert segments == [(("Toy-minutes-1-deu-eng/plenary-7",), pair) for pair in PAIRS]
    assert (source.sizes, source.split) == ({"Toy-minutes-1-deu-eng/plenary-7": 3}, "train")
    downloaded = download.hashlib.sha256(hub.files["minutes.tsv.gz"]).hexdigest()
    assert record["sha256_of_downloads"] == [downloaded] and record["sha256"] == sha256_of_file(path)
    assert (record["licence"], record["fetched_pairs"]) == ("free", 3)
    assert f"{KEY}: Toy-minutes-1-deu-eng is not pinned" in (said := capfd.readouterr().err)
    assert f"add sha256: {downloaded}" in said
    [artifact] = mtdata.artifacts(section, "corpora.news", "de-en")
    assert not mtdata.fetch(artifact, path)
    hub.asked.clear()
    pinned = corpus("Toy-minutes-1-deu-eng", sha256=downloaded)
    assert fetched(pinned, tmp_path).read_bytes() == path.read_bytes()
    assert hub.asked == []


def test_members_of_a_zip_and_languages_in_the_order_of_the_part(hub, tmp_path):
    section = corpus("Toy-times-2-eng-ron", languages=("ro", "en"))
    fetched(section, tmp_path)
    segments, _, _ = read(section, "en-ro", tmp_path)
    assert [texts for _, texts in segments] == [("Hello", "Salut"), ("Yes", "Da")]
    assert segments[0][0] == ("Toy-times-2-eng-ron/0000001",)
    assert not list(tmp_path.rglob("evil*"))


def test_members_of_a_tar_are_never_unpacked(hub, tmp_path, capfd):
    downloaded = download.hashlib.sha256(hub.files["dev.tgz"]).hexdigest()
    section = corpus("Toy-test-3-deu-eng", sha256=[downloaded])
    fetched(section, tmp_path)
    segments, _, _ = read(section, "de-en", tmp_path)
    assert [texts for _, texts in segments] == PAIRS
    assert not list(tmp_path.rglob("evil*")) and not list(tmp_path.rglob("link"))
    assert "not pinned" not in capfd.readouterr().err
    assert sorted(path.name for path in (tmp_path / "fetched").iterdir()) == sorted(
        [mtdata_index.index_path(Path()).name, mtdata.set_name(section.datasets[0].pin())]
    )


def test_two_files_and_pairs_that_lack_a_side(hub, tmp_path):
    section = corpus("Toy-sides-4-deu-eng")
    fetched(section, tmp_path)
    segments, _, record = read(section, "de-en", tmp_path)
    assert [texts for _, texts in segments] == [("Ja", "Yes"), ("Nein", "No")]
    assert (record["left_out_empty"], len(record["sha256_of_downloads"])) == (1, 2)


def test_a_download_that_breaks_goes_on(hub, tmp_path):
    hub.cuts["times.zip"] = [40, 30]
    fetched(corpus("Toy-times-2-eng-ron", languages=("en", "ro")), tmp_path)
    assert [asked for _, asked in hub.asked] == ["bytes=0-", "bytes=40-", "bytes=70-"]


def test_a_download_goes_on_in_the_next_call(hub, tmp_path):
    hub.cuts["times.zip"] = [40]
    hub.statuses["times.zip"] = []
    section = corpus("Toy-times-2-eng-ron", languages=("en", "ro"))
    stop = {"after": 1}
    send = download.stream

    def stopping(*args, **more):
        for chunk in send(*args, **more):
            yield chunk
            stop["after"] -= 1
            if stop["after"] == 0:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "stream", stopping)
        with pytest.raises(KeyboardInterrupt):
            fetched(section, tmp_path)
    hub.asked.clear()
    fetched(section, tmp_path)
    assert [asked for _, asked in hub.asked] == ["bytes=40-"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Toy-minute-1-deu-eng", "; nearest: Toy-minutes-1-deu-eng"),
        ("Toy-minutes-1-ron-eng", "; nearest: Toy-times-2-eng-ron, Toy-minutes-1-"),
        ("Other-thing-1-fin-swe", "; `mtdata list -id` shows all"),
    ],
)
def test_an_unknown_id_names_the_nearest(hub, tmp_path, name, hint):
    with pytest.raises(CorpusError) as caught:
        fetched(corpus(name), tmp_path)
    assert str(caught.value).startswith(f"{KEY}.id: mtdata knows no data set {name}{hint}")
    assert hub.asked == []


def test_what_is_not_read(hub, tmp_path):
    with pytest.raises(
        CorpusError, match=r"comes from the Hugging Face hub, without a pin.*use source: files"
    ):
        fetched(corpus("Toy-hub-5-deu-eng"), tmp_path)


def test_languages_that_are_not_those_of_the_id(hub, tmp_path):
    with pytest.raises(
        CorpusError, match=r"languages: Toy-minutes-1-deu-eng is in deu and eng, not fr and en"
    ):
        fetched(corpus("Toy-minutes-1-deu-eng", languages=("fr", "en")), tmp_path)


def test_another_hash_is_refused_and_downloaded_anew(hub, tmp_path):
    for _ in range(2):
        with pytest.raises(CorpusError) as caught:
            fetched(corpus("Toy-minutes-1-deu-eng", sha256="0" * 64), tmp_path)
        assert str(caught.value).startswith(f"{KEY}.sha256: Toy-minutes-1-deu-eng has hash ")
    assert len(hub.asked) == 2
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == [mtdata_index.index_path(Path()).name]
    with pytest.raises(CorpusError, match="is 2 files, the study file has 1 hashes"):
        fetched(corpus("Toy-sides-4-deu-eng", sha256="0" * 64), tmp_path)


def test_a_server_without_the_file_and_none_at_all(hub, tmp_path):
    with pytest.raises(
        CorpusError, match=r"Toy-minutes-1-fra-eng: there is no such file on the server \(404\)"
    ):
        fetched(corpus("Toy-minutes-1-fra-eng", languages=("fr", "en")), tmp_path)
    hub.statuses["minutes.tsv.gz"] = [503] * 3
    with pytest.raises(CorpusError, match=r"answers 503.*running again goes on from here"):
        fetched(corpus("Toy-minutes-1-deu-eng"), tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        ("Toy-minutes-1-deu-eng", "minutes.tsv.gz", tsv(PAIRS)[:-6], "damaged"),
        ("Toy-minutes-1-deu-eng", "minutes.tsv.gz", b"<html>", "damaged"),
        ("Toy-minutes-1-deu-eng", "minutes.tsv.gz", gzip.compress(b"one column\n"), "mtdata cannot read it"),
        ("Toy-minutes-1-deu-eng", "minutes.tsv.gz", gzip.compress(b""), "there are no pairs"),
        ("Toy-test-3-deu-eng", "dev.tgz", b"<html>", r"damaged \(no zip or tar\)"),
        (
            "Toy-test-3-deu-eng",
            "dev.tgz",
            text_hub.tarred({"dev/src.de.sgm": sgm(["x"])}, "dev/link"),
            "no member dev/ref.en.sgm",
        ),
        (
            "Toy-times-2-eng-ron",
            "times.zip",
            zipped({"a.en": "a", "b.en": "b"}),
            r"more than one member.*\*\.en",
        ),
        ("Toy-times-2-eng-ron", "times.zip", zipped({"a.en": "a\nb", "a.ro": "a"}), "mtdata cannot read it"),
    ],
    ids=["cut", "no gzip", "one column", "empty", "no tar", "no member", "two members", "uneven"],
)
def test_damaged_files_leave_nothing(hub, tmp_path, name, file, content, message):
    hub.files[file] = content
    languages = ("en", "ro") if name.endswith("ron") else ("de", "en")
    with pytest.raises(CorpusError, match=message) as caught:
        fetched(corpus(name, languages=languages), tmp_path)
    assert str(caught.value).startswith(f"{KEY}: {name}") and "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == [mtdata_index.index_path(Path()).name]


def test_a_zip_that_is_cut_off(hub, tmp_path):
    hub.files["times.zip"] = hub.files["times.zip"][:-30]
    with pytest.raises(CorpusError, match="damaged"):
        fetched(corpus("Toy-times-2-eng-ron", languages=("en", "ro")), tmp_path)


def test_a_file_that_changes_on_the_server_is_not_pasted_together(hub, tmp_path):
    path = tmp_path / "a"
    hub.files["a"] = b"x" * 100
    hub.cuts["a"] = [40]
    bytes_of = download.stream(hub.plain("a"), KEY, "a")
    assert next(bytes_of) == b"x" * 40
    hub.files["a"] = b"y" * 100
    with pytest.raises(CorpusError, match="changed while it was fetched"):
        list(bytes_of)
    assert download.download(hub.plain("a"), path, KEY, "a") == sha256_of_file(path)
    hub.asked.clear()
    assert download.download(hub.plain("a"), path, KEY, "a") == sha256_of_file(path)
    assert hub.asked == []


def test_the_index_is_built_in_a_folder_of_its_own(tmp_path, monkeypatch):
    """By a stand-in for mtdata, whose index takes a minute to build."""
    package = tmp_path / "lib" / "mtdata"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "index.py").write_text(
        "import os, pathlib\n"
        "folder = pathlib.Path(os.environ['MTDATA'])\n"
        "assert folder.resolve() == pathlib.Path.cwd() and not list(folder.iterdir())\n"
        '(folder / "mtdata.index.9.jsonl").write_text(\'{"did": "A-b-1-deu-eng", "url": "u"}\\n\')\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    found = mtdata_index.look_up("A-b-1-deu-eng", tmp_path / "fetched", KEY)
    assert found == {"did": "A-b-1-deu-eng", "url": "u"}
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == [mtdata_index.index_path(Path()).name]
    (package / "index.py").write_text("raise SystemExit('no index')")
    with pytest.raises(CorpusError, match="mtdata cannot build its index: no index"):
        mtdata_index.build(tmp_path / "other" / "index")


def test_mtdata_writes_entries_as_they_are_looked_up():
    from mtdata.entry import Entry

    written = json.dumps(Entry("Toy-a-1-deu-eng", url="http://a/a.txt"), cls=Entry.JSONEncoder)
    assert written.startswith('{"did": "Toy-a-1-deu-eng"')


def test_forms_that_are_refused():
    one = {"id": "Toy-a-1-deu-eng", "languages": ["de", "en"], "licence": "free"}
    with pytest.raises(ValueError, match=r"datasets\[1\]: Toy-a-1-deu-eng is datasets\[0\] already"):
        MtdataCorpus(source="mtdata", kind="parallel", datasets=[one, one])
    with pytest.raises(ValueError, match="the same language"):
        corpus("Toy-a-1-deu-eng", languages=("de", "de"))
    with pytest.raises(ValueError, match="pattern"):
        corpus("../a-1-deu-eng/..")


def test_records_are_read_back_as_they_were_added(tmp_path):
    with records.FrameWriter(tmp_path / "a.zst") as frames:
        assert not frames.add("d", "line\nand \ttab")
        frames.end_frame()
    records.seal(tmp_path / "a.zst", {"id": "x"}, tmp_path / "b.zst")
    assert list(records.read_records(tmp_path / "b.zst")) == [("d", "line\nand \ttab")]
    assert records.is_made_as(tmp_path / "b.zst", {"id": "x"})
    assert not records.is_made_as(tmp_path / "b.zst", {"id": "y"})
    assert not records.is_made_as(tmp_path / "a.zst", {})
