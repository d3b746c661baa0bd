"""A mixture read from its pools in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from downlaw.engine.view import View, write_view

BLOCKS, PIECES = (6000, 3000, 1001), 3


@pytest.fixture
def made(tmp_path: Path) -> tuple[View, list[list[int]]]:
    """A view of three pools that is longer than what it counts at once, and its blocks one by one."""
    pools, order = [], np.random.default_rng(1).permutation(np.repeat(np.arange(3), BLOCKS))
    for number, blocks in enumerate(BLOCKS):
        content = np.arange(blocks * PIECES, dtype=np.uint16).reshape(blocks, PIECES) * 3 + number
        path = tmp_path / f"pool{number}.bin"
        path.write_bytes(content.tobytes())
        pools.append((path, {"blocks": blocks, "sha256": "", "pieces": PIECES, "type": "uint16"}, content))
    write_view(tmp_path / "train", [(path, record) for path, record, _ in pools], order)
    taken = [iter(content.tolist()) for *_, content in pools]
    return View(tmp_path / "train"), [next(taken[number]) for number in order]


def test_any_block_can_be_asked_for(made: tuple[View, list[list[int]]]) -> None:
    view, blocks = made
    assert len(view) == len(blocks)
    places = [0, 1, 4095, 4096, 4097, 8191, 8192, len(blocks) - 1, -1, -len(blocks), *range(100, 9000, 397)]
    assert all(view[place].tolist() == blocks[place] for place in places)
    assert [block.tolist() for block in view[4090:4100]] == blocks[4090:4100]
    for outside in (len(blocks), -len(blocks) - 1):
        with pytest.raises(IndexError):
            view[outside]


def test_all_blocks_come_in_order(made: tuple[View, list[list[int]]]) -> None:
    view, blocks = made
    assert np.concatenate(list(view.runs())).tolist() == blocks
