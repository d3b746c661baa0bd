"""Test sets that sacrebleu knows (Post 2018): those of WMT and others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from ..base import Language, Strict, refuse_same
from .base import KIND, LICENCE, SOURCE, Section
from .mtdata import Filled, Hashes


class TestSetPin(Strict):
    """What of a test set decides its text; sacrebleu's own MD5 of the download holds besides."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][\w.-]*(/[\w.-]+)*$")] = Field(
        description="as `sacrebleu --list` shows it"
    )
    languages: tuple[Language, Language] = Field(description="source and target of the direction")
    sha256: Hashes | None = Field(
        None, description="of the downloaded file, or of each where there are several"
    )

    @model_validator(mode="after")
    def _two_languages(self) -> TestSetPin:
        if self.languages[0] == self.languages[1]:
            raise ValueError("languages: the two sides are the same language")
        return self


class TestSet(TestSetPin):
    """A test set, and what is done with it."""

    licence: Filled = LICENCE
    split: Literal["valid", "test"] = Field("test", description="where all of it goes")

    def pin(self) -> TestSetPin:
        return TestSetPin(**{key: getattr(self, key) for key in TestSetPin.model_fields})


class SacrebleuCorpus(Section):
    """Test sets that sacrebleu knows, WMT's among them."""

    source: Literal["sacrebleu"] = SOURCE
    kind: Literal["parallel"] = KIND
    sets: Annotated[list[TestSet], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> SacrebleuCorpus:
        refuse_same("sets", [f"{each.name} {'-'.join(each.languages)}" for each in self.sets])
        return self

    def language_pairs(self) -> set[frozenset[str]]:
        return {frozenset(each.languages) for each in self.sets}
