"""Text of one line of a manual page: escapes, fonts, and the inline macros of mdoc(7)."""

from __future__ import annotations

import re
import unicodedata

FONTS = {"B", "I", "SM", "SB", "BI", "BR", "IB", "IR", "RB", "RI", "OP", "q"}
"""Macros of man(7) whose arguments are text."""

_CHARACTERS = {
    **{"bu": "•", "en": "–", "em": "—", "hy": "-", "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "aq": "'"},
    **{"dq": '"', "ga": "`", "ha": "^", "ti": "~", "rs": "\\", "bv": "|", "co": "©", "rg": "®", "tm": "™"},
    **{"de": "°", "mu": "×", "+-": "±", "sd": "″", "fm": "′", "->": "→", "<-": "←", "at": "@", "sh": "#"},
    **{"la": "⟨", "ra": "⟩", "Fo": "«", "Fc": "»", "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ"},
    **{"/o": "ø", "/O": "Ø", "sl": "/", "sc": "§", "lB": "[", "rB": "]", "lC": "{", "rC": "}", "Do": "$"},
    **{"Bq": "„", "bq": "‚", "<=": "≤", ">=": "≥", "!=": "≠", "mc": "µ", "ul": "_", "or": "|", "Eu": "€"},
}
"""Special characters by name (groff_char(7)); what is not here is left out."""
_STRINGS = {"Aq": "'", "lq": "“", "rq": "”", 'L"': '"', 'R"': '"', "C`": "", "C'": "", "Gt": ">", "Lt": "<"}
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", ":": "\u0308", "~": "\u0303", ",": "\u0327"}
_ACCENTS |= {"v": "\u030c", "o": "\u030a"}
_SINGLE = {
    "-": "-",
    "e": "\\",
    "\\": "\\",
    "'": "'",
    "`": "`",
    " ": " ",
    "~": " ",
    "0": " ",
    ".": ".",
    "t": " ",
}
_NOTHING = "&)/,^|%:!?acdprtu{}"

_ESCAPE = re.compile(
    r"""\\(?:
        \*(?:\((?P<string2>..)|\[(?P<string>[^\]]*)\]|(?P<string1>.))
      | \((?P<character2>..)
      | \[(?P<character>[^\]]*)\]
      | [fFgmMnYVk](?:\(..|\[[^\]]*\]|[+-]?.)
      | s[+-]?(?:\(\d\d|\[[^\]]*\]|'[^']*'|[123]\d|\d)
      | [hvwXDlLobZANxHSRBC]'[^']*'
      | z
      | (?P<single>.)
      | \Z
    )""",
    re.VERBOSE,
)
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|((?:\\.|[^\s\\])+)')

MDOC = {
    *(
        "Nm",
        "Nd",
        "Fl",
        "Ar",
        "Cm",
        "Ic",
        "Pa",
        "Xr",
        "Em",
        "Sy",
        "Li",
        "Ev",
        "Va",
        "Vt",
        "Dv",
        "Er",
        "Sx",
        "Tn",
    ),
    *(
        "An",
        "Lk",
        "Mt",
        "No",
        "Ns",
        "Op",
        "Pq",
        "Dq",
        "Sq",
        "Ql",
        "Aq",
        "Bq",
        "Qq",
        "Fn",
        "Fa",
        "Ad",
        "Cd",
        "Ms",
    ),
    *(
        "Bx",
        "Ux",
        "Fx",
        "Nx",
        "Ox",
        "At",
        "Po",
        "Pc",
        "Do",
        "Dc",
        "Oo",
        "Oc",
        "Qo",
        "Qc",
        "So",
        "Sc",
        "Ao",
        "Ac",
    ),
    *("Bo", "Bc", "Ap", "D1", "Dl", "Me", "Brq", "Ot", "Pf", "St", "In", "Fd"),
}
"""Macros of mdoc(7) that give text, and that may stand among the arguments of another."""
_AROUND = {
    "Pq": "()",
    "Dq": "“”",
    "Sq": "‘’",
    "Ql": "‘’",
    "Aq": "<>",
    "Bq": "[]",
    "Op": "[]",
    "Qq": '""',
    "Brq": "{}",
}
_SIGNS = {"Po": "(", "Pc": ")", "Do": "“", "Dc": "”", "Oo": "[", "Oc": "]", "Qo": '"', "Qc": '"', "So": "‘"}
_SIGNS |= {"Sc": "’", "Ao": "<", "Ac": ">", "Bo": "[", "Bc": "]"}
_SYSTEMS = {"Bx": "BSD", "Ux": "UNIX", "Fx": "FreeBSD", "Nx": "NetBSD", "Ox": "OpenBSD", "At": "AT&T UNIX"}
_OPENING, _CLOSING = (
    ("(", "[", "“", "‘", "<", "{"),
    (".", ",", ":", ";", ")", "]", "?", "!", "”", "’", ">", "}"),
)


def _character(name: str) -> str:
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    if len(name) == 2 and name[0] in _ACCENTS and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _ACCENTS[name[0]])
    if re.fullmatch(r"u[0-9A-F]{4,5}", name):
        return chr(int(name[1:], 16))
    if re.fullmatch(r"char\d{2,3}", name) and int(name[4:]) < 256:
        return chr(int(name[4:]))
    return ""


def _escape(match: re.Match[str]) -> str:
    string = match["string"] or match["string2"] or match["string1"]
    if string is not None:
        return _STRINGS.get(string, "")
    name = match["character"] or match["character2"]
    if name is not None:
        return _character(name)
    single = match["single"]
    if single is None or single in _NOTHING:
        return ""
    return _SINGLE.get(single, single)


def plain(text: str) -> str:
    """Text without escapes; a character that has a name becomes itself."""
    return _ESCAPE.sub(_escape, text) if "\\" in text else text


def arguments(text: str) -> list[str]:
    """The arguments of a macro: words, or quoted strings with `""` for a quote within."""
    return [
        (match[1] or "").replace('""', '"') if match[2] is None else match[2]
        for match in _ARGUMENT.finditer(text)
    ]


def font_line(name: str, words: list[str]) -> str:
    """The text of a font macro: alternating fonts join their arguments without a space."""
    if name == "OP":
        return "[" + " ".join(words) + "]"
    return ("" if len(name) == 2 and name not in ("SM", "SB") else " ").join(words)


def mdoc_line(name: str, rest: str, page: str = "") -> str:
    """The text of a line that begins with an inline macro of mdoc(7).

    Args:
        page: the page's name, which `.Nm` without an argument stands for.
    """
    words, closing = [], []
    for word in [name, *arguments(rest)]:
        if word in _AROUND:
            words.append(_AROUND[word][0])
            closing.append(_AROUND[word][1])
        else:
            words.append(word)
    tail: list[str] = []
    while closing and words and words[-1] in (".", ",", ":", ";"):
        tail.insert(0, words.pop())
    return _joined([*words, *reversed(closing), *tail], page)


def _joined(words: list[str], page: str) -> str:
    """mdoc words with their macros applied, punctuation set close."""
    text, close, macro = "", True, ""
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word in MDOC and word not in _SIGNS:
            macro = word
            bare = position == len(words) or words[position] in _CLOSING or words[position] in MDOC
            if word == "Ns":
                close = True
                continue
            if word == "Xr" and not bare and position + 1 < len(words):
                word, position = f"{words[position]}({words[position + 1]})", position + 2
            elif word == "Nm" and bare and page:
                word = page
            elif word == "Ar" and bare:
                word = "file ..."
            elif (word == "Fl" and bare) or word == "Nd":
                word = "-"
            elif word in _SYSTEMS:
                word = _SYSTEMS[word]
            else:
                continue
            macro = ""
        elif word in _SIGNS:
            word = _SIGNS[word]
        elif macro == "Fl" and word not in _CLOSING and word not in _OPENING and word != "|":
            word = "-" + word
        text += word if close or word in _CLOSING else f" {word}"
        close = word in _OPENING
    return text
