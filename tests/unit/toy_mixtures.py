"""Mixtures of toy text, made as the rules make them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from downlaw.mixtures import write_mixture
from downlaw.pools import make_pool
from downlaw.study import LmStudy, Study


def make_mixture(
    name: str,
    study: Study | LmStudy,
    text: Mapping[tuple[str, str], Path],
    model: Path,
    dictionary: Path,
    folder: Path,
) -> dict[str, Any]:
    """Make a mixture in `folder`, with its pools in `folder`/pools; returns the manifest."""
    pools = []
    for position, (corpus, language, _) in enumerate(study.mixtures[name].components()):
        prefix = folder / f"pools/{corpus}.{language}-{position}"
        seed = study.seed + position
        make_pool(text[corpus, language], language, model, (), study.block_layout, seed, prefix)
        pools.append(prefix.with_name(f"{prefix.name}.bin"))
    return write_mixture(name, study, pools, dictionary, folder)
