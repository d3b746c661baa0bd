"""Write the finished study into one file."""

from downlaw.console import job, say
from downlaw.report.archive import write_archive
from downlaw.study import load_study

with job(snakemake.log[0], "archive") as log:
    made = write_archive(
        load_study(snakemake.config), snakemake.config, snakemake.params.configfiles, say=say
    )
    for line in made.lines():
        say(line)
        log.write(line + "\n")
