"""Three ways to translate with a toy model, and how they are compared."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks import decoding, translating
from benchmarks.decoding import COLUMNS, app, row
from benchmarks.translating import ALONE, METHODS, Agreement, BenchmarkError, Materials, Timing, agreement
from benchmarks.workers import translate
from downlaw.engine.training import Output, finetune_run
from downlaw.study.matrix import BASELINE_START, runs


@pytest.fixture(scope="module")
def finished(once, toy, toy_config, toy_study) -> Path:
    """A study that has run: its file, and what the benchmark reads of its results."""

    def make(folder: Path) -> None:
        study, results = toy_study(), folder / "results"
        run = runs(study, "en-de", BASELINE_START)[0]
        root = results / "finetune/en-de/none/seed0/0"
        finetune_run(study, run, toy.subset(100), None, root, Output(None, "test"))
        tasks, tokenizer = results / "subsets/tasks/en-de", results / "subsets/tokenizer"
        for made in (tasks, tokenizer):
            made.mkdir(parents=True)
        (tasks / "all").symlink_to(toy.prepared)
        (tasks / "100").symlink_to(toy.subset(100))
        (tokenizer / "sentencepiece.model").symlink_to(toy.model)
        (folder / "study.yaml").write_text(yaml.safe_dump(toy_config()))

    return once("finished", make)


@pytest.fixture
def in_this_process(monkeypatch) -> list[str]:
    """Workers that import nothing anew; the methods that were run."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "error")
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    done = []

    def run_worker(method, job, folder):
        done.append(method.name)
        return 2.0, 1.0, translate.run(method.worker, {**job, "batch": method.batch})

    monkeypatch.setattr(translating, "run_worker", run_worker)
    return done


def test_all_methods_give_the_same_hypotheses_with_the_same_weights(finished, in_this_process, tmp_path):
    table = tmp_path / "speed.csv"
    arguments = ["--configfile", finished / "study.yaml", "--results", finished / "results"]
    arguments += ["--rounds", 1, "--beam", 2, "--alone", "--csv", table]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    assert in_this_process == [method.name for method in (*METHODS, *ALONE)]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [each["method"] for each in rows] == in_this_process
    for each in rows:
        assert each["segments"] == "30"
        assert (each["missing"], each["different"]) == ("0", "0")
        assert int(each["same"]) + int(each["cut"]) == 30
        if "downlaw" in each["method"] or "source by source" in each["method"]:
            assert each["same"] == "30"
    assert "beam 2: seconds a model" in done.output


def test_a_study_that_has_not_run_is_named(finished, tmp_path):
    done = CliRunner().invoke(
        app, ["--configfile", str(finished / "study.yaml"), "--results", str(tmp_path / "none")]
    )
    assert done.exit_code == 1
    assert "holds no finetuned models of en-de: run the study first" in " ".join(done.output.split())


def test_models_are_chosen_evenly(finished, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    (results / "subsets").symlink_to(finished / "results/subsets")
    for number in range(7):
        folder = results / f"finetune/en-de/none/seed0/{number}"
        folder.mkdir(parents=True)
        (folder / "model.pt").touch()
    for count, expected in ((1, [0]), (3, [0, 2, 4]), (9, list(range(7)))):
        place = tmp_path / str(count)
        place.mkdir()
        chosen = Materials(finished / "study.yaml", results, count, place).models
        assert [int(path.parent.name) for path in chosen] == expected


def test_a_worker_that_fails_is_an_error_with_its_last_words(tmp_path):
    with pytest.raises(BenchmarkError, match=r"^nothing failed: KeyError: 'none'$"):
        translating.run_worker(translating.Method("nothing", "none"), {}, tmp_path)


def test_hypotheses_agree_are_cut_miss_or_differ():
    ours = [{0: [5, 6], 1: [7, 7], 2: [8], 3: [9], 4: [7, 7]}, {0: [5], 1: []}]
    theirs = [{0: [5, 6], 1: [7, 7, 7], 2: [8, 8], 4: [7, 8, 7]}, {0: [5], 1: [4]}]
    found = agreement(ours, theirs, [2, 2, 2, 2, 2])
    assert found == Agreement(segments=7, same=2, cut=1, missing=1)
    assert found.different == 3


def test_what_fairseq_generate_prints_is_read_as_ids(tmp_path):
    (tmp_path / "dict.txt").write_text("▁a 1\nb 1\n<mask> 1\n", encoding="utf-8")
    output = "S-1\t▁a\nT-1\tb\nH-1\t-0.5\t▁a b <unk>\nD-1\t-0.5\tb\nP-1\t-0.1\nH-0\t-1\t\nGenerate test\n"
    assert translate.read_fairseq(output, tmp_path / "dict.txt") == {1: [4, 5, 3], 0: []}


def test_a_ratio_is_that_of_rounds_run_beside_each_other():
    """A machine that becomes slower changes seconds, and no ratio."""
    fairseq, ours = Timing(), Timing()
    for slower in (1.0, 3.0, 2.0):
        for timing, seconds in ((fairseq, 8.0), (ours, 2.0)):
            for part in (timing.whole, timing.inside):
                for kind in ("wall", "cpu"):
                    part[kind].append(seconds * slower)
    found = row(1, METHODS[2], ours, fairseq, Agreement(40, 40, 0, 0), 1.0, 2)
    assert found["ratio_inside_wall"] == found["ratio_whole_cpu"] == 4.0
    assert found["inside_wall"] == 4.0
    assert (found["segments"], found["hypotheses_a_second"], found["rounds"]) == (20, 5.0, 3)
    assert set(found) == set(decoding.COLUMNS)
