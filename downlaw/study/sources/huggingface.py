"""Text of one language, streamed from a dataset of the Hugging Face hub up to a budget of words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from ..base import Language, Positive, Strict, refuse_same
from .base import KIND, LICENCE, SOURCE, Section

Filled = Annotated[str, StringConstraints(min_length=1)]
Dataset = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^[^/@\s][^@\s]*$")]

READABLE = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".json.zst", ".jsonl.zst", ".parquet")


class HubPin(Strict):
    """What of a dataset is read: at which commit, and which fields of its records."""

    dataset: Dataset = Field(description="owner/name on the hub")
    revision: Commit = Field(description="its commit, 40 hexadecimal digits: a branch can change")
    text: Filled = Field("text", description="the field that holds the text of a document")
    document: Filled | None = Field(
        "url", description="the field that names a document; null: a document is named by file and row"
    )


class HubFiles(Strict):
    """Data files of one language."""

    language: Language = Field(description="of the text")
    files: Pattern = Field(
        description="their paths in the dataset; `*` and `?` stand for any characters but `/`"
    )
    max_words: Positive = Field(description="white-space words read at most, to the end of a document")
    shards: Positive = Field(1, description="jobs that share files and budget; a file is read by one of them")

    @model_validator(mode="after")
    def _can_be_read(self) -> HubFiles:
        if not self.files.endswith(READABLE):
            raise ValueError(f"files: {self.files} must end in one of {', '.join(READABLE)}")
        if self.max_words < self.shards:
            raise ValueError(f"max_words: {self.max_words} leaves nothing for some of {self.shards} shards")
        return self


class HubShard(HubPin):
    """One shard: of the data files in their order, those whose number leaves `shard` divided by `shards`."""

    language: Language
    files: Pattern
    max_words: Positive
    shard: int
    shards: Positive


class HuggingfaceCorpus(HubPin, Section):
    """Text streamed from a dataset of the Hugging Face hub, up to a budget of words."""

    source: Literal["huggingface"] = SOURCE
    kind: Literal["monolingual"] = KIND
    licence: Filled = LICENCE
    parts: Annotated[list[HubFiles], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> HuggingfaceCorpus:
        refuse_same("parts", [f"{part.files} for {part.language}" for part in self.parts])
        return self

    def languages(self) -> set[str]:
        return {part.language for part in self.parts}

    def shards_of(self, language: str) -> list[tuple[int, HubShard]]:
        """(index in `parts`, shard) of all text in a language; the budget is shared evenly."""
        pin = {key: getattr(self, key) for key in HubPin.model_fields}
        found = []
        for index, part in enumerate(self.parts):
            if part.language != language:
                continue
            least, more = divmod(part.max_words, part.shards)
            for shard in range(part.shards):
                share = {**part.model_dump(), "max_words": least + (shard < more), "shard": shard}
                found.append((index, HubShard(**pin, **share)))
        return found
