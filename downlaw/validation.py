"""What validation text is for: its loss in several units, and which learning rate of a run is kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from downlaw.files import read_json, read_lines


def select(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mark the runs of the best learning rate of each Df.

    The best rate has the lowest validation cross-entropy, averaged over the seeds: one rate for all of them.
    A rate with a run that diverged is out. A best rate at an end of a grid of several is flagged.
    """
    records = [dict(record) for record in records]
    for pairs in {record["finetune_pairs"] for record in records}:
        here = [record for record in records if record["finetune_pairs"] == pairs]
        rates = sorted({record["learning_rate"] for record in here})
        means = {}
        for rate in rates:
            losses = [r["valid_cross_entropy"] for r in here if r["learning_rate"] == rate]
            if all(loss is not None for loss in losses):
                means[rate] = sum(losses) / len(losses)
        best = min(means, key=lambda rate: (means[rate], rate)) if means else None
        for record in here:
            record["selected"] = record["learning_rate"] == best
            record["rate_on_grid_edge"] = (
                record["selected"] and len(rates) > 1 and best in (rates[0], rates[-1])
            )
    return records


def in_other_units(nats_per_token: float | None, prepared: Path) -> dict[str, float]:
    """The cross-entropy of the validation text in other units."""
    if nats_per_token is None:
        return {}
    tokens = read_json(prepared / "manifest.json")["splits"]["valid"]["target_tokens"]
    characters = sum(map(len, read_lines(prepared / "valid.target.txt")))
    return {
        "valid_perplexity": math.exp(nats_per_token),
        "valid_cross_entropy_per_character": nats_per_token * tokens / characters,
    }
