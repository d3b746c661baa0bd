# The study as it is, in one file. Without output, so that it is written anew every time.
rule archive:
    input:
        lambda w: rules.all.input,
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
