"""Durations in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A duration as one says it: `40 s`, `4 min 5 s`, `12 min`, `2 h 10 min`, `3 days 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return _two(whole, 60, "min", "s")
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return _two(minutes, 60, "h", "min")
    return _two(round(minutes / 60), 24, "days", "h")


def _two(count: int, size: int, unit: str, smaller: str) -> str:
    many, rest = divmod(count, size)
    return f"{many:,} {unit} {rest} {smaller}" if rest else f"{many:,} {unit}"
