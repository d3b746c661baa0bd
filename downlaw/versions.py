"""Which software made a result."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = {"downlaw": "downlaw", "fairseq": "ve-fairseq", "torch": "torch"}


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    found = []
    for name, package in _PACKAGES.items():
        try:
            found.append((name, version(package)))
        except PackageNotFoundError:
            found.append((name, "unknown"))
    return (*found, ("python", platform.python_version()))


def versions() -> dict[str, str]:
    """The versions of what trains and scores here; nothing is imported for it."""
    return dict(_installed())


def merge(
    old: Mapping[str, Sequence[str]] | None, new: Mapping[str, str | Sequence[str]] | None
) -> dict[str, list[str]]:
    """Every version of each part that had a hand in a result, in the order of first use."""
    merged = {name: list(values) for name, values in (old or {}).items()}
    for name, found in (new or {}).items():
        known = merged.setdefault(name, [])
        known += (value for value in _each(found) if value not in known)
    return merged


def _each(found: str | Sequence[str]) -> Iterable[str]:
    return [found] if isinstance(found, str) else found


def in_words(found: Mapping[str, Sequence[str]] | None) -> str:
    """`downlaw 0.1.0, torch 2.12.0 + 2.13.0`; nothing where nothing is known."""
    return ", ".join(f"{name} {' + '.join(values)}" for name, values in sorted((found or {}).items()))
