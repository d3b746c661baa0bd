"""Plan the study with a calibration of this machine, and keep the plan to be compared with what it takes."""

from rich.console import Console

from downlaw.console import job, say
from downlaw.plan import Machine, calibrate_anew, plan_study, print_plan, store
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "plan") as log:
    machine = Machine(**snakemake.params.machine)
    speed = calibrate_anew(study, machine, say=lambda step: say(f"plan: {step}"))
    made = plan_study(study, machine, speed)
    for console in (Console(), Console(file=log, width=100)):
        print_plan(study, made, console)
    say(f"stored in {store(study, made)}; once the study is done: downlaw plan --actual --calibrate")
