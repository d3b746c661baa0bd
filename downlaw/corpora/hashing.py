"""64-bit hashes of text, and the mixing of numbers, the same on every machine."""

from __future__ import annotations

import numpy as np
import xxhash
from numpy.typing import NDArray

GAMMA, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The constants of SplitMix64 (Steele, Lea and Flood 2014)."""


def hashed(text: str) -> int:
    """64 bits for a wording: two of ten million differ with a chance of 1 to 370,000."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def scrambled(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers that look random, another one for each: the finalizer of SplitMix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(MIX_1)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(MIX_2)
    return numbers ^ (numbers >> np.uint64(31))
