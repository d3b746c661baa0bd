# Where the stages of the transfer track keep what they make, and which files a job of one needs of another.

from downlaw.study.matrix import Start, segment, starts

PRETRAIN = RESULTS / "pretrain"
FINETUNE = RESULTS / "finetune"


def task_text(split):
    """Parallel text of every task, in the order of the study."""
    return [
        RESULTS / f"corpora/{task.corpora()[split]}/{task.part}/{split}.parquet"
        for task in STUDY.tasks.values()
    ]


def segment_of(wildcards):
    return segment(STUDY, wildcards.mixture, int(wildcards.seed), int(wildcards.tokens))


def previous_segment(wildcards):
    tokens = segment_of(wildcards).previous
    return (
        []
        if tokens is None
        else PRETRAIN / f"{wildcards.mixture}/seed{wildcards.seed}/{tokens}.json"
    )


def start_path(start):
    return f"{start.mixture}/seed{start.seed}/{start.tokens_asked}.json"


def start_of(wildcards):
    return Start(wildcards.mixture, int(wildcards.seed), int(wildcards.tokens))


def start_record(wildcards):
    start = start_of(wildcards)
    return [] if start.is_baseline else PRETRAIN / start_path(start)


# What pretraining, finetuning and evaluation record of each of their jobs, and the metrics that a job of their own
# scores for the whole study. Where outputs of other rules stand beside them, these lists are given by functions, as
# Snakemake 9.27 hashes a plain list once for each of its paths.
PRETRAINED = [
    PRETRAIN / start_path(start) for start in starts(STUDY) if not start.is_baseline
]
FINETUNED, EVALUATED = (
    [
        stage / name / start_path(start)
        for name in STUDY.tasks
        for start in starts(STUDY)
    ]
    for stage in (FINETUNE, EVALUATE)
)
LEARNED_METRICS = [
    name for name in ("comet", "comet_local") if getattr(STUDY.evaluate, name)
]
SEGMENT_STATISTICS = [
    *(path.with_suffix(".segments.parquet") for path in EVALUATED),
    *(EVALUATE / f"{name}.parquet" for name in LEARNED_METRICS),
]
