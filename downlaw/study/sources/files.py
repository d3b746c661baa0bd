"""A user's own text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..base import Language, Positive, Strict, refuse_same
from .base import KIND, SOURCE, SPLIT, Section

DOCUMENT_LINES = Field(
    100, description="a document ends at an empty line, or after this many lines where there is none"
)


class TextFile(Strict):
    """Text of one language: plain, `.gz` or `.zst`, one segment a line; an empty line ends a document."""

    language: Language = Field(description="of the text")
    path: Path = Field(description="from where Snakemake runs, or absolute")
    split: Literal["auto", "train", "valid", "test"] = SPLIT


class ParallelFile(Strict):
    """Aligned text: one two-column `.tsv` (columns in the order of `languages`), or one file a side."""

    languages: tuple[Language, Language] = Field(description="of the two columns or files, in their order")
    tsv: Path | None = Field(None, description="a file of two columns, with one tab a line")
    sides: tuple[Path, Path] | None = Field(
        None, description="two files of equally many lines, in place of tsv"
    )
    split: Literal["auto", "train", "valid", "test"] = SPLIT

    @model_validator(mode="after")
    def _one_form(self) -> ParallelFile:
        if (self.tsv is None) == (self.sides is None):
            raise ValueError("give either tsv (one file) or sides (two files)")
        if self.languages[0] == self.languages[1]:
            raise ValueError("languages: the two sides are the same language")
        return self


class Files(Section):
    """What every corpus of a user's own files says."""

    source: Literal["files"] = SOURCE
    licence: str = Field("unstated", description="of the text, for the manifest")
    document_lines: Positive = DOCUMENT_LINES


class MonolingualFiles(Files):
    """A user's own text in one or more languages."""

    kind: Literal["monolingual"] = KIND
    files: Annotated[list[TextFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> MonolingualFiles:
        refuse_same("files", [f"{file.path} in {file.language}" for file in self.files])
        return self

    def languages(self) -> set[str]:
        return {file.language for file in self.files}


class ParallelFiles(Files):
    """A user's own aligned text."""

    kind: Literal["parallel"] = KIND
    files: Annotated[list[ParallelFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> ParallelFiles:
        paths = [(file.tsv,) if file.tsv else file.sides or () for file in self.files]
        refuse_same("files", [" + ".join(sorted(map(str, each))) for each in paths])
        return self

    def language_pairs(self) -> set[frozenset[str]]:
        return {frozenset(file.languages) for file in self.files}
