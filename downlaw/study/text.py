"""How text is cleaned, split and cut into pieces."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .base import Positive, Share, Strict, refuse_repeats


class NearDuplicates(Strict):
    """What counts as nearly the same text, by MinHash (Broder 1997) over runs of words."""

    threshold: Annotated[float, Field(ge=0.1, le=1)] = Field(
        0.8, description="Jaccard similarity of the two sets of word runs, from which on the later text goes"
    )
    shingle_words: Annotated[int, Field(gt=0, le=50)] = Field(5, description="words of a run")
    permutations: Annotated[int, Field(ge=16, le=1024)] = Field(
        128, description="length of a signature; 4 bytes each a text on disk"
    )


class Cleaning(Strict):
    """Filters on segments; the manifest of each corpus counts what each of them dropped."""

    min_words: Positive = Field(
        3, description="on either side; in languages written without spaces, words are estimated"
    )
    max_words: Positive = Field(100, description="on either side, as min_words")
    max_length_ratio: Annotated[float, Field(ge=1)] = Field(
        2.2, description="longer side over shorter side, in words"
    )
    min_letters: Share = Field(
        0.55, description="share of letters among the characters that are not white space"
    )
    identify_language: bool = Field(True, description="drop text that is beyond doubt in another language")
    language_identifier: Literal["py3langid", "fasttext"] = Field(
        "py3langid", description="fasttext: lid.176, which knows 176 languages, for text of the web"
    )
    max_address_share: Share | None = Field(
        None, description="share of words that are web or e-mail addresses or paths of files; null: any"
    )
    boilerplate: bool = Field(
        False, description="drop cookie and copyright notices, navigation bars, filler text and code"
    )
    near_duplicates: NearDuplicates | None = Field(None, description="null: only exact repeats go")

    @model_serializer(mode="wrap")
    def _without_what_is_off(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A filter that is off leaves no trace, so that text made before there was one is not made again."""
        off = {key: type(self).model_fields[key].default for key in _CAME_LATER}
        return {key: value for key, value in write(self).items() if key not in off or value != off[key]}


_CAME_LATER = ("language_identifier", "max_address_share", "boilerplate", "near_duplicates")


class Split(Strict):
    """Shares of the documents held out. A document is never divided."""

    valid: Share = Field(0.05, description="share of a source's text for validation")
    test: Share = Field(0.1, description="share of a source's text for testing; together below 1")

    @model_validator(mode="after")
    def _leaves_training(self) -> Split:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid + test = {self.valid + self.test:g} leaves nothing to train on")
        return self


class Tokenizer(Strict):
    """One SentencePiece model over the languages of the study."""

    vocabulary: Annotated[int, Field(ge=100)] = Field(4000, description="pieces of the unigram model")
    character_coverage: Share = Field(
        0.9995, description="share of the characters of the text that have a piece; the rest are unknown"
    )
    sentences_per_language: Positive = Field(25_000, description="what it learns from, at most")
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
