from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from downlaw.study import StudyError, load_study
from downlaw.study.sources import Corpus
from downlaw.study.sources.debian import DebianCorpus

PACKAGE = {"name": "manpages-de", "version": "1:4.27.0-1+b2", "sha256": "0" * 64, "languages": ["de"]}
ENGLISH = PACKAGE | {"name": "manpages", "languages": ["en"]}
PAGES = {
    "name": "pages",
    "extract": "man",
    "suite": "trixie",
    "licence": "GPL",
    "packages": [PACKAGE, ENGLISH],
}
INDEX = {"language": "de", "sha256": "0" * 64}
ABOUT = {"name": "about", "extract": "descriptions", "suite": "trixie", "licence": "GPL", "indexes": [INDEX]}


def corpus(*collections: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"source": "debian", "kind": "parallel", "collections": list(deepcopy(collections)), **more}


def test_a_corpus_is_told_by_its_source():
    found = TypeAdapter(Corpus).validate_python(corpus(PAGES, ABOUT))
    assert isinstance(found, DebianCorpus)
    assert found.archive == "http://deb.debian.org/debian"


def test_languages_and_pairs_are_known_before_anything_is_read():
    ui = {**PAGES, "name": "ui", "extract": "libreoffice-ui", "packages": [PACKAGE | {"languages": ["ro"]}]}
    found = DebianCorpus(**corpus(PAGES, ABOUT, ui))
    assert found.languages() == {"de", "en", "ro"}
    assert found.language_pairs() == {frozenset(("de", "en")), frozenset(("en", "ro"))}


REFUSED = {
    "a package without packages": (corpus({**PAGES, "packages": []}), "extract: man needs packages"),
    "descriptions out of packages": (
        corpus({**PAGES, "extract": "descriptions"}),
        "extract: descriptions needs indexes",
    ),
    "pages out of indexes": (corpus({**PAGES, "indexes": [INDEX]}), "extract: man takes no indexes"),
    "a package twice": (
        corpus({**PAGES, "packages": [PACKAGE, PACKAGE]}),
        "packages[1]: manpages-de is packages[0] already",
    ),
    "an index twice": (corpus({**ABOUT, "indexes": [INDEX, INDEX]}), "indexes[1]: de is indexes[0] already"),
    "a collection twice": (corpus(PAGES, PAGES), "collections[1]: pages is collections[0] already"),
    "a language twice": (
        corpus({**PAGES, "packages": [PACKAGE | {"languages": ["de", "de"]}]}),
        "languages names a value twice",
    ),
    "no language": (corpus({**PAGES, "packages": [PACKAGE | {"languages": []}]}), "at least 1 item"),
    "a name that is none": (corpus({**PAGES, "packages": [PACKAGE | {"name": "A b"}]}), "match pattern"),
    "a version that is none": (
        corpus({**PAGES, "packages": [PACKAGE | {"version": "new"}]}),
        "match pattern",
    ),
    "a version that leads elsewhere": (
        corpus({**PAGES, "packages": [PACKAGE | {"version": "1/../2"}]}),
        "match pattern",
    ),
    "a hash that is none": (corpus({**ABOUT, "indexes": [INDEX | {"sha256": "1"}]}), "match pattern"),
    "an unknown extractor": (corpus({**PAGES, "extract": "info"}), "'man', 'descriptions'"),
    "a key that is not known": (corpus({**PAGES, "suit": "x"}), "Extra inputs"),
    "options in an archive": (corpus(PAGES, archive="http://a.org/ [trusted=yes]"), "match pattern"),
    "two lines in an archive": (corpus(PAGES, archive="http://a.org/\ndeb http://b.org"), "match pattern"),
    "an archive that runs a program": (corpus(PAGES, archive="ssh://a.org/debian"), "match pattern"),
    "a second line in a suite": (corpus({**PAGES, "suite": "trixie\nx"}), "match pattern"),
    "options in a keyring": (corpus(PAGES, keyring="/a.gpg trusted=yes"), "match pattern"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_said(given, message):
    with pytest.raises(ValidationError) as refused:
        DebianCorpus(**given)
    assert message in str(refused.value)


def test_the_path_of_a_key_is_named(toy_config):
    wrong = corpus({**PAGES, "packages": [PACKAGE, ENGLISH | {"sha256": "abc"}]})
    with pytest.raises(
        StudyError, match=r"^corpora\.ui\.collections\[0\]\.packages\[1\]\.sha256: String should"
    ):
        load_study(toy_config(corpora__ui=wrong))


def test_a_task_in_languages_that_no_collection_has_is_refused(toy_config):
    only = {**PAGES, "packages": [ENGLISH]}
    with pytest.raises(StudyError, match=r"tasks\.en-de.*: corpus pages has no en-de"):
        load_study(toy_config(corpora__pages=corpus(only), **{"tasks__en-de__corpus": "pages"}))
