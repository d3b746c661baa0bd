"""A user's own text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..base import Language, Positive, Strict, refuse_same
from .base import Section

DOCUMENT_LINES = Field(
    100, description="a document ends at an empty line, or after this many lines where there is none"
)


class TextFile(Strict):
    """Text of one language: plain, `.gz` or `.zst`, one segment a line; an empty line ends a document."""

    language: Language
    path: Path
    split: Literal["auto", "train", "valid", "test"] = "auto"


class ParallelFile(Strict):
    """Aligned text: one two-column `.tsv` (columns in the order of `languages`), or one file a side."""

    languages: tuple[Language, Language]
    tsv: Path | None = None
    sides: tuple[Path, Path] | None = None
    split: Literal["auto", "train", "valid", "test"] = "auto"

    @model_validator(mode="after")
    def _one_form(self) -> ParallelFile:
        if (self.tsv is None) == (self.sides is None):
            raise ValueError("give either tsv (one file) or sides (two files)")
        if self.languages[0] == self.languages[1]:
            raise ValueError("languages: the two sides are the same language")
        return self


class Files(Section):
    """What every corpus of a user's own files says."""

    source: Literal["files"]
    licence: str = "unstated"
    document_lines: Positive = DOCUMENT_LINES


class MonolingualFiles(Files):
    """A user's own text in one or more languages."""

    kind: Literal["monolingual"]
    files: Annotated[list[TextFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> MonolingualFiles:
        refuse_same("files", [f"{file.path} in {file.language}" for file in self.files])
        return self

    def languages(self) -> set[str]:
        return {file.language for file in self.files}


class ParallelFiles(Files):
    """A user's own aligned text."""

    kind: Literal["parallel"]
    files: Annotated[list[ParallelFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> ParallelFiles:
        paths = [(file.tsv,) if file.tsv else file.sides or () for file in self.files]
        refuse_same("files", [" + ".join(sorted(map(str, each))) for each in paths])
        return self

    def language_pairs(self) -> set[frozenset[str]]:
        return {frozenset(file.languages) for file in self.files}
