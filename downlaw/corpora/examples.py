"""A sample of what each filter dropped and of what was kept, for a person to read."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xxhash

EXAMPLES = "examples.json"
"""Where a sample is kept between stages: apart from counts, as it is text."""

KEPT = "kept"
"""The name beside those of the filters."""

DROPPED_EXAMPLES, KEPT_EXAMPLES = 20, 50
"""How many segments are shown of each filter, and of what was kept."""

SHOWN_CHARACTERS = 600
"""Longer text is cut."""


class Examples:
    """A random sample of different segments by the filter that dropped them.

    Of the segments shown under a name those with the smallest seeded hashes stay (bottom-k sampling), so the
    sample depends on the text and the seed alone: not on its order, nor on the batches it came in, nor on
    how many jobs shared the work. Memory is that of the sample.
    """

    def __init__(self, seed: int, dropped: int = DROPPED_EXAMPLES, kept: int = KEPT_EXAMPLES) -> None:
        self._seed = seed
        self._most = {KEPT: kept}
        self._dropped = dropped
        self._found: dict[str, list[tuple[int, tuple[str, ...]]]] = {}

    def show(self, name: str, texts: Sequence[str]) -> None:
        """Offer a segment (one string a language) that filter `name` dropped, or that is `KEPT`."""
        shown = "\n".join(texts).encode("utf-8", "replace")
        self._offer(name, -xxhash.xxh3_64_intdigest(shown, self._seed), texts)

    def _offer(self, name: str, rank: int, texts: Sequence[str]) -> None:
        heap = self._found.setdefault(name, [])
        full = len(heap) >= self._most.get(name, self._dropped)
        if full and rank <= heap[0][0]:
            return
        entry = (rank, tuple(_cut(text) for text in texts))
        if any(rank == other for other, _ in heap):
            return
        if full:
            heapq.heapreplace(heap, entry)
        else:
            heapq.heappush(heap, entry)

    def of(self, name: str) -> list[tuple[str, ...]]:
        """The sample under `name`, in an order of chance that the seed fixes."""
        return [texts for _, texts in sorted(self._found.get(name, ()), reverse=True)]

    def record(self) -> dict[str, list[Any]]:
        """The samples as JSON, for `merge` in another process."""
        return {name: [[rank, *texts] for rank, texts in sorted(heap)] for name, heap in self._found.items()}

    def merge(self, record: Mapping[str, Iterable[Sequence[Any]]]) -> None:
        """Take in what `record` gave for other text of the same study."""
        for name, entries in record.items():
            for rank, *texts in entries:
                self._offer(name, rank, texts)


def _cut(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
