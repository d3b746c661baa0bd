"""Which COMET model scores the translations of a study."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from .base import Positive, Strict

NameOrPath = Annotated[str, StringConstraints(min_length=1)]

_COMMIT = "the 40 hexadecimal digits of its commit, which the hub shows under `Files and versions`, `History`"


class Comet(Strict):
    """A regression model of COMET (Rei et al. 2022), of the Hugging Face hub or of one's own.

    What comes from the hub is pinned by a commit, as what a branch names can change.
    """

    model: NameOrPath = Field(
        description="a model of the hub (Unbabel/wmt22-comet-da), or the path of a checkpoint that ends in "
        ".ckpt, with hparams.yaml one folder above it or beside it"
    )
    revision: str | None = Field(None, description="the commit of a model of the hub, 40 hex digits")
    encoder: NameOrPath = Field(
        description="whose config and tokenizer are used: of the hub (xlm-roberta-large), or a folder; "
        "its weights are in the checkpoint"
    )
    encoder_revision: str | None = Field(
        None, description="the commit of an encoder of the hub; without it, encoder is a folder"
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="of the encoder; bf16 is faster and moves a segment's score by up to 0.004"
    )
    batch_tokens: Positive | None = Field(
        None, description="pieces encoded at once, with padding; default: 1024, or by the memory of a GPU"
    )

    @property
    def is_file(self) -> bool:
        """Whether `model` is a checkpoint of one's own."""
        return self.model.endswith(".ckpt")

    @model_validator(mode="after")
    def _is_pinned(self) -> Comet:
        if self.is_file and self.revision:
            raise ValueError("revision: a checkpoint file has none; its hash is recorded")
        if not self.is_file and not self.revision:
            raise ValueError(
                f"revision: {self.model} is a model of the hub (a checkpoint file would end in .ckpt): give "
                f"{_COMMIT}"
            )
        for name_key, key in (("model", "revision"), ("encoder", "encoder_revision")):
            name, revision = getattr(self, name_key), getattr(self, key)
            if revision and not re.fullmatch("[0-9a-f]{40}", revision):
                raise ValueError(f"{key}: {revision!r} is no commit of {name}: give {_COMMIT}")
            if revision and not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", name):
                raise ValueError(f"{name_key}: {name} has a revision, but is no name of the hub (owner/name)")
        return self
