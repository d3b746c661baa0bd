"""Texts that are nearly the same, found by MinHash in memory that does not grow with the corpus."""

from __future__ import annotations

from .search import EARLIER, NearDuplicates
from .signatures import Signatures

__all__ = ["EARLIER", "NearDuplicates", "Signatures"]
