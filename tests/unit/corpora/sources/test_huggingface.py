from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import text_hub
from text_hub import COMMIT
from toy_web import FOLDER, KEY, corpus, lines, names, only, urls

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources import download, huggingface, records
from downlaw.files import sha256_of_file


def test_all_of_a_languages_files_and_what_the_manifest_says(web, tmp_path):
    section = corpus()
    artifact = only(section)
    path = tmp_path / artifact.name
    assert huggingface.fetch(artifact, path)
    assert not huggingface.fetch(artifact, path)
    assert names(path) == urls(range(300))
    assert [each.name for each in tmp_path.iterdir() if each.name[0] != "."] == [path.name]
    assert not list(tmp_path.glob(".*.part"))
    [(source, record)] = huggingface.documents("web", section, ("de",), tmp_path)
    assert source.sizes == {}
    texts = [(segment.documents, segment.texts) for segment in source.segments]
    assert texts[:2] == [
        (("http://a.test/0",), ("Zeile 0 hier",)),
        (("http://a.test/0",), ("und noch eine",)),
    ]
    assert len(source.sizes) == 300 and set(source.sizes.values()) == {2}
    said = record()
    assert said["name"] == "toy/web de 1/1" and said["licence"] == "ODC-BY" and said["revision"] == COMMIT
    assert said["sha256"] == sha256_of_file(path)
    assert (said["fetched_documents"], said["fetched_words"]) == (300, 1800)
    assert (said["data_files"], said["data_files_read_whole"], said["stopped_in"]) == (3, 3, None)


def test_the_budget_ends_with_a_document(web, tmp_path):
    artifact = only(corpus(words=601))
    huggingface.fetch(artifact, tmp_path / artifact.name)
    header = records.read_header(tmp_path / artifact.name)
    assert (header["fetched_words"], header["fetched_documents"]) == (606, 101)
    assert header["stopped_in"] == {"file": "multilingual/c4-de.tfrecord-00001-of-00003.json.gz", "row": 1}
    assert {name for name, _ in web.asked} == {
        f"{FOLDER}/c4-de.tfrecord-0000{n}-of-00003.json.gz" for n in (0, 1)
    }


def test_shards_share_files_and_budget(web, tmp_path):
    section = corpus(words=1001, shards=2)
    found = []
    for artifact in huggingface.artifacts(section, KEY, "de"):
        huggingface.fetch(artifact, tmp_path / artifact.name)
        found.append(names(tmp_path / artifact.name))
    assert found == [urls(range(84)), urls(range(100, 184))]  # 501 and 500 words
    assert len(list(tmp_path.glob(".hub-*.json"))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"revision": "f" * 40}, f"{KEY}.parts[0].revision: toy/web has no commit ffff"),
        ({"dataset": "toy/other"}, f"{KEY}.parts[0].dataset: the hub has no dataset toy/other"),
        (
            {"files": "multilingual/c4-xx.*.json.gz"},
            f"{KEY}.parts[0].files: toy/web has no multilingual/c4-xx",
        ),
        ({"files": "nowhere/c4-de.*.json.gz"}, f"{KEY}.parts[0].files: toy/web has no nowhere/c4-de"),
        (
            {"text": "content"},
            f"{KEY}.text: multilingual/c4-de.tfrecord-00000-of-00003.json.gz: row 1 has no",
        ),
        (
            {"document": "id"},
            f"{KEY}.document: multilingual/c4-de.tfrecord-00000-of-00003.json.gz: row 1 has",
        ),
    ],
)
def test_what_the_hub_does_not_have(web, tmp_path, change, message):
    artifact = only(corpus(**change))
    with pytest.raises(CorpusError) as caught:
        huggingface.fetch(artifact, tmp_path / artifact.name)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_no_network_is_one_line_without_the_token(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(download, "PATIENCE", (0,))
    artifact = only(corpus())
    with pytest.raises(CorpusError) as caught:
        huggingface.fetch(artifact, tmp_path / artifact.name)
    message = str(caught.value)
    assert message.startswith(
        f"{KEY}.parts[0]: toy/web: http://127.0.0.1:9: cannot be reached (ConnectionError)"
    )
    assert "is there a network?" in message and "\n" not in message and "secret" not in message


def test_the_token_is_sent_and_written_nowhere(web, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    artifact = only(corpus())
    huggingface.fetch(artifact, tmp_path / artifact.name)
    assert web.tokens == {"Bearer hf_secret"}
    assert "secret" not in "".join(capfd.readouterr())
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_token_stays_with_the_hub_where_it_redirects(web, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    artifact = only(corpus())
    name = f"{FOLDER}/c4-de.tfrecord-00001-of-00003.json.gz"
    with text_hub.serve() as store:
        store.files = web.files
        web.redirect_to = store.endpoint
        store.cuts[name] = [50]
        store.statuses[f"{FOLDER}/c4-de.tfrecord-00002-of-00003.json.gz"] = [500] * 3
        with pytest.raises(CorpusError) as caught:
            huggingface.fetch(artifact, tmp_path / artifact.name)
        assert "s3cr3t" not in str(caught.value)
        huggingface.fetch(artifact, tmp_path / artifact.name)
        assert store.tokens == {None} and web.tokens == {"Bearer hf_secret"}
        assert (name, "bytes=50-") in store.asked and web.asked == []
    assert names(tmp_path / artifact.name) == urls(range(300))


def test_the_list_of_files_survives_a_hub_that_is_down_for_a_moment(web, tmp_path):
    web.statuses["api/toy/web"] = [500, 503]
    artifact = only(corpus(words=10))
    huggingface.fetch(artifact, tmp_path / artifact.name)
    web.statuses["api/toy/web"] = [403]
    other = only(corpus(words=10, files="multilingual/c4-de-*.json.gz"))
    with pytest.raises(CorpusError, match="permission denied"):
        huggingface.fetch(other, tmp_path / other.name)


def test_a_file_that_is_not_what_the_hub_says_leaves_nothing(web, tmp_path):
    web.wrong_hash.add("multilingual/c4-de.tfrecord-00001-of-00003.json.gz")
    artifact = only(corpus())
    with pytest.raises(CorpusError, match=r"c4-de\.tfrecord-00001.*its hash is not the hub's"):
        huggingface.fetch(artifact, tmp_path / artifact.name)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".hub-")] == []


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:40] + b"!!!!" + data[44:]])
def test_a_damaged_file(web, tmp_path, damage):
    name = f"{FOLDER}/c4-de.tfrecord-00000-of-00003.json.gz"
    web.files[name] = damage(web.files[name])
    artifact = only(corpus())
    with pytest.raises(
        CorpusError, match=r"c4-de\.tfrecord-00000-of-00003\.json\.gz: (damaged|its hash)|not JSON"
    ):
        huggingface.fetch(artifact, tmp_path / artifact.name)


@pytest.mark.parametrize(
    ("row", "message"),
    [(b"[1]\n", "a record must be a JSON object"), (b"{\n", "not JSON"), (b'{"text": 3}\n', "holds no text")],
)
def test_records_that_are_no_text_name_their_line(web, tmp_path, row, message):
    web.files["toy/web/a.jsonl"] = b'{"text": "ein Satz"}\n\n{"text": null}\n' + row
    artifact = only(corpus(files="*.jsonl", document=None))
    with pytest.raises(CorpusError, match=rf"a\.jsonl: (line|row) 4.*{message}"):
        huggingface.fetch(artifact, tmp_path / artifact.name)


def test_documents_without_a_name_are_named_by_file_and_row(web, tmp_path):
    web.files["toy/web/a.jsonl"] = b'{"text": "ein Satz"}\n\n{"text": null}\n{"text": "noch \\ud800 einer"}'
    artifact = only(corpus(files="*.jsonl", document=None))
    huggingface.fetch(artifact, tmp_path / artifact.name)
    assert list(records.read_records(tmp_path / artifact.name)) == [
        ("a.jsonl:1", "ein Satz"),
        ("a.jsonl:4", "noch ? einer"),
    ]


def test_files_without_text(web, tmp_path):
    web.files["toy/web/a.jsonl"] = b'{"text": ""}\n'
    artifact = only(corpus(files="*.jsonl", document=None))
    with pytest.raises(CorpusError, match="there is no text in the data files of toy/web"):
        huggingface.fetch(artifact, tmp_path / artifact.name)


def test_parquet_goes_on_within_its_row_groups(web, tmp_path):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(lines(0, 100)), buffer, row_group_size=40)
    web.files["toy/web/de/part-0.parquet"] = buffer.getvalue()
    section = corpus(files="*/part-*.parquet")
    whole = tmp_path / "whole" / only(section).name
    huggingface.fetch(only(section), whole)
    assert names(whole) == urls(range(100))
    path = tmp_path / "cut" / whole.name
    part = path.with_name(f".{path.name}.part")
    web.cuts["toy/web/de/part-0.parquet"] = [50]
    stopped = only(section)
    rows = huggingface.hub_files.records(
        stopped.entry, huggingface.hub_files.data_files(stopped.entry, KEY, tmp_path)[0], 57, KEY
    )
    assert [row for row, _ in rows] == list(range(57, 100))
    huggingface.fetch(stopped, path)
    assert path.read_bytes() == whole.read_bytes() and not part.exists()


def test_a_file_that_is_no_parquet(web, tmp_path):
    web.files["toy/web/de/part-0.parquet"] = b"PAR1 and nothing more PAR1"
    artifact = only(corpus(files="de/part-*.parquet"))
    with pytest.raises(CorpusError, match="not a whole parquet file"):
        huggingface.fetch(artifact, tmp_path / artifact.name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"revision": "main"}, "revision"),
        ({"files": "de/*.arrow"}, r"must end in one of \.json"),
        ({"words": 3, "shards": 4}, "leaves nothing for some of 4 shards"),
    ],
)
def test_forms_that_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        corpus(**change)


def test_the_same_files_twice_are_refused():
    part = {"language": "de", "files": "a.jsonl", "max_words": 5}
    with pytest.raises(ValueError, match=r"parts\[1\]: a\.jsonl for de is parts\[0\] already"):
        corpus(parts=[part, part])


def test_a_damaged_artifact_names_itself(web, tmp_path):
    section = corpus()
    path = tmp_path / only(section).name
    huggingface.fetch(only(section), path)
    path.write_bytes(path.read_bytes()[:-5])
    [(source, _)] = huggingface.documents("web", section, ("de",), tmp_path)
    with pytest.raises(CorpusError, match="damaged"):
        list(source.segments)
    path.write_bytes(b"")
    with pytest.raises(CorpusError, match="delete it and run again"):
        records.read_header(path)
