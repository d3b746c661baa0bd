"""fairseq-train's arguments for a pretraining segment, a finetuning run, and a language model of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from downlaw.study import LmStudy, Study
from downlaw.study.grid import Cell
from downlaw.study.overtrain import Overtrain
from downlaw.study.training import Training

PLUGIN = Path(__file__).parent / "fairseq_plugin"


# A mixture is shuffled already: read in its order, every Dp is a prefix of the larger ones. So in every
# epoch: a training resumed after the first would be shuffled, and an uncut one not.
_IN_ORDER = ("--curriculum", "1000000")


def _option(name: str, value: object) -> list[str]:
    return [f"--{name}", str(value)]


def _model(study: Study, dropout: float) -> list[str]:
    model = study.model
    arguments = ["--arch", "transformer", "--share-all-embeddings", *_option("dropout", dropout)]
    for side, layers in (("encoder", model.encoder_layers), ("decoder", model.decoder_layers)):
        arguments += [
            *_option(f"{side}-layers", layers),
            *_option(f"{side}-embed-dim", model.width),
            *_option(f"{side}-ffn-embed-dim", model.ffn_width),
            *_option(f"{side}-attention-heads", model.heads),
            f"--{side}-normalize-before",
        ]
    return [
        *arguments,
        *_option("max-source-positions", model.max_pieces),
        *_option("max-target-positions", model.max_pieces),
    ]


def _schedule(training: Training) -> list[str]:
    scheduler = "fixed" if training.schedule == "constant" else training.schedule
    return [*_option("lr-scheduler", scheduler), *_option("warmup-updates", training.warmup_updates)]


def _optimization(
    training: Training, learning_rate: float, schedule: list[str], updates: int, seed: int
) -> list[str]:
    return [
        *("--optimizer", "adam", "--adam-betas", "(0.9, 0.98)"),
        *_option("weight-decay", training.weight_decay),
        *_option("clip-norm", training.clip_norm),
        *_option("lr", learning_rate),
        *schedule,
        *_option("max-update", updates),
        *_option("seed", seed),
    ]


def _running(study: Study | LmStudy, save_dir: Path, updates: int, processes: int, batches: int) -> list[str]:
    device = ["--cpu"] if study.compute.device == "cpu" else []
    precision = [] if study.compute.precision == "fp32" else [f"--{study.compute.precision}"]
    return [
        *device,
        *precision,
        *_option("distributed-world-size", processes),
        *_option("update-freq", batches // processes),
        # Batches are made in the training process: a thread beside it would draw from the same generator.
        *("--num-workers", "0", "--data-buffer-size", "0"),
        *("--dataset-impl", "mmap", "--required-batch-size-multiple", "1"),
        *(
            "--no-progress-bar",
            "--log-format",
            "json",
            *_option("log-interval", max(1, min(10, updates // 4))),
        ),
        *_option("save-dir", save_dir),
        *("--no-epoch-checkpoints", "--keep-interval-updates", "1"),
        *("--save-interval", "1000000", "--validate-interval", "1000000"),
    ]


def _criterion(label_smoothing: float) -> list[str]:
    if label_smoothing == 0:
        return ["--criterion", "cross_entropy"]  # the smoothed one computes its zero term all the same
    return ["--criterion", "label_smoothed_cross_entropy", *_option("label-smoothing", label_smoothing)]


def pretraining(
    study: Study,
    data: Path,
    save_dir: Path,
    updates: int,
    seed: int,
    continue_from: Path | None,
    processes: int = 1,
) -> list[str]:
    """Arguments that train text infilling up to `updates`.

    `save_dir`/checkpoint_last.pt is continued where it is there, else `continue_from` with its optimizer,
    schedule and data position.
    """
    pretrain = study.pretrain
    return [
        str(data),
        *("--user-dir", str(PLUGIN), "--task", "text_infilling", "--criterion", "cross_entropy"),
        *_option("tokens-per-sample", pretrain.block_pieces),
        *_option("batch-size", pretrain.blocks_per_update // pretrain.batches_per_update),
        *("--sample-break-mode", "none"),
        *_option("mask", pretrain.mask),
        *("--mask-length", "span-poisson"),
        *_option("poisson-lambda", pretrain.mean_span),
        *("--replace-length", "1", "--mask-random", "0"),
        *("--permute-sentences", "0", "--rotate", "0", "--insert", "0"),
        *_IN_ORDER,
        *_model(study, pretrain.dropout),
        *_optimization(pretrain, pretrain.learning_rate, _schedule(pretrain), updates, seed),
        *_running(study, save_dir, updates, processes, pretrain.batches_per_update),
        *_option("save-interval-updates", pretrain.save_every_updates),
        "--disable-validation",
        *(_option("restore-file", continue_from) if continue_from else []),
    ]


def finetuning(
    study: Study,
    task: str,
    data: Path,
    save_dir: Path,
    learning_rate: float,
    seed: int,
    weights: Path | None,
    processes: int = 1,
) -> list[str]:
    """Arguments that train a task's translation direction, from `weights` or from random ones."""
    finetune, direction = study.finetune, study.tasks[task]
    best = finetune.checkpoint == "best"
    metric = "nll_loss" if finetune.label_smoothing else "loss"
    interval = finetune.validate_every_updates if best else finetune.save_every_updates
    longest = max(finetune.tokens_per_update, study.model.max_pieces)  # of a validation segment
    return [
        str(data),
        *("--user-dir", str(PLUGIN), "--task", "translation"),
        *("-s", direction.source, "-t", direction.target),
        *_criterion(finetune.label_smoothing),
        *_option("max-tokens", finetune.tokens_per_batch),
        *_option("max-tokens-valid", longest),
        *_model(study, finetune.dropout),
        *_optimization(finetune, learning_rate, _schedule(finetune), finetune.updates, seed),
        *_running(study, save_dir, finetune.updates, processes, finetune.batches_per_update),
        *_option("save-interval-updates", interval),
        *(["--best-checkpoint-metric", metric] if best else ["--disable-validation"]),
        *(_option("finetune-from-model", weights) if weights else []),
    ]


@dataclass(frozen=True)
class Stretch:
    """A part of a language model's training: it ends at `updates`, and decays from `decays_from` on."""

    updates: int
    decays_from: int | None = None


def language_modeling(
    study: LmStudy,
    cell: Cell,
    data: Path,
    save_dir: Path,
    stretch: Stretch,
    continue_from: Path | None,
    processes: int = 1,
) -> list[str]:
    """Arguments that train a stretch of a language model of the grid: its trunk, its decay, or a whole run.

    `save_dir`/checkpoint_last.pt is continued where it is there, else `continue_from` with its optimizer and
    data position.
    """
    overtrain, model = study.overtrain.of(cell.model), study.overtrain.models[cell.model]
    rate = overtrain.learning_rate
    return [
        str(data),
        *("--user-dir", str(PLUGIN), "--task", "language_modeling_in_order", "--criterion", "cross_entropy"),
        *_option("tokens-per-sample", overtrain.block_pieces),
        *_option("batch-size", overtrain.blocks_per_update // overtrain.batches_per_update),
        *("--sample-break-mode", "none"),
        *_IN_ORDER,
        *("--arch", "transformer_lm", "--decoder-normalize-before", "--activation-fn", "gelu"),
        *_option("dropout", overtrain.dropout),
        *_option("decoder-layers", model.layers),
        *(
            part
            for side in ("embed", "input", "output")
            for part in _option(f"decoder-{side}-dim", model.width)
        ),
        *_option("decoder-ffn-embed-dim", model.inner_width),
        *_option("decoder-attention-heads", model.heads),
        *(("--share-decoder-input-output-embed",) if overtrain.share_embeddings else ()),
        *(("--checkpoint-activations",) if overtrain.checkpoint_activations else ()),
        *_optimization(overtrain, rate, _grid_schedule(overtrain, stretch), stretch.updates, cell.seed),
        *_running(study, save_dir, stretch.updates, processes, overtrain.batches_per_update),
        *_option("save-interval-updates", overtrain.save_every_updates),
        "--disable-validation",
        *(_option("restore-file", continue_from) if continue_from else []),
    ]


def _grid_schedule(overtrain: Overtrain, stretch: Stretch) -> list[str]:
    rate = overtrain.learning_rate
    least = overtrain.final_learning_rate * rate
    if overtrain.schedule == "cosine":
        warmup = _option("warmup-updates", overtrain.warmup_updates)
        return ["--lr-scheduler", "cosine", *warmup, *_option("min-lr", least)]
    # fairseq decays from the end of the warm-up on, at whose rate the trunk stands: so the decay of a branch
    # begins where it starts. A trunk "decays" to the rate that it has.
    begins, ends = (
        (overtrain.warmup_updates, rate) if stretch.decays_from is None else (stretch.decays_from, least)
    )
    return [
        *("--lr-scheduler", "polynomial_decay"),
        *_option("warmup-updates", begins),
        *_option("total-num-update", stretch.updates),
        *_option("end-learning-rate", ends),
    ]
