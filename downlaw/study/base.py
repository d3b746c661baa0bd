"""Building blocks of the study's models: strict mappings and the strings that may stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[int, Field(gt=0)]


class Strict(BaseModel):
    """A mapping with known keys only, frozen once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse_repeats(key: str, values: Sequence[object]) -> None:
    """Raises ValueError where a value stands in a list twice."""
    if len(set(values)) < len(values):
        raise ValueError(f"{key} names a value twice: {list(values)}")


def refuse_same(key: str, names: Sequence[str]) -> None:
    """Raises ValueError where two entries of a list have the same name."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if (before := first.setdefault(name, index)) != index:
            raise ValueError(f"{key}[{index}]: {name} is {key}[{before}] already")


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing where no known word is close."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
