"""Wrong translations to choose among: other targets of the same test set, as long as the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SEED = 12345


class TooFewError(ValueError):
    """A test set with fewer different targets than choices."""


def distractors(targets: Sequence[np.ndarray], count: int, seed: int = SEED) -> list[list[int]]:
    """For each target the indices of `count` others, all different in their ids from it and each other.

    They are those whose number of pieces is nearest to the target's; among equally near ones chance decides,
    for each target on its own.

    Raises:
        TooFewError: where there are not `count` + 1 different targets.
    """
    first: dict[bytes, int] = {}
    kinds = np.array(
        [first.setdefault(np.asarray(ids, np.int64).tobytes(), i) for i, ids in enumerate(targets)]
    )
    different = np.unique(kinds)
    if len(different) <= count:
        raise TooFewError(
            f"{len(different):,} different targets in the test set, translation_choices needs {count + 1:,}"
        )
    lengths = np.array([len(targets[index]) for index in different])
    found = []
    for index, ids in enumerate(targets):
        chance = np.random.default_rng([seed, index]).random(len(different))
        order = different[np.lexsort([chance, abs(lengths - len(ids))])]
        found.append(order[order != kinds[index]][:count].tolist())
    return found
