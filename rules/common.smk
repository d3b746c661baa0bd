import gc
from functools import lru_cache

from snakemake import script as scripts

from downlaw.corpora import needs

# Where stages of both tracks keep what they make, and what their jobs ask for.

CORPORA = RESULTS / "corpora"
FETCHED = CORPORA / "packages"
SUBSETS = RESULTS / "subsets"
TOKENIZER = SUBSETS / "tokenizer"
POOLS = SUBSETS / "pools"
EVALUATE = RESULTS / "evaluate"
REPORT = RESULTS / "report"
CLEANED = CORPORA / "{corpus}/{part}/cleaned/{job}"
SIZES = SUBSETS / "sizes.json"


def training_text(corpus, part):
    return RESULTS / f"corpora/{corpus}/{part}/train.parquet"


def jobs_of(corpus):
    """In how many jobs a corpus is cleaned and tokenized."""
    return STUDY.corpora[corpus].jobs


def text_to_split(w):
    """What a part is divided from: cleaned text, or what it is still to be cleaned from."""
    text = {"earlier": [earlier / "signatures.u32" for earlier in earlier_than(w)]}
    if jobs_of(w.corpus) == 1:
        return text | {"sources": needs.sources_of(STUDY, w.corpus, w.part, FETCHED)}
    folders = [str(CLEANED).format(job=job, **w) for job in range(jobs_of(w.corpus))]
    return text | {"cleaned": [f"{folder}/cleaned.json" for folder in folders]}


def earlier_than(w):
    """Where near-duplicates go, the corpora whose text of this part stays."""
    earlier = needs.compared_before(STUDY, w.corpus, w.part)
    return [CORPORA / f"{corpus}/{w.part}/split" for corpus in earlier]


def pool(corpus, language, position):
    return POOLS / f"{corpus}.{language}-{position}.bin"


def pools_of(mixture):
    """The pool of each component. Two components from one text are shuffled apart, by their position."""
    return [
        pool(corpus, language, position)
        for position, (corpus, language, _) in enumerate(
            STUDY.mixtures[mixture].components()
        )
    ]


def tokens_of(w):
    """Where the text of a corpus is tokenized in several jobs, what they made."""
    jobs = jobs_of(w.corpus)
    folder = SUBSETS / f"tokens/{w.corpus}.{w.language}"
    return [folder / f"{job}/tokens.json" for job in range(jobs)] if jobs > 1 else []


def asked(stage):
    """What a scheduler is asked for by each job of a stage: at each further attempt more memory and time."""
    asks = getattr(STUDY.resources, stage)
    return {
        "mem_mb": lambda wildcards, attempt: asks.at(attempt)[0],
        "runtime": lambda wildcards, attempt: asks.at(attempt)[1],
    }


# Where a profile has one `gpu_turn` for each group of jobs, they use one GPU in turn, not one each.
GPU_TURN = 1 if STUDY.compute.device == "cuda" else 0


def asked_with_gpu(stage):
    """As `asked`, and a GPU where models run on GPUs."""
    return {**asked(stage), "gpu": GPU_TURN, "gpu_turn": GPU_TURN, "tasks_per_gpu": 0}


def asked_by_training(stage):
    """As `asked`, and a GPU a process where models run on GPUs.

    Slurm's plugin starts a job of several nodes in the batch script on the first of them, if it has the
    resource `mpi`, and otherwise as one step of one task. `tasks_per_gpu: 0` keeps that to one task, whose
    `threads` are the CPUs of all its processes. Without `nodes` Slurm may take its GPUs from several.
    """
    asks = getattr(STUDY.resources, stage)
    gpus = asks.processes if STUDY.compute.device == "cuda" else 0
    spread = {}
    if asks.nodes > 1:
        spread = {"nodes": asks.nodes, "tasks": asks.nodes, "mpi": "srun"}
    elif asks.processes > 1:
        spread = {"nodes": 1}
    gpu = {"gpu": gpus, "gpu_turn": GPU_TURN, "tasks_per_gpu": 0}
    return {**asked(stage), **gpu, **spread}


def training_threads(stage):
    """CPUs of one node's share of a training."""
    asks = getattr(STUDY.resources, stage)
    return STUDY.compute.threads * asks.processes // asks.nodes


def slurm_requests():
    """What the jobs and groups that will run ask Slurm for, each kind once."""
    jobs = {
        workflow.dag.get_job_group(job) or job
        for job in workflow.dag.needrun_jobs()
        if not job.is_local
    }
    return sorted(
        {slurm_request(job) for job in jobs}, key=lambda request: request.label
    )


def slurm_request(job):
    asks = job.resources
    nodes = asks.get("nodes") or 1
    alone = not job.is_group()
    return Request(
        label=job.rule.name if alone else f"group {job.groupid}",
        stage=Path(job.rule.snakefile).stem if alone else "",
        partition=str(asks.get("slurm_partition") or "") or None,
        cpus=job.threads,
        memory_mb=asks.get("mem_mb") or 0,
        minutes=asks.get("runtime") or 0,
        gpus=(asks.get("gpu") or 0) // nodes,
        gpu_model=asks.get("gpu_model") or "",
    )


def machine_of_this_call():
    """The cores, GPUs and jobs that this call may use together, for a plan."""
    on_cluster = workflow.executor_plugin and workflow.executor_plugin.name == "slurm"
    gpus = workflow.global_resources.get("gpu")
    return {
        "cores": workflow.cores or 1,
        "gpus": gpus and gpus.value,
        "jobs": workflow.nodes if on_cluster else None,
        "groups": workflow.group_settings.overwrite_groups if on_cluster else {},
    }


# With 10,000 jobs a plan took twice as long without these two: millions of small objects stay until the end, and
# Snakemake 9.27 opens the script of a job anew for each.
gc.set_threshold(200_000, 20, 100)


@lru_cache(maxsize=None)
def read_script(path, basedir, read=scripts.get_source):
    return read(path, workflow.sourcecache, basedir)


def get_source(
    path,
    sourcecache,
    basedir=None,
    wildcards=None,
    params=None,
    read=scripts.get_source,
):
    """As Snakemake's own. A path of a workflow that imports this one may depend on wildcards or params."""
    source = hasattr(path, "get_path_or_uri")
    if "{" in (path.get_path_or_uri(secret_free=True) if source else str(path)):
        return read(path, sourcecache, basedir, wildcards, params)
    return read_script(path, basedir)


scripts.get_source = get_source
