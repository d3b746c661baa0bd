"""Changes to a toy study's config, in one line."""

from __future__ import annotations

import copy
from typing import Any


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of a config with changes, whose keys are written section__key, or just section."""
    config = copy.deepcopy(config)
    for name, value in changes.items():
        *sections, key = name.split("__")
        place = config
        for section in sections:
            place = place[section]
        place[key] = value
    return config
