"""Translations of known severity, made from references by damaging them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .folder import ModelError

HELD_OUT = 0.2
"""Share of the references that no training row is made from."""


@dataclass(frozen=True)
class Pair:
    """A validation segment: its source, its reference and the language of the reference (ISO 639-1)."""

    source: str
    reference: str
    language: str


@dataclass(frozen=True)
class Row:
    """A damaged reference. severity: 0 (the reference itself) to 1 (nothing of it is left); kind: how."""

    pair: Pair
    hypothesis: str
    severity: float
    kind: str


def split_pairs(pairs: Sequence[Pair], least: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """(for training, held out): distinct pairs in a random order; no reference stands on both sides.

    Raises:
        ModelError: where there are fewer than `least` distinct references.
    """
    by_reference = {pair.reference: pair for pair in pairs if pair.reference.strip() and pair.source.strip()}
    distinct = list(by_reference.values())
    if len(distinct) < least:
        raise ModelError(
            f"evaluate.comet_local.min_references: the validation text of the tasks has {len(distinct):,} "
            f"distinct references, {least:,} are needed; raise split.valid, give the tasks' corpora more "
            "text, or lower the key"
        )
    order = np.random.default_rng([seed, 0]).permutation(len(distinct))
    held_out = max(1, round(HELD_OUT * len(distinct)))
    return [distinct[i] for i in order[held_out:]], [distinct[i] for i in order[:held_out]]


def damage(pairs: Sequence[Pair], count: int, seed: Sequence[int]) -> list[Row]:
    """`count` rows, spread evenly over `pairs` and ordered by them: every kind, severity uniform.

    The words that replace others come from `pairs` alone.
    """
    generator = np.random.default_rng(seed)
    maker = _Maker(pairs, generator)
    shares = np.diff(np.linspace(0, count, len(pairs) + 1).round().astype(int))
    return [
        maker.row(pair, generator.uniform(), str(generator.choice(KINDS)))
        for pair, share in zip(pairs, shares, strict=True)
        for _ in range(share)
    ]


def system(pairs: Sequence[Pair], severity: float, seed: Sequence[int]) -> list[Row]:
    """One row a pair, of severities near the given one: a made-up system of known quality."""
    generator = np.random.default_rng(seed)
    maker = _Maker(pairs, generator)
    kinds = [kind for kind in KINDS if kind not in ("unrelated", "same")]
    asked = (
        np.clip(severity + generator.uniform(-0.1, 0.1, len(pairs)), 0, 1) if severity else [0] * len(pairs)
    )
    return [
        maker.row(pair, float(level), str(generator.choice(kinds)) if level else "same")
        for pair, level in zip(pairs, asked, strict=True)
    ]


class _Maker:
    def __init__(self, pairs: Sequence[Pair], generator: np.random.Generator) -> None:
        self._pairs, self._generator = pairs, generator
        self._words: dict[str, list[str]] = {}
        for pair in pairs:
            self._words.setdefault(pair.language, []).extend(_units(pair.reference)[0])

    def row(self, pair: Pair, severity: float, kind: str) -> Row:
        if kind == "same":
            return Row(pair, pair.reference, 0.0, kind)
        if kind == "unrelated":
            return self._unrelated(pair)
        units, space = _units(pair.reference)
        pool, source = self._words[pair.language], _units(pair.source)[0]
        if kind == "two":
            once, twice = self._generator.choice([*_DAMAGES], size=2, replace=False)
            units, one = _DAMAGES[once](units, severity / 2, pool, source, self._generator)
            units, other = _DAMAGES[twice](units, severity / 2, pool, source, self._generator)
            reached = 1 - (1 - one) * (1 - other)
        else:
            units, reached = _DAMAGES[kind](units, severity, pool, source, self._generator)
        hypothesis = space.join(units)
        # the second damage may have undone the first
        return Row(pair, hypothesis, 0.0 if hypothesis == pair.reference else min(1.0, reached), kind)

    def _unrelated(self, pair: Pair) -> Row:
        others = [other for other in self._pairs if other.language == pair.language and other != pair]
        if not others:
            return Row(pair, "", 1.0, "unrelated")
        return Row(pair, others[self._generator.integers(len(others))].reference, 1.0, "unrelated")


def _units(text: str) -> tuple[list[str], str]:
    """Words and what stands between them; characters of a text without spaces."""
    words = text.split()
    return (words, " ") if len(words) > 1 else (list(text.strip()), "")


def _some(units: list[str], severity: float, generator: np.random.Generator) -> np.ndarray:
    """Places of a share of the units, at least one, in their order."""
    count = min(len(units), max(1, round(severity * len(units))))
    return np.sort(generator.choice(len(units), size=count, replace=False))


def _added(units: list[str], severity: float) -> int:
    """How many units must be added for them to be a share `severity` of all; at most twice what is there."""
    return max(1, min(2 * len(units), round(severity / max(1 - severity, 0.01) * len(units))))


def _drop(units, severity, pool, source, generator):
    if not units:
        return units, 0.0
    gone = set(_some(units, severity, generator).tolist())
    return [unit for i, unit in enumerate(units) if i not in gone], len(gone) / len(units)


def _replace(units, severity, pool, source, generator):
    return _put(units, severity, generator, lambda place: pool[generator.integers(len(pool))])


def _copy(units, severity, pool, source, generator):
    """Words of the source stand where their translations should."""
    return _put(units, severity, generator, lambda place: source[place * len(source) // len(units)])


def _put(units, severity, generator, instead: Callable[[int], str]):
    if not units:
        return units, 0.0
    damaged = list(units)
    for place in _some(units, severity, generator):
        damaged[place] = instead(int(place))
    return damaged, sum(a != b for a, b in zip(units, damaged, strict=True)) / len(units)


def _swap(units, severity, pool, source, generator):
    """Units change places: half as severe as losing them."""
    if len(units) < 2:
        return units, 0.0
    places = _some(units, max(severity, 2 / len(units)), generator)
    damaged = list(units)
    for place, other in zip(places, np.roll(places, 1), strict=True):
        damaged[place] = units[other]
    return damaged, sum(a != b for a, b in zip(units, damaged, strict=True)) / len(units) / 2


def _insert(units, severity, pool, source, generator):
    damaged, added = list(units), _added(units, severity)
    for _ in range(added):
        damaged.insert(int(generator.integers(len(damaged) + 1)), pool[generator.integers(len(pool))])
    return damaged, added / len(damaged)


def _repeat(units, severity, pool, source, generator):
    """A span is said again and again, as by a decoder that loops."""
    if not units:
        return units, 0.0
    added, length = _added(units, severity), int(generator.integers(1, min(4, len(units)) + 1))
    begin = int(generator.integers(len(units) - length + 1))
    span = units[begin : begin + length]
    again = (span * (added // length + 1))[:added]
    return [*units[: begin + length], *again, *units[begin + length :]], added / (len(units) + added)


def _truncate(units, severity, pool, source, generator):
    if not units:
        return units, 0.0
    gone = len(_some(units, severity, generator))
    return units[: len(units) - gone], gone / len(units)


_DAMAGES: dict[str, Callable[..., tuple[list[str], float]]] = {
    "drop": _drop,
    "replace": _replace,
    "swap": _swap,
    "insert": _insert,
    "copy": _copy,
    "repeat": _repeat,
    "truncate": _truncate,
}

KINDS = (*_DAMAGES, "two", "unrelated", "same")
"""How a reference is damaged; `two` is two of the others, `same` leaves it whole."""
