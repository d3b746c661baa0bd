"""The seconds of one job on a machine of known speed."""

from __future__ import annotations

from downlaw.engine.flops import training_flops
from downlaw.study import LmStudy, Study

from .amounts import PIECES_A_TEXT
from .jobs import TRAINING_RULES, Job
from .jobs_transfer import SENTENCE_PIECES
from .reference import FIXED, GPU_SHARE, TRAINING_SHARE
from .throughput import Throughput

_RECORDS_SECONDS = 1.0
"""Of a training job that finds all of its trainings done."""


def job_seconds(study: Study | LmStudy, job: Job, speed: Throughput) -> float:
    """Seconds from a job's start to its end.

    Raises:
        PlanError: where the speed of its training is not known.
    """
    if job.rule in TRAINING_RULES:
        return _training_seconds(study, job, speed)
    fixed, work = FIXED[job.rule], job.work
    each = fixed.per_text * work.texts + fixed.per_run * work.runs + fixed.per_segment * work.segments
    seconds = speed.slowness * (fixed.seconds + each)
    if job.rule == "clean_corpus" or (job.rule == "split_corpus" and _is_cleaned_there(study, job)):
        seconds += work.texts / speed.cleaned_texts_per_second
    elif job.rule == "split_corpus":  # cleaned by other jobs
        seconds += 0.2 * work.texts / speed.cleaned_texts_per_second
    elif job.rule in ("tokenize", "task") or (job.rule == "pool" and not _has_tokens(job)):
        seconds += PIECES_A_TEXT * work.texts / speed.tokenized_pieces_per_second
    elif job.rule == "comet" and study.compute.device == "cuda":
        seconds = speed.slowness * (fixed.seconds + GPU_SHARE * each)
    elif job.rule == "evaluate":
        seconds += _scoring_seconds(study, job, speed)
    return seconds


def _is_cleaned_there(study: Study | LmStudy, job: Job) -> bool:
    return not any(need.startswith("clean_corpus/") for need in job.needs)


def _has_tokens(job: Job) -> bool:
    return any(need.startswith("tokenize/") for need in job.needs)


def _training_seconds(study: Study | LmStudy, job: Job, speed: Throughput) -> float:
    work = job.work
    if not work.updates:  # only records are read
        return speed.slowness * _RECORDS_SECONDS
    processes = getattr(study.resources, job.rule).processes
    seconds = speed.start_seconds + work.trainings * speed.training_seconds
    seconds += work.flops / (speed.training_speed(job.rule) * processes)
    if job.rule == "overtrain":
        seconds += work.updates * speed.update_seconds
    else:
        seconds += validation_seconds(study, work.segments, speed)
    return seconds


def validation_seconds(study: Study, segments: int, speed: Throughput) -> float:
    """Of the cross-entropy of references: a forward pass, a third of the operations of a training."""
    tokens = SENTENCE_PIECES * segments
    flops = training_flops(
        study.model, study.tokenizer.vocabulary, tokens, tokens, SENTENCE_PIECES, SENTENCE_PIECES
    )
    return flops / 3 / speed.training_speed("finetune")


def _scoring_seconds(study: Study | LmStudy, job: Job, speed: Throughput) -> float:
    """Of a forward pass over sequences, or of translating segments and scoring their references."""
    segments = job.work.segments
    if isinstance(study, LmStudy):
        model = job.name.split("/")[1]
        tokens = segments * study.overtrain.block_pieces
        return 2 * study.parameters(model).total * tokens / speed.training_speed("overtrain")
    scored = validation_seconds(study, segments * (study.evaluate.translation_choices or 1), speed)
    return scored + segments / decoding_speed(study, speed)


def decoding_speed(study: Study, speed: Throughput) -> float:
    """Segments a second; where it is not known, from the operations of a typical one at a share of the speed
    of training."""
    if speed.decoded_segments_per_second:
        return speed.decoded_segments_per_second
    pieces = SENTENCE_PIECES * study.evaluate.beam
    flops = training_flops(
        study.model, study.tokenizer.vocabulary, SENTENCE_PIECES, pieces, SENTENCE_PIECES, SENTENCE_PIECES
    )
    return TRAINING_SHARE * speed.training_speed("finetune") / (flops / 3)
