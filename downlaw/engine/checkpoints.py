"""Checkpoints on disk: which one to continue from, what is kept, and whether it is whole.

Only files that this pipeline wrote are loaded: fairseq's checkpoints are pickles.
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path
from typing import Any

from downlaw.files import sha256_of_file, write_aside

LAST = "checkpoint_last.pt"
_PERIODIC = re.compile(r"checkpoint_\d+_(\d+)\.pt")


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used; the message names the file."""


def is_whole(path: Path) -> bool:
    """Whether a checkpoint was written to its end (torch's format keeps its index there)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def prepare_to_resume(save_dir: Path, kept: str) -> int:
    """Make `checkpoint_last.pt` a whole checkpoint of an interrupted training.

    fairseq writes the periodic checkpoint aside and renames it, but then copies it to `checkpoint_last.pt` in
    place: a training killed during the copy leaves that file short.

    Args:
        kept: the name of the final checkpoint; there without a record where the process died between the two.

    Returns:
        the updates done so far, 0 where there is nothing to resume.
    """
    for leftover in save_dir.glob("*.tmp"):
        leftover.unlink()
    last = save_dir / LAST
    if last.exists() and not is_whole(last):
        last.unlink()
    if not last.exists() and is_whole(save_dir / kept):
        os.replace(save_dir / kept, last)
    if not last.exists():
        periodic = [
            (int(m[1]), path) for path in save_dir.glob("*.pt") if (m := _PERIODIC.fullmatch(path.name))
        ]
        whole = [(updates, path) for updates, path in sorted(periodic, reverse=True) if is_whole(path)]
        if not whole:
            return 0
        os.replace(whole[0][1], last)
    return updates_done(last)


def updates_done(path: Path) -> int:
    """Optimizer updates behind a checkpoint that this pipeline wrote."""
    return int(load(path)["optimizer_history"][-1]["num_updates"])


def load(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint that this pipeline wrote.

    Raises:
        CheckpointError: where the file is missing or not whole.
    """
    import torch

    if not is_whole(path):
        raise CheckpointError(f"{path} is missing or truncated; delete it and run again to train it anew")
    return torch.load(path, map_location="cpu", weights_only=False, mmap=True)


def keep_final(save_dir: Path, updates: int, name: str, weights_only: bool, best: bool = False) -> str:
    """Keep the final checkpoint of a training as `name`.

    Args:
        updates: what the checkpoint must have reached.
        weights_only: leave the optimizer's state out, for models that are not trained further.
        best: keep the best by validation instead of the last.

    Returns:
        the file's sha256.

    Raises:
        CheckpointError: where the training did not reach `updates`.
    """
    last = save_dir / LAST
    reached = updates_done(last)
    if reached != updates:
        raise CheckpointError(f"{last} is at update {reached}, not {updates}; delete it and run again")
    chosen = save_dir / "checkpoint_best.pt" if best else last
    if weights_only:
        import torch

        state = load(chosen)
        state["last_optimizer_state"] = None
        with write_aside(save_dir / name) as aside:
            torch.save(state, aside)
    else:
        os.replace(chosen, save_dir / name)
    return sha256_of_file(save_dir / name)


def remove_others(save_dir: Path, name: str) -> None:
    """Remove every checkpoint but `name`, once the training is on record.

    One of them is the `crash.pt` that fairseq leaves where it diverges.
    """
    for path in save_dir.glob("*.pt"):
        if path.name != name:
            path.unlink()


def verify(path: Path, sha256: str) -> None:
    """Refuse a checkpoint that is not the one on record.

    Raises:
        CheckpointError: where the file is missing or its hash differs.
    """
    if not path.exists():
        raise CheckpointError(
            f"{path} is on record but missing; delete its folder and run again to train it anew"
        )
    if sha256_of_file(path) != sha256:
        raise CheckpointError(
            f"{path} is not the file that was trained (its sha256 differs); delete its folder and run again"
        )
