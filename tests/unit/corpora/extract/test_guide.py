from __future__ import annotations

from downlaw.corpora.extract.guide import blocks, extract
from downlaw.corpora.segments import Segment
from downlaw.corpora.sources.deb import Deb

MEMBER = "usr/share/doc/installation-guide-amd64/{}/{}.html"


def chapter(heading: str, text: str, more: str = "") -> str:
    return (
        '<html><head><title>no text</title></head><body><div class="navheader"><table><tr>'
        "<th>Chapter 2</th></tr></table></div>"
        f'<div class="sect1"><h2 class="title"><a name="x"></a>{heading}</h2>'
        '<div class="toc"><dl><dt>2.1</dt></dl></div>'
        f"<p>{text}</p><pre>code</pre>"
        f"<table><tr><td><p>a cell</p></td><td></td><th>head</th></tr></table>{more}"
        '</div><div class="navfooter"><p>Next</p></div></body></html>'
    )


def test_blocks_in_the_order_of_the_page():
    found = [tuple(block) for block in blocks(chapter("Hardware", "Text <em>with</em>\n emphasis.").encode())]
    assert found == [
        ("h1", "Hardware"),
        ("p", "Text with emphasis."),
        ("code", ""),
        ("p", "a cell"),
        ("cell", "head"),
    ]


def test_chapters_align_by_structure(make_deb):
    members = {
        MEMBER.format("en", "ch02"): chapter(
            "Hardware", "Text.", "<h3>More</h3><p>x</p><h3>End</h3><p>end</p>"
        ),
        MEMBER.format("de", "ch02"): chapter("Geräte", "Worte.", "<h3>Mehr</h3><h3>Ende</h3><p>Schluss</p>"),
        MEMBER.format("en", "ch03"): chapter("Alone", "Text."),
        MEMBER.format("zh_CN", "ch02"): chapter("No", "No."),
    }
    source = extract(Deb(make_deb(members)), "guide", ("de", "en"))
    assert source.segments[:2] == [
        Segment(("guide/ch02",), ("Geräte", "Hardware")),
        Segment(("guide/ch02",), ("Worte.", "Text.")),
    ]
    assert [segment.texts for segment in source.segments][-2:] == [("Ende", "End"), ("Schluss", "end")]
    assert ("Mehr", "More") not in [segment.texts for segment in source.segments]
    assert source.sizes == {"guide/ch02": 8, "guide/ch03": 4}


def test_one_language(make_deb):
    source = extract(Deb(make_deb({MEMBER.format("ro", "ch02"): chapter("Unu", "Doi.")})), "guide", ("ro",))
    assert [segment.texts for segment in source.segments][:2] == [("Unu",), ("Doi.",)]
