"""Room on disk that jobs leave taken, and their memory (docs/reruns.md has the sizes)."""

from __future__ import annotations

from downlaw.engine.flops import parameters
from downlaw.engine.mmap import id_type
from downlaw.study import LmStudy, Study

from .amounts import PIECES_A_TEXT
from .jobs import Job
from .reference import FIXED, TRAINING_MEMORY_MB
from .throughput import Throughput

_JOB_RECORD = 7_000
"""Bytes that Snakemake keeps of a job."""
_FILE = 50_000
"""Bytes of a checkpoint beside its weights."""
_BYTES_A_TEXT = 45.0
"""Of a table of text, packed."""
_SEGMENT = 2_000
"""Bytes kept of a scored segment."""
_MB = 1e6


def weight_bytes(study: Study | LmStudy) -> int:
    """Of a weight in a checkpoint."""
    return 4 if study.compute.precision == "fp32" else 2


def model_size(study: Study | LmStudy, job: Job) -> int:
    """Weights of the model that a job trains or scores with."""
    if isinstance(study, LmStudy):
        return study.parameters(job.name.split("/")[1]).total
    return parameters(study.model, study.tokenizer.vocabulary)


def disk_bytes(study: Study | LmStudy, job: Job) -> float:
    """What a job leaves on disk once the study is done; saves in between are gone then."""
    return _JOB_RECORD + _kept(study, job)


def _kept(study: Study | LmStudy, job: Job) -> float:
    work = job.work
    if job.rule in ("pretrain", "overtrain", "finetune"):
        size = model_size(study, job)
        weights = weight_bytes(study) * size + _FILE
        logs = 2 * (25 * work.updates + 25_000 * work.trainings)
        if job.rule == "finetune":
            return work.trainings * weights + logs
        optimizer = (8 + weight_bytes(study)) * size + _FILE if _keeps_optimizer(study, job) else 0
        return weights + optimizer + logs
    if job.rule == "evaluate":
        return _SEGMENT * work.segments
    if job.rule in ("split_corpus", "decontaminate_corpus", "clean_corpus"):
        return _BYTES_A_TEXT * work.texts
    ids = id_type(study.tokenizer.vocabulary).itemsize
    if job.rule in ("tokenize", "pool", "task"):
        return ids * PIECES_A_TEXT * work.texts
    if job.rule == "mixture":  # one byte a block
        return PIECES_A_TEXT * work.texts / study.block_layout.pieces
    return 0.0


def _keeps_optimizer(study: Study | LmStudy, job: Job) -> bool:
    """Whether a job's training is the end of a chain, or all are kept."""
    if isinstance(study, LmStudy):
        if study.overtrain.schedule != "wsd":
            return False
        mixture, model, _, multiplier = job.name.split("/")
        last = study.overtrain.multipliers_of(model, mixture)[-1]
        return study.overtrain.keep_optimizer == "all" or float(multiplier) == last
    return study.pretrain.keep_optimizer == "all" or job.name.endswith(f"/{study.pretrain.tokens[-1]}")


def memory_mb(study: Study | LmStudy, job: Job, speed: Throughput) -> float:
    """Most resident memory of a job, all its processes together; with GPUs that of the node alone.

    A training on a CPU holds weights, gradients and two moments of each (16 bytes a weight) and the
    activations of a batch beside what torch and fairseq take.
    """
    if job.rule not in ("pretrain", "finetune", "overtrain"):
        fixed = FIXED[job.rule].memory_mb
        return fixed + 4 * model_size(study, job) / _MB if job.rule == "evaluate" else fixed
    processes = getattr(study.resources, job.rule).processes
    if study.compute.device == "cuda":
        return processes * (2 * TRAINING_MEMORY_MB + 4 * model_size(study, job) / _MB)
    if speed.training_memory_mb and speed.about.get("parameters") == model_size(study, job):
        return speed.training_memory_mb * processes
    return processes * (TRAINING_MEMORY_MB + device_memory_mb(study, job))


def device_memory_mb(study: Study | LmStudy, job: Job) -> float:
    """Memory of weights, gradients, optimizer and activations of one process of a training.

    Activations: about 16 values of a layer's width and its feed-forward width for each piece of a batch, and
    the output over the vocabulary three times, without checkpointing (after Korthikanti et al. 2022, Eq. 1).
    """
    if isinstance(study, LmStudy):
        name = job.name.split("/")[1]
        model, own = study.overtrain.models[name], study.overtrain.of(name)
        width, inner, layers = model.width, model.inner_width, model.layers
        pieces = study.overtrain.block_pieces * own.blocks_per_update // own.batches_per_update
        layers = 1 if study.overtrain.checkpoint_activations else layers
    else:
        width, inner = study.model.width, study.model.ffn_width
        layers = study.model.encoder_layers + 2 * study.model.decoder_layers
        pieces = (
            study.finetune.tokens_per_batch
            if job.rule == "finetune"
            else study.pretrain.block_pieces
            * study.pretrain.blocks_per_update
            // study.pretrain.batches_per_update
        )
    values = pieces * (layers * (12 * width + 3 * inner) + 3 * study.tokenizer.vocabulary)
    return (16 * model_size(study, job) + weight_bytes(study) * values) / _MB
