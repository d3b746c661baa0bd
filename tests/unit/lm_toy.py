"""A toy study of the over-training track, in the made-up languages of the toy study."""

from __future__ import annotations

from typing import Any

import toy_text
from toy_configs import changed

TOY: dict[str, Any] = {
    "track": "lm",
    "study": "toy",
    **toy_text.study_sections("."),
    "tokenizer": {"vocabulary": 200},
    "overtrain": {
        "models": {
            "small": {"width": 8, "layers": 1, "heads": 2},
            "large": {"width": 16, "layers": 2, "heads": 4},
        },
        "multipliers": [1, 2, 4],
        "block_pieces": 16,
        "blocks_per_update": 4,
        "warmup_updates": 4,
        "learning_rate": 0.01,
        "save_every_updates": 10,
        "allow_repeats": True,
    },
    "evaluate": {"sequences": 30, "bootstrap_samples": 100},
}


def configured(**changes: Any) -> dict[str, Any]:
    """The toy study's config with changes, whose keys are written section__key, or just section."""
    return changed(TOY, changes)
