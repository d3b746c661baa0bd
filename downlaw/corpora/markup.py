"""Plain text out of strings with HTML, inline reStructuredText or Markdown, placeholders and mnemonics."""

from __future__ import annotations

import html
import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser

PLACEHOLDER = "_"
"""Stands for a value that a program fills in; it is no letter and no word, so the filters do not count it."""

_CEDILLA_TO_COMMA = str.maketrans("şŞţŢ", "șȘțȚ")
# Marks of writing direction go, since the letters say it; joiners stay where they spell (Persian, Indic
# scripts) or make one emoji of two.
_JOINED = (
    "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af"
    "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff"
)
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
    f"|(?<![{_JOINED}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINED}])"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_TAGS = (
    "a|abbr|b|big|blockquote|br|button|code|dd|del|div|dl|dt|em|font|h[1-6]|hr|i|img|input|ins|kbd|label|li"
    "|ol|p|pre|q|s|samp|small|span|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul|var"
)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_BREAK = re.compile(
    r"</?(?:blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|table|td|th|tr|ul)\b[^<>]*>", re.IGNORECASE
)
_OTHER_BRACKET = re.compile(rf"<(?!/?(?:{_TAGS})\b)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)

# Emphasis stands between white space, brackets or quotes, and a pattern of file names (*.po) does not.
_BEFORE = r"""(?<![^\s(\[{"'\u00ab\u201a\u201c\u201e])"""
_AFTER = r"""(?=$|[\s)\]}"'\u00bb\u2018\u2019\u201c\u201d]|[.,;:!?\u2026]+(?:\s|$))"""

_MARKED = (
    (re.compile(r":[a-z][\w:.+-]*:`([^`<]+?)(?:\s*<[^`>]*>)?`"), r"\1"),  # :role:`text <target>`
    (re.compile(r"``([^`]+)``"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{0,2}"), r"\1"),  # `text <target>`_
    (re.compile(r"`([^`]+)`(?:__?(?!\w))?"), r"\1"),
    (re.compile(r"\[([^\[\]]+)\]\((?:[^()\s]|\([^()]*\))+\)"), r"\1"),  # [text](target)
    (re.compile(rf"{_BEFORE}\*\*([^\s*](?:[^*]*[^\s*])?)\*\*{_AFTER}"), r"\1"),
    (re.compile(rf"{_BEFORE}\*([^\s*](?:[^*]*[^\s*])?)\*{_AFTER}"), r"\1"),
    (re.compile(r"::(?=\s|$)"), ":"),
)

_FILLED_IN = re.compile(
    r"""
      \{%.*?%\} | \$?\{\{.*?\}\} | \$?\{[^{}]*\}          # {% tag %}, {{ name }}, {name}, ${name}
    | %\([^()]*\)[#0+-]*\d*(?:\.\d+)?[a-zA-Z]             # %(name)s
    | %(?:\d+\$)?[#0+-]*\d*(?:\.\d+)?(?:l{0,2}[dufi]|[sdrcxXgGeE])(?![a-zA-Z])   # %s, %1$d, %.1f
    | %L?\d{1,2}(?!\w)                                    # %1
    | \$(?:[A-Za-z_]\w*|\([\w.]+\))                       # $name, $(name)
    """,
    re.VERBOSE | re.DOTALL,
)
_SPECIAL = re.compile(r"[<&`*\[{%$_:\\]")
_AMPERSAND_MNEMONIC = re.compile(r"(?<![A-Z\s])&(?=[^\W\d_])|(?<!\S)&(?=[^\W\d_])")
_UNDERSCORE_MNEMONIC = re.compile(r"(?<![^\s(/])_(?=[^\W\d_])")
_UNDERSCORE_WITHIN = re.compile(r"[^\W\d_]+_[^\W\d_]+")


def strip_html(text: str) -> str:
    """Text without HTML tags and entities; block elements become line breaks.

    Angle brackets around anything that is not an HTML element (`<branch>`) are text and stay.
    """
    if "<" in text and _TAG.search(text):
        text = _OTHER_BRACKET.sub("&lt;", _BREAK.sub("\n", _COMMENT.sub("", text)))
        body = LexborHTMLParser(text).body
        text = body.text(deep=True, separator="", strip=False) if body is not None else ""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text


def strip_inline_markup(text: str) -> str:
    """Text without inline reStructuredText and Markdown.

    By patterns, and not by docutils: strings of an interface are fragments with roles of their own
    (:hg:`clone`), which docutils turns into error messages.
    """
    for pattern, plain in _MARKED:
        text = pattern.sub(plain, text)
    return text


def replace_placeholders(text: str) -> str:
    """Text with `PLACEHOLDER` for each value that a program fills in, and without mnemonic marks."""
    text = _AMPERSAND_MNEMONIC.sub("", text)
    text = _UNDERSCORE_MNEMONIC.sub("", text)
    return _FILLED_IN.sub(PLACEHOLDER, text).replace("%%", "%")


def strip_mnemonics(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Translations without an underscore that marks a letter within a word (`E_dit`).

    A word with an underscore on both sides is a name (`file_name`) and stays; so does one without a
    translation beside it.
    """
    found = [set(_UNDERSCORE_WITHIN.findall(text)) if "_" in text else set() for text in texts]
    if len(texts) < 2 or not any(found):
        return texts
    names = set.intersection(*found)
    return tuple(
        _UNDERSCORE_WITHIN.sub(lambda m: m[0] if m[0] in names else m[0].replace("_", ""), text)
        if own
        else text
        for text, own in zip(texts, found, strict=True)
    )


def plain(text: str, language: str) -> str:
    """Plain text in NFC; line breaks are kept. Romanian cedilla letters become comma-below ones.

    Halves of characters, which JSON can hold, become the replacement character.
    """
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    if _SPECIAL.search(text):
        text = strip_html(text.replace('\\"', '"'))
        text = replace_placeholders(text)
        text = strip_inline_markup(text)
    text = _CONTROL.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
        if language == "ro":
            text = text.translate(_CEDILLA_TO_COMMA)
    return text
