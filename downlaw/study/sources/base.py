"""What every corpus says, wherever its text comes from."""

from __future__ import annotations

from pydantic import Field

from ..base import Positive, Strict


class Section(Strict):
    """A section of `corpora`."""

    jobs: Positive = Field(
        1,
        description="in how many jobs its packages or files are cleaned and its text tokenized; any number "
        "gives the same text",
    )
