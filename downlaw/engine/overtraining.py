"""Language models of a grid: a trunk a size, from which every multiplier branches off to decay; or a run of
its own for each.

A trunk is a chain as of pretraining: each multiplier's stretch continues the one before. Trunks and branches
are each trained once, in folders named by a hash of everything that decides their result.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from downlaw.console import say
from downlaw.engine import checkpoints, commands, flops
from downlaw.engine.commands import Stretch
from downlaw.engine.once import DIVERGED, OK, RECORD, Output, Training, train_once
from downlaw.engine.training import CHECKPOINT, MODEL, chain_end, on_node, processes_of, restored_from
from downlaw.files import digest, read_json
from downlaw.study import LmStudy
from downlaw.study.grid import Cell


def identity(
    study: LmStudy, cell: Cell, stretch: Stretch, mixture: Mapping[str, Any], trunk: bool
) -> dict[str, Any]:
    """Everything that decides the weights at the end of a stretch. Where a trunk was cut is not part of it,
    and how its branches decay is no part of the trunk's."""
    overtrain = study.overtrain.of(cell.model)
    decay = {"final_learning_rate"} if trunk else set()
    found = {
        "objective": "language modelling",
        "model": architecture(study, cell.model),
        "overtrain": overtrain.deciding("decay", *decay),
        "precision": study.compute.precision,
        "vocabulary": mixture["vocabulary"],
        "mixture": mixture["sha256"],
        "seed": cell.seed,
        "updates": stretch.updates,
    }
    return found if stretch.decays_from is None else found | {"decays_from": stretch.decays_from}


def architecture(study: LmStudy, model: str) -> dict[str, Any]:
    """What checkpoints of a size must be of."""
    size = study.overtrain.models[model]
    return {
        "arch": "transformer_lm",
        "layers": size.layers,
        "width": size.width,
        "heads": size.heads,
        "ffn_width": size.inner_width,
        "block_pieces": study.overtrain.block_pieces,
    }


def train_cell(
    study: LmStudy, cell: Cell, data: Path, previous: Mapping[str, Any] | None, root: Path, output: Output
) -> dict[str, Any]:
    """Train one run of the grid, unless it is done: its stretch of the trunk, then its decay.

    Args:
        data: the mixture's folder, with its manifest and `dict.txt`.
        previous: the record of the multiplier before on the same trunk, None at its start.
        root: folders of trainings are made in here.

    Returns:
        the run's record: status, model with its sha256, tokens seen, FLOPs; and `trunk`, the record of the
        trunk where this run left it. A trunk that diverged is passed on in no time.
    """
    mixture = read_json(data / "manifest.json")
    facts = _facts(study, cell, mixture)
    if cell.trunk_updates is None:
        whole = Stretch(cell.updates)
        return _train(study, cell, whole, data, mixture, None, root, facts, output)
    before = previous["trunk"] if previous else None
    trunk = before
    if before is None or before["status"] == OK:
        trunk = _train_trunk(study, cell, data, mixture, before, root, output)
    if trunk["status"] != OK:
        passed_on = {"status": DIVERGED, "reason": trunk["reason"], "versions": trunk.get("versions")}
        return {**facts, **passed_on, "trunk": trunk}
    decay = Stretch(cell.updates, decays_from=cell.trunk_updates)
    record = _train(study, cell, decay, data, mixture, trunk, root, facts, output)
    return {**record, "trunk": trunk}


def _facts(study: LmStudy, cell: Cell, mixture: Mapping[str, Any]) -> dict[str, Any]:
    model, counted = study.overtrain.models[cell.model], study.parameters(cell.model)
    length, vocabulary = study.overtrain.block_pieces, mixture["vocabulary"]
    trained = cell.trained_updates * study.overtrain.of(cell.model).tokens_per_update
    return {
        "mixture": cell.mixture,
        "model": cell.model,
        "seed": cell.seed,
        "multiplier_asked": cell.multiplier,
        "tokens_asked": cell.tokens_asked,
        "tokens": cell.tokens,
        "updates": cell.updates,
        "trained_tokens": trained,
        "epochs": round(cell.tokens / mixture["tokens"], 4),
        "params": counted.total,
        "params_without_embedding": counted.without_embedding,
        "flops": 6.0 * counted.total * cell.tokens,
        "flops_exact": flops.language_model_flops(model, vocabulary, cell.tokens, length),
        "trained_flops": flops.language_model_flops(model, vocabulary, trained, length),
    }


def _train_trunk(
    study: LmStudy,
    cell: Cell,
    data: Path,
    mixture: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    root: Path,
    output: Output,
) -> dict[str, Any]:
    """The trunk up to where this run leaves it; what it continues is removed unless it is to be kept."""
    stretch = Stretch(cell.trunk_updates)
    folder = root / digest(identity(study, cell, stretch, mixture, trunk=True))
    branch = root / digest(
        identity(study, cell, Stretch(cell.updates, cell.trunk_updates), mixture, trunk=False)
    )
    if not (branch / RECORD).exists():
        _forget_without_checkpoint(folder, output)
    label = Output(output.rule_log, f"{output.label}, trunk")
    facts = {
        "updates": cell.trunk_updates,
        "tokens": cell.trunk_updates * study.overtrain.of(cell.model).tokens_per_update,
    }
    record = _train(study, cell, stretch, data, mixture, before, root, facts, label)
    start = Path(before["checkpoint"]) if before else None
    if start and record["status"] == OK and study.overtrain.keep_optimizer == "last":
        start.unlink(missing_ok=True)
    return record


def _forget_without_checkpoint(folder: Path, output: Output) -> None:
    """Have a trunk trained anew whose end was not kept, as a branch is to start there."""
    record, checkpoint = folder / RECORD, folder / CHECKPOINT
    if record.exists() and not checkpoint.exists() and read_json(record)["status"] == OK:
        say(f"{output.label}: {checkpoint} was not kept, so the trunk is trained again up to there")
        record.unlink()


def _train(
    study: LmStudy,
    cell: Cell,
    stretch: Stretch,
    data: Path,
    mixture: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    root: Path,
    facts: Mapping[str, Any],
    output: Output,
) -> dict[str, Any]:
    """Train a stretch after `before`, unless it is done. A trunk keeps its optimizer, all else weights."""
    trunk = cell.trunk_updates is not None and stretch.decays_from is None
    settings = identity(study, cell, stretch, mixture, trunk)
    folder = root / digest(settings)
    processes = processes_of(study, study.resources.overtrain)
    start = chain_end(before, folder, output)

    def arguments(resuming: bool) -> list[str]:
        restored = restored_from(start, before, folder, processes) if start and not resuming else None
        return commands.language_modeling(study, cell, data, folder, stretch, restored, processes.count)

    def keep() -> dict[str, str]:
        name = CHECKPOINT if trunk else MODEL
        kept = checkpoints.keep_last if trunk else checkpoints.keep_weights
        return {"checkpoint": str(folder / name), "sha256": kept(folder, stretch.updates, name)}

    return train_once(
        Training(
            folder, settings, facts, architecture(study, cell.model), arguments, stretch.updates,
            first_update=before["updates"] if before and start else 0,
            tokens_per_update=study.overtrain.of(cell.model).tokens_per_update,
            keep=keep, kept=(CHECKPOINT if trunk else MODEL,), processes=processes,
            on_node=lambda: on_node(study, data, processes),
            start_versions=before.get("versions") if before and start else None,
        ),
        output,
    )  # fmt: skip
