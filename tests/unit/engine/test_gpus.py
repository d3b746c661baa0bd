from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from downlaw.engine import devices, gpus
from downlaw.engine.devices import GpuError
from downlaw.engine.gpus import held, hold_gpus

UUIDS = [f"GPU-{digit * 8}-0000-0000-0000-000000000000" for digit in "abcd"]
HOST = os.uname().nodename


@pytest.fixture(autouse=True)
def _no_scheduler(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SLURM_") or name == "CUDA_VISIBLE_DEVICES":
            monkeypatch.delenv(name)
    devices._ask_nvidia_smi.cache_clear()
    devices.check_torch.cache_clear()
    yield
    devices._ask_nvidia_smi.cache_clear()
    devices.check_torch.cache_clear()


def fake_nvidia_smi(folder: Path, monkeypatch, output: str, code: int = 0) -> None:
    """An nvidia-smi that prints `output`, before all others on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / "said").write_text(output)
    script = folder / "nvidia-smi"
    script.write_text(f"#!/bin/sh\ncat {folder / 'said'}\nexit {code}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """`machine(n)` makes this a machine of n GPUs; gives their UUIDs."""

    def make(count: int) -> list[str]:
        names = UUIDS[:count]
        fake_nvidia_smi(
            tmp_path / "bin", monkeypatch, "".join(f"{uuid}, {i}\n" for i, uuid in enumerate(names))
        )
        return names

    return make


# --- Which GPUs


def test_a_job_sees_the_gpu_that_it_holds_and_no_other(machine, tmp_path):
    names = machine(2)
    with hold_gpus(1, tmp_path / "locks") as first:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == first[0] == names[0]
        child = [sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"]
        assert subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip() == names[0]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_several_gpus_are_held_together(machine, tmp_path):
    names = machine(4)
    with hold_gpus(3, tmp_path / "locks") as taken:
        assert taken == names[:3]
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(names[:3])


def test_the_environment_is_restored_where_the_block_fails(machine, tmp_path, monkeypatch):
    names = machine(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    with pytest.raises(ValueError), hold_gpus(1, tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == names[1]
        raise ValueError
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1,0"
    with hold_gpus(2, tmp_path):
        pass  # all are free again


@pytest.mark.parametrize(
    ("restricted", "usable"),
    [
        ("1", [1]),
        ("2, 0", [2, 0]),
        ("1,1", [1]),
        ("GPU-cc", [2]),
        (UUIDS[3], [3]),
        ("3,-1,0", [3]),  # CUDA reads no further
    ],
)
def test_who_restricts_the_gpus_is_obeyed(machine, monkeypatch, restricted, usable):
    names = machine(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", restricted)
    assert devices.usable() == [names[i] for i in usable]


def test_an_instance_of_mig_goes_by_its_name(machine, monkeypatch, tmp_path):
    machine(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-GPU-1/0/0,MIG-2")
    with hold_gpus(1, tmp_path) as first:
        assert first == ["MIG-GPU-1/0/0"]
        os.environ["CUDA_VISIBLE_DEVICES"] = "MIG-GPU-1/0/0,MIG-2"  # as another process has it
        with hold_gpus(1, tmp_path) as second:
            assert second == ["MIG-2"]


def test_numbers_and_uuids_are_the_same_gpu(machine, monkeypatch, tmp_path):
    names = machine(2)
    with hold_gpus(1, tmp_path) as first:
        os.environ["CUDA_VISIBLE_DEVICES"] = "0,1"  # as another workflow has it
        with hold_gpus(1, tmp_path) as second:
            assert (first, second) == ([names[0]], [names[1]])


def test_without_nvidia_smi_numbers_are_names(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert devices.usable() == ["3", "1"]


def test_without_nvidia_smi_torch_is_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("from torch import cuda")
    (tmp_path / "torch/cuda.py").write_text("def device_count(): return 2")
    assert devices.usable() == ["0", "1"]


def test_a_gpu_that_is_lost_is_not_used(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path / "bin", monkeypatch, f"[GPU is lost], 0\n{UUIDS[1]}, 1\n")
    assert devices.usable() == [UUIDS[1]]


# --- Too few


@pytest.fixture
def no_torch_gpus(monkeypatch):
    monkeypatch.setattr(devices, "_ask_torch", lambda: 0)


def test_a_machine_without_gpus_says_so(monkeypatch, tmp_path, no_torch_gpus):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GpuError) as error, hold_gpus(1, tmp_path):
        pass
    assert str(error.value) == (
        f"compute.device is cuda, but {HOST} has no usable GPU (nvidia-smi is not installed); start the job "
        "on a machine with one, see to its driver, or set compute.device: cpu"
    )


@pytest.mark.parametrize(
    ("output", "code", "why"),
    [
        ("It failed: no driver.\nMore.\n", 9, r"\(nvidia-smi says: It failed: no driver\.\)"),
        ("", 3, r"\(nvidia-smi says: code 3\)"),
        ("No devices were found\n", 0, r"\(nvidia-smi lists none\)"),
    ],
)
def test_what_nvidia_smi_says_is_passed_on(tmp_path, monkeypatch, no_torch_gpus, output, code, why):
    fake_nvidia_smi(tmp_path / "bin", monkeypatch, output, code)
    with pytest.raises(GpuError, match=why), hold_gpus(1, tmp_path):
        pass


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpus_are_none(machine, monkeypatch, tmp_path, hidden):
    machine(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    with pytest.raises(GpuError, match=f'no usable GPU \\(CUDA_VISIBLE_DEVICES="{hidden}"\\)'):
        devices.usable()


@pytest.mark.parametrize("name", ["7", "GPU-ee", "GPU-", "all"])
def test_a_gpu_that_is_not_there_is_named(machine, monkeypatch, name):
    names = machine(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", name)
    with pytest.raises(GpuError) as error:
        devices.usable()
    assert str(error.value) == (
        f"CUDA_VISIBLE_DEVICES names {name}, but {HOST} has 0 ({names[0]}), 1 ({names[1]})"
    )


def test_more_than_the_machine_has_is_refused(machine, monkeypatch, tmp_path):
    machine(4)
    with pytest.raises(GpuError, match=rf"a job needs 5 GPUs, but {HOST} has 4; lower resources\.<stage>"):
        hold_gpus(5, tmp_path).__enter__()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(GpuError, match=rf"needs 3 GPUs, but {HOST} has 2 \(CUDA_VISIBLE_DEVICES=0,1\)"):
        hold_gpus(3, tmp_path).__enter__()


# --- Slurm


@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"])
def test_what_slurm_gave_is_used_as_it_is(machine, monkeypatch, tmp_path, variable):
    machine(4)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv(variable, "2,3")
    before = dict(os.environ)
    with hold_gpus(2, tmp_path) as names, hold_gpus(2, tmp_path):
        assert names == ["2", "3"]
        assert dict(os.environ) == before
    assert not list(tmp_path.rglob("*.lock"))


def test_a_job_of_slurm_that_was_given_too_few_is_refused(machine, monkeypatch, tmp_path):
    machine(4)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    with pytest.raises(GpuError, match=rf"needs 1 GPU, but job 12 of Slurm was given none on {HOST}"):
        hold_gpus(1, tmp_path).__enter__()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(GpuError, match=rf"needs 2 GPUs, but job 12 of Slurm was given 1 on {HOST}"):
        hold_gpus(2, tmp_path).__enter__()


def test_jobs_that_share_an_allocation_share_its_gpus(machine, monkeypatch, tmp_path):
    machine(4)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with hold_gpus(1, tmp_path) as first:
        os.environ["CUDA_VISIBLE_DEVICES"] = "0,1"  # as another job of the group has it
        with hold_gpus(1, tmp_path) as second:
            assert (first, second) == (["0"], ["1"])
            os.environ |= {"SLURM_JOB_ID": "13", "CUDA_VISIBLE_DEVICES": "0,1"}  # numbers are others' there
            with hold_gpus(1, tmp_path) as third:
                assert third == ["0"]
            os.environ["SLURM_JOB_ID"] = "12"


# --- Several jobs

JOB = textwrap.dedent(
    """
    import json, os, sys, time
    from pathlib import Path
    from downlaw.engine.gpus import hold_gpus

    count, folder, seconds = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    with hold_gpus(count, folder / "locks") as names:
        for name in names:  # fails where another job works on this GPU
            (folder / name).mkdir()
        print(*names, flush=True)
        time.sleep(seconds)
        for name in names:
            (folder / name).rmdir()
    """
)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(gpus.__file__).parents[2])}


def start(count: int, folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(count), str(folder), str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip


def test_two_jobs_never_work_on_one_gpu(machine, tmp_path):
    names = machine(3)
    jobs = [start(count, tmp_path, 0.2) for count in (1, 2, 1, 3, 1, 2, 1, 1)]
    used = set()
    for job in jobs:
        said, problems = job.communicate(timeout=120)
        assert job.returncode == 0, problems
        used |= set(said.split())
    assert used == set(names)


def test_the_gpu_of_a_killed_job_is_free(machine, tmp_path):
    (name,) = machine(1)
    job = start(1, tmp_path, 600)
    assert job.stdout.readline().strip() == name
    other = start(1, tmp_path, 0)
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(1.5)
    (tmp_path / name).rmdir()
    job.send_signal(signal.SIGKILL)
    said, problems = other.communicate(timeout=60)
    assert (said.strip(), other.returncode) == (name, 0), problems
    job.communicate()


def test_a_job_that_waits_says_for_whom(machine, tmp_path, monkeypatch):
    names = machine(2)
    said = []
    job = start(1, tmp_path, 600)
    assert job.stdout.readline().strip() == names[0]
    monkeypatch.setattr(gpus, "say", lambda line: said.append(line) or job.kill())
    monkeypatch.setattr(gpus, "_SAY_AFTER_SECONDS", 0.0)
    with hold_gpus(2, tmp_path / "locks") as taken:
        assert taken == names
    assert said == [
        f"waiting for 2 of 2 GPUs of {HOST}: {names[0]} is held by process {job.pid} in {os.getcwd()}"
    ]
    job.communicate()


LEAVES_A_CHILD = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    from downlaw.engine.gpus import hold_gpus

    with hold_gpus(1, Path(sys.argv[1])):
        child = os.fork()
        if child == 0:
            time.sleep(600)
        print(child, flush=True)
        os.kill(os.getpid(), 9)
    """
)


def test_a_child_holds_the_gpu_as_long_as_it_lives(machine, tmp_path):
    (name,) = machine(1)
    command = [sys.executable, "-c", LEAVES_A_CHILD, str(tmp_path)]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    child = int(job.stdout.readline())
    job.wait()
    try:
        assert gpus._take_free(1, [name], tmp_path)[0] == {}
    finally:
        os.kill(child, signal.SIGKILL)
    with hold_gpus(1, tmp_path) as names:
        assert names == [name]
    job.stdout.close()


def test_what_a_holder_wrote_may_be_anything():
    assert gpus._holder("") == gpus._holder("{") == gpus._holder("[]") == "another process"
    assert gpus._holder(json.dumps({"pid": 3, "folder": "/here"})) == "process 3 in /here"


# --- What the study asks for


def test_a_study_on_the_cpu_holds_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with held("cpu", 4) as names:
        assert names == []


@pytest.fixture
def cuda(machine, monkeypatch, tmp_path):
    import torch

    names = machine(2)
    monkeypatch.setattr(gpus, "own_folder", lambda _: tmp_path)
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: os.environ["CUDA_VISIBLE_DEVICES"].count("GPU-"))
    return names


def test_torch_is_asked_whether_it_can_use_what_is_held(cuda):
    with held("cuda", 2) as names:
        assert names == cuda


def test_a_torch_without_cuda_is_refused_not_trained_on_the_cpu(cuda, monkeypatch):
    monkeypatch.setattr("torch.version.cuda", None)
    with pytest.raises(GpuError, match=r"torch .* is built without CUDA; make the environment"), held("cuda"):
        pass


def test_a_gpu_that_torch_cannot_use_is_refused(cuda, monkeypatch):
    def fail():
        raise RuntimeError("The NVIDIA driver is too old\nand more")

    monkeypatch.setattr("torch.cuda.init", fail)
    with pytest.raises(GpuError, match=r"sees none of them: The NVIDIA driver is too old; the"):
        held("cuda").__enter__()
    monkeypatch.setattr("torch.cuda.init", lambda: None)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(GpuError, match="but torch sees 1 of them"):
        held("cuda", 2).__enter__()
    monkeypatch.setattr("torch.cuda.init", lambda: os._exit(1))
    with pytest.raises(GpuError, match="none of them: it dies when CUDA is initialized"):
        held("cuda").__enter__()
