from __future__ import annotations

from downlaw.corpora.extract.libreoffice import extract_help, extract_ui
from downlaw.corpora.segments import Segment
from downlaw.corpora.sources.deb import Deb

HELP = "usr/share/libreoffice/help/{}/text/swriter/guide/{}.html"
UI = "usr/lib/libreoffice/program/resource/{}/LC_MESSAGES/sw.mo"


def page(heading: str, text: str, more: str = "") -> str:
    return (
        f'<html><body><h1 id="hd_id1">{heading}</h1><p id="par_id2">{text}</p><p>no id</p>'
        f'<p id="bm_module">mark</p><pre id="par_id3" class="pycode">code()</pre>'
        f'<div class="bascode"><p id="par_id4">Sub Main</p></div>{more}</body></html>'
    )


def test_help_pairs_on_ids(make_deb):
    english = page("Lists", "Choose <b>Tools - Options</b>.", '<p id="par_id9">Only here.</p>')
    german = page("Listen", "Wählen Sie <b>Extras - Optionen</b>.")
    members = {
        HELP.format("en-US", "lists"): english,
        HELP.format("de", "lists"): german,
        HELP.format("en-US", "alone"): page("Alone", "Never translated."),
        HELP.format("de", "more"): german,
    }
    source = extract_help(Deb(make_deb(members)), "help", ("de", "en"))
    document = ("help/text/swriter/guide/lists.html",)
    assert source.segments == [
        Segment(document, ("Listen", "Lists")),
        Segment(document, ("Wählen Sie Extras - Optionen.", "Choose Tools - Options.")),
    ]
    assert source.sizes == {"help/text/swriter/guide/alone.html": 2, document[0]: 3}


def test_help_of_one_language(make_deb):
    source = extract_help(Deb(make_deb({HELP.format("fr", "a"): page("Listes", "Texte.")})), "help", ("fr",))
    assert [segment.texts for segment in source.segments] == [("Listes",), ("Texte.",)]


def test_ui_strings_lose_their_shortcuts_and_name_the_product(make_deb, catalog):
    strings = catalog({"~Open File": "Datei öffnen (~O)", "About %PRODUCTNAME": "Info zu %PRODUCTNAME"})
    source = extract_ui(Deb(make_deb({UI.format("de"): strings.to_binary()})), "ui", ("de", "en"))
    assert {segment.texts for segment in source.segments} == {
        ("Datei öffnen", "Open File"),
        ("Info zu LibreOffice", "About LibreOffice"),
    }
    assert {segment.documents for segment in source.segments} == {
        ("ui/usr/lib/libreoffice/program/resource/sw",)
    }


def test_a_home_directory_keeps_its_tilde(make_deb, catalog):
    strings = catalog({"In ~/Documents or ~ 5": "In ~/Documents oder ~ 5"})
    source = extract_ui(Deb(make_deb({UI.format("de"): strings.to_binary()})), "ui", ("de", "en"))
    assert source.segments[0].texts == ("In ~/Documents oder ~ 5", "In ~/Documents or ~ 5")
