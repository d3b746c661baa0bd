"""Parallel text that mtdata knows where to find (Gowda et al. 2021): WMT's, OPUS's and others'."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from ..base import Language, Sha256, Strict, refuse_same
from .base import KIND, LICENCE, SOURCE, SPLIT, Section

MtdataId = Annotated[str, StringConstraints(pattern=r"^[^-\s/]+-[^-\s/]+-[^-\s/]+-[A-Za-z_]+-[A-Za-z_]+$")]
Filled = Annotated[str, StringConstraints(min_length=1)]


def as_list(value: Any) -> Any:
    """A single value as the only one of a list."""
    return [value] if isinstance(value, str) else value


Hashes = Annotated[list[Sha256], BeforeValidator(as_list)]
"""SHA-256 of a downloaded file, or of each where there are several."""


class MtdataPin(Strict):
    """What of a data set decides its text: mtdata's id, and the hash of what is downloaded."""

    id: MtdataId = Field(description="as `mtdata list -id -l deu-eng` shows it")
    languages: tuple[Language, Language] = Field(description="of its two sides, in their order")
    sha256: Hashes | None = Field(
        None,
        description="of the downloaded file, or of each where there are several; a fetch without it warns",
    )

    @model_validator(mode="after")
    def _two_languages(self) -> MtdataPin:
        if self.languages[0] == self.languages[1]:
            raise ValueError("languages: the two sides are the same language")
        return self


class MtdataSet(MtdataPin):
    """A data set, and what is done with it."""

    licence: Filled = LICENCE
    split: Literal["auto", "train", "valid", "test"] = SPLIT

    def pin(self) -> MtdataPin:
        return MtdataPin(**{key: getattr(self, key) for key in MtdataPin.model_fields})


class MtdataCorpus(Section):
    """Parallel corpora of WMT, OPUS and others, by mtdata's ids."""

    source: Literal["mtdata"] = SOURCE
    kind: Literal["parallel"] = KIND
    datasets: Annotated[list[MtdataSet], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> MtdataCorpus:
        refuse_same("datasets", [dataset.id for dataset in self.datasets])
        return self

    def language_pairs(self) -> set[frozenset[str]]:
        return {frozenset(dataset.languages) for dataset in self.datasets}
