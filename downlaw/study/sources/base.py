"""What every corpus says, wherever its text comes from."""

from __future__ import annotations

from pydantic import Field

from ..base import Positive, Strict

SOURCE = Field(description="where the text comes from")
KIND = Field(description="monolingual text is read by mixtures, parallel text by tasks")
LICENCE = Field(description="of the text, for the manifest")
SPLIT = Field("auto", description="auto: documents are divided as split says; else all of it goes there")


class Section(Strict):
    """A section of `corpora`."""

    jobs: Positive = Field(
        1,
        description="in how many jobs its packages or files are cleaned and its text tokenized; any number "
        "gives the same text",
    )
