# The study as it is, in one file. Without output, so that it is written anew every time.
rule archive:
    input:
        OUTCOMES,
    log:
        RESULTS / "logs/archive/archive.log",
    localrule: True
    conda:
        "../envs/downlaw.yaml"
    params:
        configfiles=[str(path) for path in workflow.configfiles],
    message:
        "archive the study"
    script:
        "../scripts/report_archive.py"


# What the study takes on this machine, before it runs. Without output, so that it is measured anew every time.
rule plan:
    log:
        RESULTS / "logs/plan/plan.log",
    localrule: True
    conda:
        "../envs/downlaw.yaml"
    params:
        machine=lambda w: machine_of_this_call(),
    message:
        "plan the study"
    script:
        "../scripts/report_plan.py"
