from __future__ import annotations

import os
from pathlib import Path

import pytest

from downlaw.plan import PlanError, machine_of
from downlaw.plan.profile import UNLIMITED

ROOT = Path(__file__).resolve().parents[3]


def test_the_profiles_of_the_house(monkeypatch):
    monkeypatch.chdir(ROOT)
    local, slurm = machine_of(Path("local")), machine_of(Path("slurm"))
    assert (local.cores, local.gpus, local.jobs) == (os.cpu_count(), 1, None)
    assert (slurm.cores, slurm.gpus, slurm.jobs) == (16, None, 100)
    assert slurm.groups["finetune"] == slurm.groups["evaluate"] == "runs"
    assert machine_of(Path("profiles/slurm")) == machine_of(Path("profiles/slurm/config.yaml")) == slurm


def test_options_go_before_the_profile(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert machine_of(Path("slurm"), cores=8, gpus=4, jobs=7).jobs == 7
    assert machine_of(Path("local"), cores=3, gpus=2).cores == 3


def test_as_many_jobs_as_there_are(tmp_path):
    (tmp_path / "config.yaml").write_text("executor: slurm\njobs: unlimited\n")
    assert machine_of(tmp_path).jobs == UNLIMITED
    (tmp_path / "config.yaml").write_text("executor: slurm\n")
    assert machine_of(tmp_path).jobs == 100


@pytest.mark.parametrize("given", ["0", "-3", "many", "1.5", "[]"])
def test_jobs_that_are_no_number_are_refused(tmp_path, given):
    (tmp_path / "config.yaml").write_text(f"executor: slurm\njobs: {given}\n")
    with pytest.raises(PlanError, match=r"jobs: .* is neither a number above 0 nor unlimited"):
        machine_of(tmp_path)


def test_jobs_alone_are_a_cluster():
    assert machine_of(jobs=5).is_cluster
    assert not machine_of(cores=2).is_cluster


@pytest.mark.parametrize("text", ["- a list", "a: [", "just words"])
def test_a_profile_that_is_none_is_named(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(PlanError, match=r"config\.yaml: "):
        machine_of(tmp_path)


def test_a_missing_profile_is_named(tmp_path):
    with pytest.raises(PlanError, match=r"--profile: no profile is at .*nowhere"):
        machine_of(tmp_path / "nowhere")
