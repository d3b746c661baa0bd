"""Text that nobody wrote to be read: addresses, notices, navigation bars, filler and code."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"""(?<!\S)[(\[<"'«„“]*(?:
      [^\s/]*[a-z0-9]://\S+ | mailto:\S+ | www\.\S+\.\S+        # https://example.org, www.example.org
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                                # name@example.org
    | (?:[\w-]+\.)+[a-z]{2,}/\S*                                  # example.org/page
    | (?:~|\.{1,2})?(?:/[\w.+@-]+){2,}/? | ~/[\w.+@-]+            # /usr/share, ../lib/a, ~/notes
    | (?:[a-z]:|\\)\\\S+                                          # C:\Users, \\server\share
    )\S*""",
    re.IGNORECASE | re.VERBOSE,
)

_NOTICE = re.compile(
    r"""
      \bcookies?\b.*\b(?:accept|agree|consent|use|uses|using|policy|akzeptier|zustimm|verwende|einsatz|nutz
        |richtlinie|accepte|utilis|politique|folos|accepta|politica|acepta|utiliza|usa|accett|gebruik)
    | \b(?:accept|agree|consent|we\ use|uses|policy|akzeptier|verwende|nutz|accepte|utilis|politique|folose?
        |acept|utiliza|usamos|accett|gebruik)\w*\b.*\bcookies?\b
    | \bjava\s?script\b.*\b(?:enable|disable|activ|aktiv|deaktiv|abilita|habilit|inschakel|require|support
        |unterstütz|benötig|requis|nécess|necesit|necesar)
    | \b(?:enable|activ|aktivier|please|bitte|veuillez|abilita|habilit)\w*\b.*\bjava\s?script\b
    | \ball\ rights\ reserved\b | \balle\ rechte\ vorbehalten\b | \btous\ droits\ réservés\b
    | \btoate\ drepturile\ (?:sunt\ )?rezervate\b | \btodos\ los\ derechos\ reservados\b
    | \btutti\ i\ diritti\ (?:sono\ )?riservati\b | \btodos\ os\ direitos\ reservados\b
    | \balle\ rechten\ voorbehouden\b | \bwszelkie\ prawa\ zastrzeżone\b
    | (?:©|\(c\)|\bcopyright\b)\s*(?:©|\(c\))?\s*(?:19|20)\d\d
    | \blorem\ ipsum\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_IN_EVERY_NOTICE = (
    *("cookie", "java", " reserv", "reserva", "riserva", "vorbehalten", "rezerva", "réserv", "voorbehouden"),
    *("zastrzeżone", "©", "(c)", "copyright", "ipsum"),
)
"""Every match of `_NOTICE` holds one of these in lower case, which is much faster to look for."""

NOTICE_WORDS = 60
"""A longer line that mentions a cookie or a copyright is about it."""

_BETWEEN = re.compile("\\s+(?:[|>»\u203a\u2022\u00b7\u2192]|::)\\s+")
_BAR_ITEMS, _BAR_ITEM_WORDS = 4, 3

_ENDS = tuple(".!?…:;\u3002\uff01\uff1f\u061f\u06d4\u0964")
_CLOSING = "\"'”\u2019»)]}"


def addresses(text: str) -> int:
    """Number of white-space separated tokens that are a web or e-mail address or the path of a file."""
    if not any(sign in text for sign in "/\\@") and "www." not in text.lower():
        return 0
    return sum(1 for _ in _ADDRESS.finditer(text))


def _bar(line: str) -> bool:
    """`Home | News | Shop | Contact`: four items or more, of three words at most on average, no sentence."""
    items = _BETWEEN.split(line)
    if len(items) < _BAR_ITEMS or line.rstrip(_CLOSING).endswith(_ENDS):
        return False
    return sum(len(item.split()) for item in items) <= _BAR_ITEM_WORDS * len(items)


def _is_boilerplate(line: str) -> bool:
    if "{" in line or "}" in line or _bar(line):
        return True
    lower = line.lower()
    if not any(part in lower for part in _IN_EVERY_NOTICE):
        return False
    return bool(_NOTICE.search(line)) and len(line.split()) <= NOTICE_WORDS


def boilerplate(text: str) -> bool:
    """Whether most words of `text` stand in lines that are boilerplate.

    A line is that if it asks for cookies or JavaScript, keeps rights, gives the year of a copyright, holds
    filler text (lorem ipsum), is a navigation bar, or holds a curly bracket: by then values that a program
    fills in are replaced, so what is left of them is code. JavaScript, filler and brackets are rules of C4
    (Raffel et al. 2020, section 2.2). Its rule that a line must end like a sentence is not taken: strings of
    an interface, headings and dictionary glosses do not.
    """
    lines = text.split("\n")
    bad = [line for line in lines if _is_boilerplate(line)]
    if not bad:
        return False
    return 2 * sum(len(line.split()) for line in bad) > sum(len(line.split()) for line in lines)
