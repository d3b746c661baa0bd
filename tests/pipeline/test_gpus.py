"""Jobs of Snakemake on a machine with made-up GPUs: which of them run beside one another, and on what."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import BIN, ROOT

pytestmark = pytest.mark.pipeline

UUIDS = ["GPU-aaaaaaaa-1111-2222-3333-444444444444", "GPU-bbbbbbbb-1111-2222-3333-444444444444"]

SNAKEFILE = """
rule all:
    input:
        [f"train{i}.json" for i in range(4)], "prepare.json"

rule train:
    output:
        "train{i}.json"
    resources:
        gpu=1
    script:
        "train.py"

rule prepare:
    output:
        "prepare.json"
    script:
        "prepare.py"
"""

# Each job waits for the others that must run beside it; one that comes alone fails.
BESIDE = """
import json, os, sys, time
from pathlib import Path

def wait_for(count, pattern):
    deadline = time.monotonic() + 60
    while len(list(Path().glob(pattern))) < count:
        if time.monotonic() > deadline:
            sys.exit(f"nothing runs beside: fewer than {count} of {pattern}")
        time.sleep(0.05)
"""

TRAIN = f"""{BESIDE}
from downlaw.engine.gpus import hold_gpus

with hold_gpus(1, Path("locks")) as (name,):
    assert os.environ["CUDA_VISIBLE_DEVICES"] == name
    Path(f"busy-{{name}}").mkdir()  # fails where another job works on this GPU
    Path(f"started-{{snakemake.wildcards.i}}").touch()
    wait_for(2, "started-[0-3]")
    wait_for(1, "started-prepare")
    Path(f"busy-{{name}}").rmdir()
Path(snakemake.output[0]).write_text(json.dumps(name))
"""

PREPARE = f"""{BESIDE}
assert "CUDA_VISIBLE_DEVICES" not in os.environ
Path("started-prepare").touch()
wait_for(2, "started-[0-3]")
Path(snakemake.output[0]).write_text("{{}}")
"""


@pytest.mark.parametrize(
    "limit", [["--resources", "gpu=2"], ["--resources", "gpu=4"]], ids=["counted", "miscounted"]
)
def test_each_gpu_has_one_training_at_a_time_and_cpu_jobs_run_beside(
    tmp_path: Path, limit: list[str]
) -> None:
    for name, text in (("Snakefile", SNAKEFILE), ("train.py", TRAIN), ("prepare.py", PREPARE)):
        (tmp_path / name).write_text(text)
    (tmp_path / "bin").mkdir()
    smi = tmp_path / "bin/nvidia-smi"
    smi.write_text("#!/bin/sh\n" + "".join(f"echo '{uuid}, {i}'\n" for i, uuid in enumerate(UUIDS)))
    smi.chmod(0o755)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLURM_") and name != "CUDA_VISIBLE_DEVICES"
    }
    done = subprocess.run(
        [BIN / "snakemake", "--profile", ROOT / "profiles/local", "--cores", "5", *limit],
        cwd=tmp_path,
        env=environment | {"PATH": f"{tmp_path / 'bin'}:{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    used = [json.loads((tmp_path / f"train{i}.json").read_text()) for i in range(4)]
    assert set(used) == set(UUIDS)
