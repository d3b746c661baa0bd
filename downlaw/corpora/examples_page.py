"""A page for a person to read: what each filter dropped of a corpus part, how much, and what was kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from downlaw.files import write_aside

from .examples import KEPT, Examples

MEANINGS = {
    "empty": "nothing was left on a side; shown as it was read",
    "too_short": "fewer words than cleaning.min_words on a side",
    "too_long": "more words than cleaning.max_words on a side",
    "length_ratio": "one side much longer than the other: cleaning.max_length_ratio",
    "few_letters": "a smaller share of letters than cleaning.min_letters on a side",
    "addresses": "mostly web or e-mail addresses or paths: cleaning.max_address_share",
    "boilerplate": "notices, navigation bars, filler or code: cleaning.boilerplate",
    "untranslated": "both sides the same",
    "other_language": "a side that is surely in another language: cleaning.identify_language",
    "duplicate": "the same as another but for case and numbers",
    "near_duplicate": "nearly the same as another: cleaning.near_duplicates",
    "held_out_seen_elsewhere": "held-out text that stands in another split",
    "overlaps_test": "overlaps with a test set",
}
"""What a filter drops, and the key that changes it."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5b6168; --line: #d8dbdf; --bar: #3b6ea5;
  --paper: #fff; --box: #f5f6f7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e7e9; --soft: #a3a9b0; --line: #3a3e43;
  --bar: #7aa7d9; --paper: #17191b; --box: #212427; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin: 2rem 0 0; }
p { margin: .2rem 0 .6rem; color: var(--soft); }
a { color: var(--bar); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; font-weight: normal; }
th:first-child { padding-left: 0; text-align: left; } thead th { color: var(--soft); }
.bar { width: 30%; padding-right: 0; } .bar div { height: .6rem; background: var(--bar); min-width: 1px; }
ol { margin: 0; padding: 0; list-style: none; }
li { margin: .4rem 0; padding: .4rem .7rem; background: var(--box); border-left: 3px solid var(--line); }
li div + div { margin-top: .3rem; padding-top: .3rem; border-top: 1px dashed var(--line); }
.kept li { border-left-color: var(--bar); }
@media (max-width: 30rem) { .bar { display: none; } }
"""


def write_examples(
    path: Path, title: str, counts: Mapping[str, int], examples: Examples, languages: Sequence[str] = ()
) -> None:
    """Write the page, whole or not at all: one HTML file that needs nothing else.

    Args:
        counts: segments by the filter that dropped them, in the order of the filters, and `KEPT` for those
            that stayed; the shares are of their sum.
        examples: what is shown of each.
        languages: the code of each side, for the reader's hyphenation and fonts.
    """
    with write_aside(path) as aside:
        text = "".join(_page(title, counts, examples, languages))
        aside.write_text(text, encoding="utf-8", errors="replace")


def _page(
    title: str, counts: Mapping[str, int], examples: Examples, languages: Sequence[str]
) -> Iterator[str]:
    total = sum(counts.values())
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    yield f"<h1>{escape(title)}</h1>\n<p>{total:,} segments were judged. The samples are random and the same "
    yield "in every run; read a few of each before you trust a filter.</p>\n"
    yield "<table>\n<thead><tr><th>Segments</th><th>count</th><th>share</th>"
    yield '<th class="bar"></th></tr></thead>\n<tbody>\n'
    names = [KEPT, *(name for name in counts if name != KEPT)]
    for name in names:
        count = counts.get(name, 0)
        share = count / total if total else 0.0
        label = f'<a href="#{escape(name)}">{_words(name)}</a>' if examples.of(name) else _words(name)
        bar = f'<div style="width:{100 * share:.1f}%"></div>' if count else ""
        yield f'<tr><th scope="row">{label}</th><td>{count:,}</td><td>{_percent(share)}</td>'
        yield f'<td class="bar">{bar}</td></tr>\n'
    yield "</tbody>\n</table>\n"
    for name in (*names[1:], KEPT):
        yield from _section(name, counts.get(name, 0), examples.of(name), languages)
    yield "</body>\n</html>\n"


def _section(
    name: str, count: int, sample: Sequence[Sequence[str]], languages: Sequence[str]
) -> Iterator[str]:
    if not sample:
        return
    heading = "Kept" if name == KEPT else f"Dropped: {_words(name)}"
    meaning = f"{escape(MEANINGS[name])}. " if name in MEANINGS else ""
    kind = "kept" if name == KEPT else "dropped"
    yield f'<section class="{kind}" id="{escape(name)}">\n<h2>{heading}</h2>\n'
    yield f"<p>{meaning[:1].upper()}{meaning[1:]}{len(sample):,} of {count:,}.</p>\n<ol>\n"
    for texts in sample:
        sides = "".join(
            f'<div dir="auto"{_language(languages, side)}>{escape(text) or "&nbsp;"}</div>'
            for side, text in enumerate(texts)
        )
        yield f"<li>{sides}</li>\n"
    yield "</ol>\n</section>\n"


def _language(languages: Sequence[str], side: int) -> str:
    return f' lang="{escape(languages[side])}"' if side < len(languages) else ""


def _words(name: str) -> str:
    return escape(name.replace("_", " "))


def _percent(share: float) -> str:
    return "&lt;0.01%" if 0 < share < 1e-4 else f"{share:.2%}"
