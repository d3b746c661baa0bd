"""Text out of a Debian archive: documents that its packages, or its indexes, hold in several languages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from ..base import Language, Name, Sha256, Strict, refuse_repeats, refuse_same
from .base import KIND, SOURCE, Section

Filled = Annotated[str, StringConstraints(min_length=1)]
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
Version = Annotated[str, StringConstraints(pattern=r"^(\d+:)?[0-9][A-Za-z0-9.+~-]*$")]
# These go into a line of apt's list of sources, where white space, brackets and # would end a field.
Archive = Annotated[str, StringConstraints(pattern=r"^(https?://|file:/)[^\s\[\]#\"\\]+$")]
Suite = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
Keyring = Annotated[str, StringConstraints(pattern=r"^/[^\s\[\]#\",\\]+$")]
Component = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Architecture = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]

Extract = Literal["man", "descriptions", "libreoffice-help", "libreoffice-ui", "installation-guide"]
OF_INDEXES = ("descriptions",)
"""What is extracted from indexes of the archive; everything else comes out of packages."""
OF_CATALOGS = ("libreoffice-ui",)
"""What has English too, whatever language a package is for: the ids of its messages."""


class DebianArchive(Strict):
    """Where packages come from."""

    archive: Archive = Field(
        "http://deb.debian.org/debian",
        description="a mirror keeps the versions of today; http://snapshot.debian.org/archive/debian/"
        "20261121T000000Z keeps those of that day for ever",
    )
    keyring: Keyring = Field(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        description="the keys that the archive may be signed with, of the package debian-archive-keyring",
    )
    architecture: Architecture = Field(
        "amd64", description="of the packages, whatever machine fetches them: hashes differ by it"
    )


class DebianPackage(Strict):
    """A binary package, pinned by version and hash; read as an archive, never installed."""

    name: PackageName = Field(description="of the binary package")
    version: Version = Field(description="as the suite has it")
    sha256: Sha256 = Field(description="of the .deb file")
    languages: Annotated[list[Language], Field(min_length=1)] = Field(
        description="whose text it is fetched for; catalogs have English too, as message ids"
    )

    @model_validator(mode="after")
    def _each_once(self) -> DebianPackage:
        refuse_repeats("languages", self.languages)
        return self


class DebianIndex(Strict):
    """An index of package descriptions (`Translation-de`). It has no version, so its hash alone pins it:
    that of the uncompressed file, as the suite's `Release` lists it. It changes with each point release."""

    language: Language = Field(description="of the descriptions")
    sha256: Sha256 = Field(description="of the uncompressed file")


class DebianCollection(Strict):
    """Packages, or indexes, that hold the same documents in several languages."""

    name: Name = Field(description="a source of the corpus, as its manifest calls it")
    extract: Extract = Field(description="what is read out of it (docs/prose.md)")
    suite: Suite = Field(description="a release of Debian, such as trixie")
    component: Component = Field("main", description="a component of the archive")
    licence: Filled = Field(description="of the text, for the manifest")
    packages: list[DebianPackage] = Field([], description="each for one or more languages")
    indexes: list[DebianIndex] = Field([], description="for `extract: descriptions`, one a language")

    @model_validator(mode="after")
    def _one_kind(self) -> DebianCollection:
        needed, other = "packages", "indexes"
        if self.extract in OF_INDEXES:
            needed, other = other, needed
        if not getattr(self, needed):
            raise ValueError(f"extract: {self.extract} needs {needed}")
        if getattr(self, other):
            raise ValueError(f"extract: {self.extract} takes no {other}")
        refuse_same("packages", [package.name for package in self.packages])
        refuse_same("indexes", [index.language for index in self.indexes])
        return self

    def languages(self) -> set[str]:
        """Languages that the packages or indexes have text in."""
        found = {index.language for index in self.indexes}
        return found.union(
            {"en"} if self.extract in OF_CATALOGS else (), *(p.languages for p in self.packages)
        )

    def entries(self, part: str) -> Iterator[tuple[str, DebianPackage | DebianIndex]]:
        """(key within the collection, entry) of all that can have text of a part."""
        for index, package in enumerate(self.packages):
            if not set(package.languages).isdisjoint(part.split("-")):
                yield f"packages[{index}]", package
        for index, entry in enumerate(self.indexes):
            if entry.language in part.split("-"):
                yield f"indexes[{index}]", entry


class DebianCorpus(DebianArchive, Section):
    """Manual pages, descriptions, help and interfaces of a Debian archive, each in several languages."""

    source: Literal["debian"] = SOURCE
    kind: Literal["monolingual", "parallel"] = KIND
    collections: Annotated[list[DebianCollection], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_once(self) -> DebianCorpus:
        refuse_same("collections", [collection.name for collection in self.collections])
        return self

    def languages(self) -> set[str]:
        """Languages that some collection has text in."""
        return set().union(*(collection.languages() for collection in self.collections))

    def language_pairs(self) -> set[frozenset[str]]:
        """Pairs of languages that some collection has together."""
        return {
            frozenset(pair)
            for collection in self.collections
            for pair in combinations(sorted(collection.languages()), 2)
        }


class PinnedDeb(DebianPackage, DebianArchive):
    """A package, and where it comes from."""

    suite: Suite
    component: Component


class PinnedIndex(DebianIndex, DebianArchive):
    """An index, and where it comes from."""

    suite: Suite
    component: Component
