"""Checkpoints on disk: which one to continue from, what is kept, and whether it is whole.

Only files that this pipeline wrote are loaded: fairseq's checkpoints are pickles.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping, Sequence
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
    for leftover in _leftovers(save_dir):
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


def _leftovers(save_dir: Path) -> list[Path]:
    """Files that a killed process was writing: fairseq's, and ours."""
    return [*save_dir.glob("*.tmp"), *save_dir.glob(".*.pt.*.part")]


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


def refuse_foreign(path: Path, save_dir: Path, asked: Mapping[str, Any]) -> None:
    """Refuse to continue a checkpoint that another training left in `save_dir`.

    Args:
        asked: the model that belongs there: `arch`, fairseq's name, and what the study says of it.

    Raises:
        CheckpointError: where it is of another architecture, or of a training with another identity.
    """
    config = load(path)["cfg"]
    found = _architecture(config["model"], asked["arch"])
    differences = [f"{name} {found[name]}, not {asked[name]}" for name in found if found[name] != asked[name]]
    if differences:
        raise CheckpointError(
            f"{path} is of another model than the study's: {', '.join(differences)}; "
            "delete it and run again to train from the save before, or anew"
        )
    made_in = Path(config["checkpoint"]["save_dir"]).name
    if made_in != save_dir.name:
        raise CheckpointError(
            f"{path} was made by a training with other settings or data ({made_in}, here {save_dir.name}); "
            "delete it and run again to train from the save before, or anew"
        )


_NAMES = {
    "transformer": {
        "encoder_layers": "encoder_layers",
        "decoder_layers": "decoder_layers",
        "width": "encoder_embed_dim",
        "heads": "encoder_attention_heads",
        "ffn_width": "encoder_ffn_embed_dim",
        "max_pieces": "max_source_positions",
    },
    "transformer_lm": {
        "layers": "decoder_layers",
        "width": "decoder_embed_dim",
        "heads": "decoder_attention_heads",
        "ffn_width": "decoder_ffn_embed_dim",
        "block_pieces": "tokens_per_sample",
    },
}
"""What fairseq calls the keys of a study, by the architecture."""


def _architecture(model: Any, wanted: str) -> dict[str, Any]:
    """The keys of the study that say what a model is, from fairseq's configuration of it."""
    values = model if isinstance(model, dict) else vars(model)
    arch = values.get("_name", wanted)
    if arch != wanted:
        return {"arch": arch}
    return {ours: int(values[theirs]) for ours, theirs in _NAMES[wanted].items()}


def spread_over(path: Path, processes: int, save_dir: Path | None = None) -> bool:
    """Write how far a checkpoint has read its data for another number of processes.

    fairseq counts the batches that each process has read; a training that goes on with more or fewer of them
    would else read text twice, or never.

    Args:
        save_dir: write a copy as the last checkpoint of this folder instead of changing `path`; nothing is
            written where the number of processes is the same.

    Returns:
        whether something was written.
    """
    state = load(path)
    before = int(state["cfg"]["distributed_training"]["distributed_world_size"])
    if before == processes:
        return False
    import torch

    position = state["extra_state"]["train_iterator"]
    position["iterations_in_epoch"] = position["iterations_in_epoch"] * before // processes
    state["cfg"]["distributed_training"]["distributed_world_size"] = processes
    if save_dir:
        state["cfg"]["checkpoint"]["save_dir"] = str(save_dir)
    with write_aside(save_dir / LAST if save_dir else path) as aside:
        torch.save(state, aside)
    return True


def keep_last(save_dir: Path, updates: int, name: str) -> str:
    """Keep the last checkpoint of a training as `name`, with its optimizer, to continue from; its sha256.

    Raises:
        CheckpointError: where the training did not reach `updates`.
    """
    os.replace(_reached(save_dir, updates), save_dir / name)
    return sha256_of_file(save_dir / name)


def keep_weights(save_dir: Path, updates: int, name: str, best: bool = False) -> str:
    """Keep the weights of a training as `name`, without the optimizer's state; the file's sha256.

    Args:
        updates: what the training must have reached.
        best: keep the best checkpoint by validation instead of the last.

    Raises:
        CheckpointError: where the training did not reach `updates`.
    """
    import torch

    last = _reached(save_dir, updates)
    state = load(save_dir / "checkpoint_best.pt" if best else last)
    state["last_optimizer_state"] = None
    with write_aside(save_dir / name) as aside:
        torch.save(state, aside)
    return sha256_of_file(save_dir / name)


def _reached(save_dir: Path, updates: int) -> Path:
    last = save_dir / LAST
    reached = updates_done(last)
    if reached != updates:
        raise CheckpointError(f"{last} is at update {reached}, not {updates}; delete it and run again")
    return last


def others(save_dir: Path, names: Sequence[str]) -> list[Path]:
    """Every checkpoint but `names`, and what a killed process was writing.

    One of them is the `crash.pt` that fairseq leaves where it diverges.
    """
    return [path for path in save_dir.glob("*.pt") if path.name not in names] + _leftovers(save_dir)


def remove_others(save_dir: Path, names: Sequence[str]) -> None:
    """Remove every checkpoint but `names`, once the training is on record."""
    for path in others(save_dir, names):
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
