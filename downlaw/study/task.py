"""A translation direction, and the text that a study trains, validates and tests it on."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from .base import Language, Name, Positive, Strict


class Task(Strict):
    """A translation direction, and the parallel corpus that finetunes and tests it."""

    source: Language = Field(description="what is translated from")
    target: Language = Field(description="what is translated into")
    corpus: Name = Field(description="a parallel corpus: what is finetuned on")
    valid_corpus: Name | None = Field(None, description="what it is validated on; default: corpus")
    test_corpus: Name | None = Field(None, description="what it is tested on; default: corpus")
    valid_segments: Positive = Field(500, description="pairs validated on, at most")
    test_segments: Positive = Field(500, description="pairs tested on, at most")

    @model_validator(mode="after")
    def _two_languages(self) -> Task:
        if self.source == self.target:
            raise ValueError("source and target are the same language")
        return self

    @property
    def part(self) -> str:
        """The name of the language pair, in alphabetical order, under which the corpus holds it."""
        return "-".join(sorted((self.source, self.target)))

    def corpora(self) -> dict[str, str]:
        """The corpus of the training, validation and test text, by split."""
        return {
            "train": self.corpus,
            "valid": self.valid_corpus or self.corpus,
            "test": self.test_corpus or self.corpus,
        }

    def deciding(self) -> dict[str, Any]:
        """The keys that decide the text of a task; keys that came after the first results are left out where
        they change nothing, so that what was made before them is still known."""
        later = {key for key in ("valid_corpus", "test_corpus") if getattr(self, key) in (None, self.corpus)}
        return self.model_dump(exclude=later)
