"""What is drawn, and what an archive of the study holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import Positive, Strict, refuse_repeats

ARCHIVED_STUDY = "archive/study.yaml"
"""Where a restored results folder has the study that it was made by."""


class Figures(Strict):
    """How figures are written."""

    formats: Annotated[list[Literal["png", "svg", "pdf"]], Field(min_length=1)] = Field(
        ["png", "svg"], description="each figure is written in all of them"
    )
    dpi: Positive = Field(150, description="dots an inch, of png")

    @model_validator(mode="after")
    def _distinct(self) -> Figures:
        refuse_repeats("formats", self.formats)
        return self


class Archive(Strict):
    """What `snakemake archive` takes in beside tables, figures, hypotheses, logs and manifests."""

    checkpoints: Literal["none", "last", "all"] = Field(
        "none", description="last: the end of each pretraining chain, from which a larger Dp continues"
    )
    text: bool = Field(False, description="corpora and encoded subsets, which else are made again if needed")
