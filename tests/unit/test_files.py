from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.files import digest, read_json, sha256_of_file, write_aside, write_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), write_aside(tmp_path / "new" / "table.csv") as aside:
        aside.write_text("half")
        raise RuntimeError
    assert list((tmp_path / "new").iterdir()) == []


def test_a_failed_write_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), write_aside(path) as aside:
        aside.write_text("half")
        assert path.read_text() == "earlier"
        raise RuntimeError
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_a_write_replaces_the_earlier_file_in_the_same_folder(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("earlier")
    with write_aside(path) as aside:
        assert aside.parent == tmp_path
        aside.write_text("later")
    assert path.read_text() == "later"
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_json_that_cannot_be_written_keeps_the_earlier_file(tmp_path):
    write_json(tmp_path / "record.json", {"status": "ok"})
    with pytest.raises(TypeError):
        write_json(tmp_path / "record.json", {"status": object()})
    assert read_json(tmp_path / "record.json") == {"status": "ok"}
    assert len(list(tmp_path.iterdir())) == 1


def test_json_is_read_as_it_was_written_and_keeps_accents(tmp_path):
    value = {"z": [1, 2.5, None], "a": {"name": "Ünïcödé"}}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value
    assert list(read_json(tmp_path / "value.json")) == ["z", "a"]
    assert "Ünïcödé" in (tmp_path / "value.json").read_text(encoding="utf-8")


def test_sha256_of_file(tmp_path):
    (tmp_path / "data").write_bytes(b"some bytes")
    assert sha256_of_file(tmp_path / "data") == hashlib.sha256(b"some bytes").hexdigest()


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_digest_does_not_depend_on_the_order_of_keys(value):
    turned = dict(reversed(value.items()))
    assert digest(turned) == digest(value)
    assert digest(json.loads(json.dumps(value))) == digest(value)


def test_digest_tells_values_apart():
    values = [{}, {"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, [1, 2], [2, 1]]
    assert len({digest(value) for value in values}) == len(values)
    assert all(len(digest(value)) == 16 for value in values)
