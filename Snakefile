import signal
import sys
from pathlib import Path

from downlaw.cluster import ClusterError, Request, check
from downlaw.study import StudyError, load_study, refuse_repeated_keys

if "study" not in config:

    configfile: "config.yaml"


report: "report/workflow.rst"


try:
    refuse_repeated_keys(workflow.configfiles)
    STUDY = load_study(config)
except StudyError as error:
    sys.exit(f"the study cannot run:\n{error}")

RESULTS = STUDY.results

# Slurm warns of the end by SIGUSR1 or SIGTERM, sent to every process of a job. A training saves then; what
# waits for it must live so long.
if workflow.remote_exec:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    shell.prefix("trap : TERM; set -euo pipefail; ")


include: "rules/common.smk"
include: "rules/corpora.smk"
include: "rules/subsets.smk"


if STUDY.track == "transfer":

    include: "rules/transfer/common.smk"
    include: "rules/transfer/subsets.smk"
    include: "rules/transfer/pretrain.smk"
    include: "rules/transfer/finetune.smk"
    include: "rules/transfer/evaluate.smk"
    include: "rules/transfer/laws.smk"
    include: "rules/transfer/alignment.smk"
    include: "rules/transfer/report.smk"

else:

    include: "rules/lm/subsets.smk"
    include: "rules/lm/overtrain.smk"
    include: "rules/lm/evaluate.smk"
    include: "rules/lm/laws.smk"
    include: "rules/lm/report.smk"


include: "rules/report.smk"


# Seen now, not after the trainings. Snakemake calls this before the first job, and never for a dry run; a workflow
# that imports this one calls it itself (docs/module.md).
onstart:
    scored = str(EVALUATE / "comet.json")
    if any(scored in job.output for job in workflow.dag.needrun_jobs()):
        from downlaw.metrics.comet import CometError, find
        from downlaw.metrics.comet.checkpoint import look

        try:
            look(find(STUDY.evaluate.comet))
        except CometError as error:
            sys.exit(f"the study cannot run:\n{error}")
    if workflow.executor_plugin.name == "slurm":
        try:
            check(
                slurm_requests(),
                asks_sacct=workflow.executor_settings.status_command == "sacct",
            )
        except ClusterError as error:
            sys.exit(f"the study cannot run:\n{error}")


rule all:
    default_target: True
    input:
        OUTCOMES,
    localrule: True
