from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import text_hub
from sacrebleu.dataset import DATASETS
from sacrebleu.dataset.fake_sgml import FakeSGMLDataset
from sacrebleu.dataset.plain_text import PlainTextDataset

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources import download, sacrebleu
from downlaw.files import sha256_of_file
from downlaw.study.sources import SacrebleuCorpus

KEY = "corpora.wmt.sets[0]"
ENGLISH, ROMANIAN = ["A house.", "A tree.", "Yes."], ["O casă.", "Un copac.", "Da."]


def sgm(texts: list[str]) -> str:
    segments = [f'<seg id="{number}">{text}</seg>\n' for number, text in enumerate(texts, 1)]
    begin = '<doc docid="{}" genre="news" origlang="en">\n'
    first, second = begin.format("first"), begin.format("second")
    return f'<srcset setid="toy">\n{first}{"".join(segments[:2])}</doc>\n{second}{segments[2]}</doc>\n'


GOOD = {"test/src.en.sgm": sgm(ENGLISH), "test/ref.ro.sgm": sgm(ROMANIAN)}


@pytest.fixture
def hub(monkeypatch):
    """A server with a test set that sacrebleu knows under the name toy16."""
    monkeypatch.setattr(download, "PATIENCE", (0,))
    with text_hub.serve() as server:

        def offer(content: bytes, md5: str | None = None) -> None:
            server.files["test.tgz"] = content
            pairs = {"en-ro": ["test/src.en.sgm", "test/ref.ro.sgm"]}
            toy = FakeSGMLDataset(
                "toy16",
                data=[server.plain("test.tgz")],
                md5=[md5 or hashlib.md5(content).hexdigest()],
                langpairs=pairs,
            )
            monkeypatch.setitem(DATASETS, "toy16", toy)

        server.offer = offer
        offer(text_hub.tarred(GOOD))
        yield server


def corpus(**more) -> SacrebleuCorpus:
    given = {"name": "toy16", "languages": ["en", "ro"], "licence": "research only", **more}
    return SacrebleuCorpus(source="sacrebleu", kind="parallel", sets=[given])


def fetched(section: SacrebleuCorpus, folder: Path) -> Path:
    [artifact] = sacrebleu.artifacts(section, "corpora.wmt", "en-ro")
    assert artifact.key == KEY
    assert sacrebleu.fetch(artifact, folder / artifact.name)
    assert not sacrebleu.fetch(artifact, folder / artifact.name)
    return folder / artifact.name


def test_a_test_set_is_all_in_one_split_by_its_documents(hub, tmp_path, capfd):
    section = corpus()
    path = fetched(section, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    [(source, record)] = sacrebleu.documents("wmt", section, ("en", "ro"), tmp_path)
    found = [(segment.documents, segment.texts) for segment in source.segments]
    names = ["toy16/first", "toy16/first", "toy16/second"]
    pairs = zip(names, ENGLISH, ROMANIAN, strict=True)
    assert found == [((name,), (english, romanian)) for name, english, romanian in pairs]
    assert source.sizes == {"toy16/first": 2, "toy16/second": 1} and source.split == "test"
    said = record()
    assert (said["name"], said["licence"]) == ("toy16 en-ro", "research only")
    assert said["sha256"] == sha256_of_file(path) and said["references"] == 1
    downloaded = hashlib.sha256(hub.files["test.tgz"]).hexdigest()
    assert said["sha256_of_downloads"] == [downloaded]
    assert "is not pinned" in capfd.readouterr().err
    fetched(corpus(sha256=downloaded, split="valid"), tmp_path / "pinned")
    assert capfd.readouterr().err == ""


def test_nothing_is_kept_where_all_of_sacrebleu_keeps_it(hub, tmp_path, monkeypatch):
    from sacrebleu.utils import SACREBLEU_DIR

    fetched(corpus(), tmp_path)
    assert not os.path.exists(os.path.join(SACREBLEU_DIR, "toy16"))
    assert DATASETS["toy16"]._outdir.startswith(SACREBLEU_DIR)


def test_of_several_references_the_first(hub, tmp_path, monkeypatch):
    hub.files.update({"a.en": b"Yes\nNo\n", "a.ro": b"Da\nNu\n", "b.ro": b"Ba da\nBa nu\n"})
    urls = [hub.plain(name) for name in ("a.en", "a.ro", "b.ro")]
    names = [f"toy16.{name}" for name in ("a.en", "a.ro", "b.ro")]
    toy = PlainTextDataset("toy16", data=urls, md5=None, langpairs={"en-ro": names})
    toy.fieldnames = lambda pair: ["src", "ref:A", "ref:B"]
    monkeypatch.setitem(DATASETS, "toy16", toy)
    section = corpus()
    fetched(section, tmp_path)
    [(source, record)] = sacrebleu.documents("wmt", section, ("en", "ro"), tmp_path)
    found = [(segment.documents, segment.texts) for segment in source.segments]
    assert found == [(("toy16/00001",), ("Yes", "Da")), (("toy16/00001",), ("No", "Nu"))]
    assert record()["references"] == 2 and len(record()["sha256_of_downloads"]) == 3


def test_a_member_that_leads_out_is_refused(hub, tmp_path):
    hub.offer(text_hub.tarred({**GOOD, "../../../evil.txt": "x"}))
    with pytest.raises(
        CorpusError, match=r"refused: its member '\.\./\.\./\.\./evil\.txt' would be written outside"
    ):
        fetched(corpus(), tmp_path / "fetched")
    assert not list(tmp_path.rglob("evil.txt")) and list((tmp_path / "fetched").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", r"damaged \(no zip or tar\)"),
        (text_hub.tarred(GOOD)[:-40], "damaged"),
        (text_hub.tarred({"test/src.en.sgm": sgm(ENGLISH)}), "sacrebleu cannot read it"),
        (
            text_hub.tarred({**GOOD, "test/ref.ro.sgm": sgm(ROMANIAN).replace("<seg", "<deg", 1)}),
            "3 lines of source and 2 of",
        ),
    ],
    ids=["no archive", "cut", "no reference", "uneven"],
)
def test_damaged_files_leave_nothing(hub, tmp_path, content, message):
    hub.offer(content)
    with pytest.raises(CorpusError, match=message) as caught:
        fetched(corpus(), tmp_path)
    assert str(caught.value).startswith(f"{KEY}: toy16") and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_hash_is_refused(hub, tmp_path):
    with pytest.raises(CorpusError, match=r"sets\[0\]\.sha256: toy16 has hash .*, the study file says 0000"):
        fetched(corpus(sha256="0" * 64), tmp_path)
    hub.offer(text_hub.tarred(GOOD), md5="0" * 32)
    with pytest.raises(CorpusError, match=r"toy16: what was downloaded has MD5 .*, sacrebleu says 0000"):
        fetched(corpus(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_and_directions_that_sacrebleu_does_not_know(tmp_path):
    with pytest.raises(
        CorpusError, match=r"sets\[0\]\.name: sacrebleu has no test set wmt61 \(did you mean 'wmt"
    ):
        fetched(corpus(name="wmt61"), tmp_path)
    with pytest.raises(CorpusError, match=r"languages: wmt15 has no en-ro; it has cs-en, de-en, en-cs"):
        fetched(corpus(name="wmt15"), tmp_path)


def test_no_network_is_one_line(hub, tmp_path):
    hub.offer(text_hub.tarred(GOOD))
    DATASETS["toy16"].data = ["http://127.0.0.1:9/test.tgz"]
    with pytest.raises(CorpusError) as caught:
        fetched(corpus(), tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{KEY}: toy16 of sacrebleu: 127.0.0.1: cannot be reached (ConnectionError)")
    assert "is there a network?" in message and "\n" not in message


def test_the_real_wmt16_is_what_we_say_it_is():
    """What docs/hubs.md shows: sacrebleu knows it in this direction, with an MD5."""
    wmt16 = DATASETS["wmt16"]
    assert "en-ro" in wmt16.langpairs and len(wmt16.md5) == len(wmt16.data) == 1


def test_the_same_set_twice_is_refused():
    one = {"name": "wmt16", "languages": ["en", "ro"], "licence": "x"}
    with pytest.raises(ValueError, match=r"sets\[1\]: wmt16 en-ro is sets\[0\] already"):
        SacrebleuCorpus(source="sacrebleu", kind="parallel", sets=[one, one])
    with pytest.raises(ValueError, match="the same language"):
        corpus(languages=["en", "en"])
