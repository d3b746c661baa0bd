from __future__ import annotations

import polib
import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.extract.gettext import MANY_CATALOGS, extract
from downlaw.corpora.sources.wheel import Wheel


def member(locale: str, form: str = "po", domain: str = "app") -> str:
    return f"toy/locale/{locale}/LC_MESSAGES/{domain}.{form}"


def read(path, languages=("de", "en")):
    with Wheel(path) as wheel:
        return extract(wheel, "toy", languages)


def texts(source) -> list[tuple[str, ...]]:
    return [segment.texts for segment in source.segments]


def test_documents_are_the_source_files_of_the_comments(make_wheel, catalog):
    po = catalog({"One": ("Eins", ["a.py", "b.py"]), "Two": ("Zwei", ["a.py"]), "Three": "Drei"})
    source = read(make_wheel({member("de"): str(po)}))
    assert [(segment.documents, segment.texts) for segment in source.segments] == [
        (("toy/a.py", "toy/b.py"), ("Eins", "One")),
        (("toy/a.py",), ("Zwei", "Two")),
        (("toy/toy/locale/app",), ("Drei", "Three")),
    ]
    assert source.sizes == {"toy/a.py": 2, "toy/b.py": 1, "toy/toy/locale/app": 1}


def test_po_before_mo_and_plain_locale_before_region(make_wheel, catalog):
    members = {
        member("de_DE"): str(catalog({"One": "region"})),
        member("de", "mo"): catalog({"One": "binary"}).to_binary(),
        member("de"): str(catalog({"One": "plain"})),
    }
    assert texts(read(make_wheel(members))) == [("plain", "One")]
    del members[member("de")]
    assert texts(read(make_wheel(members))) == [("binary", "One")]
    del members[member("de", "mo")]
    assert texts(read(make_wheel(members))) == [("region", "One")]


def test_other_regions_are_other_languages(make_wheel, catalog):
    source = read(make_wheel({member("de_AT"): str(catalog({"One": "Oans"}))}))
    assert source.segments == []


def test_fuzzy_obsolete_and_untranslated_messages_are_dropped(make_wheel, catalog):
    po = catalog({"One": "Eins", "Two": "Zwei", "Three": "Drei", "Four": ""})
    po[1].flags.append("fuzzy")
    po[2].obsolete = True
    source = read(make_wheel({member("de"): str(po)}))
    assert texts(source) == [("Eins", "One")]
    assert sum(source.sizes.values()) == 3, "sizes count messages, translated or not"


def test_english_stands_in_the_default_comment_of_an_id(make_wheel, catalog):
    po = catalog({"label_title": "Titel", "Plain": "Schlicht"})
    po[0].comment = 'Default: "The \\"title\\" of\n the page"'
    assert texts(read(make_wheel({member("de"): str(po)}))) == [
        ("Titel", 'The "title" of\n the page'),
        ("Schlicht", "Plain"),
    ]


def test_plural_forms(make_wheel, catalog):
    po = catalog({})
    po.append(
        polib.POEntry(
            msgid="one file", msgid_plural="%d files", msgstr_plural={0: "ein", 1: "zwei", 2: "viele"}
        )
    )
    for form, content in (("po", str(po)), ("mo", po.to_binary())):
        pairs = texts(read(make_wheel({member("de", form): content})))
        assert pairs == [("ein", "one file"), ("viele", "%d files")]


def test_pair_without_english_is_joined_on_the_message(make_wheel, catalog):
    wheel = make_wheel(
        {
            member("de"): str(catalog({"One": ("Eins", ["a.py"]), "Two": ("Zwei", ["a.py"])})),
            member("fr"): str(catalog({"Two": ("Deux", ["a.py"]), "Three": ("Trois", ["a.py"])})),
        }
    )
    source = read(wheel, ("de", "fr"))
    assert texts(source) == [("Zwei", "Deux")]
    assert source.segments[0].documents == ("toy/a.py",)


def test_package_without_the_language_gives_nothing(make_wheel, catalog):
    source = read(make_wheel({member("de"): str(catalog({"One": "Eins"}))}), ("en", "ro"))
    assert source.segments == [] and source.sizes == {}


def test_without_comments_messages_are_looked_up_in_the_code(make_wheel, catalog):
    mo = catalog({"In the code": "Im Code", "Nowhere": "Nirgends"}).to_binary()
    wheel = make_wheel(
        {
            member("de", "mo"): mo,
            "toy/views.py": 'title = _("In the "\n    "code")\n',
            "toy/migrations/0001.py": 'title = "In the code"\n',
        }
    )
    source = read(wheel)
    assert [segment.documents for segment in source.segments] == [
        ("toy/toy/views.py",),
        ("toy/toy/locale/app",),
    ]
    assert source.sizes == {"toy/toy/views.py": 1, "toy/toy/locale/app": 1}


def test_sizes_do_not_depend_on_the_language(make_wheel, catalog):
    full = {f"Message {letter}": "Text" for letter in "abcdef"}
    members = {
        member("de", "mo"): catalog(full).to_binary(),
        member("fr", "mo"): catalog(dict(list(full.items())[:2])).to_binary(),
        "toy/one.py": "x = ['Message a', 'Message b', 'Message c']",
        "toy/two.py": "x = ['Message d']",
    }
    wheel = make_wheel(members)
    assert read(wheel).sizes == read(wheel, ("en", "fr")).sizes
    many = {
        member(locale, "mo", f"app{number}"): catalog(dict(list(full.items())[:kept])).to_binary()
        for number in range(MANY_CATALOGS)
        for locale, kept in (("de", 5), ("fr", 3))
    }
    wheel = make_wheel(many)
    sizes = read(wheel).sizes
    assert sizes == read(wheel, ("en", "fr")).sizes
    assert set(sizes.values()) == {6}, "5 messages and the head of the catalog"


@pytest.mark.parametrize("form", ["po", "mo"])
def test_broken_encoding_names_wheel_and_member(make_wheel, catalog, form):
    po = catalog({"One": "Größe"})
    content = po.to_binary() if form == "mo" else str(po).encode()
    wheel = make_wheel({member("de", form): content.replace("ö".encode(), b"\xf6\xf6")})
    with pytest.raises(CorpusError, match=rf"toy-1\.0\.whl: {member('de', form)}: broken encoding"):
        read(wheel)


def test_other_encodings_are_read(make_wheel, catalog):
    content = str(catalog({"One": "Größe"})).replace("UTF-8", "ISO-8859-1").encode("latin-1")
    assert texts(read(make_wheel({member("de"): content}))) == [("Größe", "One")]


@pytest.mark.parametrize(
    ("form", "content"),
    [("po", b"nonsense\n"), ("mo", b"not a catalog at all"), ("mo", b"")],
)
def test_damaged_catalogs_are_named(make_wheel, form, content):
    with pytest.raises(CorpusError, match=rf"{member('de', form)}: not a gettext catalog"):
        read(make_wheel({member("de", form): content}))


def test_unknown_encoding_is_named(make_wheel, catalog):
    content = str(catalog({"One": "Eins"})).replace("UTF-8", "klingon-1")
    with pytest.raises(CorpusError, match=r"app\.po: unknown encoding 'klingon-1'"):
        read(make_wheel({member("de"): content}))
