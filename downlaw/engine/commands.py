"""fairseq-train's arguments for a pretraining segment and for a finetuning run."""

from __future__ import annotations

from pathlib import Path

from downlaw.study import Study
from downlaw.study.training import Training

PLUGIN = Path(__file__).parent / "fairseq_plugin"


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


def _optimization(training: Training, learning_rate: float, updates: int, seed: int) -> list[str]:
    scheduler = "fixed" if training.schedule == "constant" else training.schedule
    return [
        *("--optimizer", "adam", "--adam-betas", "(0.9, 0.98)"),
        *_option("weight-decay", training.weight_decay),
        *_option("clip-norm", training.clip_norm),
        *_option("lr", learning_rate),
        *_option("lr-scheduler", scheduler),
        *_option("warmup-updates", training.warmup_updates),
        *_option("max-update", updates),
        *_option("seed", seed),
    ]


def _running(study: Study, save_dir: Path, updates: int, processes: int, batches: int) -> list[str]:
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
        # The mixture is shuffled already: read in its order, every Dp is a prefix of the larger ones. So in
        # every epoch: a training resumed after the first would be shuffled, and an uncut one not.
        *("--curriculum", "1000000"),
        *_model(study, pretrain.dropout),
        *_optimization(pretrain, pretrain.learning_rate, updates, seed),
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
        *_optimization(finetune, learning_rate, finetune.updates, seed),
        *_running(study, save_dir, finetune.updates, processes, finetune.batches_per_update),
        *_option("save-interval-updates", interval),
        *(["--best-checkpoint-metric", metric] if best else ["--disable-validation"]),
        *(_option("finetune-from-model", weights) if weights else []),
    ]
