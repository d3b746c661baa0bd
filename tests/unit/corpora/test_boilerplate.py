from __future__ import annotations

import pytest

from downlaw.corpora.boilerplate import addresses, boilerplate


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("See https://example.org/a_b?c=1 or www.example.org.", 2),
        ("Write to name.one@example.org, or to <mailto:two@example.org>", 2),
        ("It is at example.org/page, not at example.org", 1),
        ("Read /usr/share/doc/, ../lib/a and ~/notes now", 3),
        ("Open C:\\Users\\me or \\\\server\\share", 2),
        ("and/or he/she 1/2 24/7 w/o A / B", 0),
        ("Meet @anna at 5, a@b or user@host", 0),
        ("Wörterhttp://www.example.org/ohne_Leerzeichen", 1),
        ("", 0),
    ],
)
def test_addresses_are_counted(text, count):
    assert addresses(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "We use cookies to improve this site.",
        "Diese Website verwendet Cookies, um Ihnen zu helfen.",
        "En poursuivant, vous acceptez l'utilisation de cookies.",
        "Acest site folosește cookies pentru o experiență mai bună.",
        "Please enable JavaScript in your browser to go on.",
        "Bitte aktivieren Sie JavaScript.",
        "© 2021 Example Inc.",
        "Copyright (c) 1999 by the authors",
        "All rights reserved by the owner of this site.",
        "Tous droits réservés, y compris la traduction.",
        "Lorem ipsum dolor sit amet, consectetur",
        "Home | News | Our shop | Contact",
        "Start » Produkte » Schuhe » Damen",
        "Start \u203a Produkte \u203a Schuhe \u203a Damen",
        "body { color: red;",
        "Home | News | Shop | About us\nWe met.",
    ],
)
def test_boilerplate(text):
    assert boilerplate(text)


@pytest.mark.parametrize(
    "text",
    [
        "She baked cookies for her brother and he ate them.",
        "JavaScript is a language of the web.",
        "The rights of all people are reserved for no one.",
        "A | B | C",
        "physisch präsent / materiell / greifbar / sinnlich erfahrbar",
        "Choose one of the long names | or another of the names | or a third that is long | or none",
        "He said: A | B | C | D is the order.",
        "A copyright is a right to copy.",
        "Home | News | Shop | Contact\nThe page itself has a sentence with a good many more words.",
        "The cookie " + "and a long story about somebody " * 20 + "we use",
        "",
    ],
)
def test_prose_is_not_boilerplate(text):
    assert not boilerplate(text)
