"""The table of runs, and files that are not what they should be."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from downlaw.testbed import TestbedError
from downlaw.testbed.table import DESIGN, EVALUATION_SETS, TASKS_17, read_runs

MODEL = "models/c4_original-d=96_l=8_h=4-1.0.json"
EVALS = "evals/evaluation_c4_original-d=96_l=8_h=4-1.0_heavy.json"


@pytest.fixture
def read(synthetic):
    return lambda files: read_runs(synthetic.as_bytes(files))


def test_a_run_has_its_design_losses_and_errors(files, read):
    row = read(files).iloc[0]
    assert list(read(files).columns[: len(DESIGN)]) == DESIGN
    assert row["training_set"] == "c4_original"
    assert row["model"] == "0.011B"
    assert row["multiplier"] == 20
    assert row["flops"] == 6.0 * row["params"] * row["tokens"]
    assert row["loss_c4_val_low"] < row["loss_c4_val"] < row["loss_c4_val_high"]
    assert sum(f"loss_{name}" in row for name in EVALUATION_SETS.values()) == 8
    accuracies = row[[name for name in row.index if name.startswith("accuracy_")]]
    assert len(accuracies) == 46
    assert row["error_46"] == pytest.approx(1 - accuracies.mean())
    assert row["error_17"] == pytest.approx(1 - accuracies[[f"accuracy_{task}" for task in TASKS_17]].mean())


def test_a_suffix_counts_twenty_tokens_a_parameter(synthetic, read):
    files = synthetic.run_files(1, "open_lm_1b", 320.0, np.random.default_rng(0), 0.0)
    assert "models/rpj-open_lm_1b-16.0.json" in files
    assert read(files)["multiplier"].tolist() == [320]


def test_compute_is_no_integer_that_can_overflow(synthetic, read):
    files = synthetic.run_files(0, "open_lm_7b", 640.0, np.random.default_rng(0), 0.0)
    assert read(files)["flops"].tolist() == [pytest.approx(6 * 6_889_410_560**2 * 640)]


def test_the_synthetic_testbed_is_read_whole_and_in_order(synthetic, read):
    table = read(synthetic.testbed_files())
    assert len(table) == 105
    assert table[["training_set", "params", "tokens"]].apply(tuple, axis=1).is_monotonic_increasing


def damage(files, path, *keys, value):
    """`files` with the value at these keys replaced, or without it where the value is None."""
    damaged = copy.deepcopy(files)
    place = damaged[path]
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return damaged


@pytest.mark.parametrize(
    ("path", "keys", "value", "message"),
    [
        (MODEL, ("name",), None, "name is missing or not a text"),
        (MODEL, ("name",), "other", "not that of the file"),
        (MODEL, ("dataset_name",), "pile", "dataset_name 'pile' is none of c4_original"),
        (MODEL, ("hyperparameters",), [], "hyperparameters is missing or not an object"),
        (MODEL, ("hyperparameters", "tokens"), None, "tokens is None, not a positive number"),
        (MODEL, ("hyperparameters", "params"), "10", "params is '10', not a positive number"),
        (MODEL, ("hyperparameters", "params_no_embed"), 0, "params_no_embed is 0, not a positive"),
        (MODEL, ("hyperparameters", "tokens"), 10, "unknown suffix '1.0'; its tokens and params"),
        (MODEL, ("results",), {}, "results is missing or not a list"),
        (MODEL, ("results", 1), None, "no result on c4_val"),
        (MODEL, ("results", 1), 3, r"results\[1\]: val_data is missing"),
        (MODEL, ("results", 1, "val_data"), ["a/pile/b"], "is no evaluation set that is known"),
        (MODEL, ("results", 1, "val_data"), ["a/openlm/b"], "two results on openlm"),
        (MODEL, ("results", 1, "loss"), float("nan"), r"results\[1\]: loss is nan, not a positive"),
        (MODEL, ("results", 1, "loss"), True, "loss is True, not a positive number"),
        (MODEL, ("results", 1, "loss"), 99.0, "the loss 99 is outside its interval"),
        (EVALS, ("eval_metrics",), None, "eval_metrics is missing or not an object"),
        (EVALS, ("eval_metrics", "icl"), 1, "icl is missing or not an object"),
        (EVALS, ("eval_metrics", "icl", "copa"), 1.5, "copa is 1.5, not an accuracy"),
        (EVALS, ("eval_metrics", "icl", "copa"), "high", "copa is 'high', not an accuracy"),
        (EVALS, ("eval_metrics", "icl", "copa"), None, "has 45 tasks, without copa; 46 are needed"),
        (EVALS, ("eval_metrics", "icl", "task_0"), None, "has 45 tasks; 46 are needed"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(files, read, path, keys, value, message):
    with pytest.raises(TestbedError, match=message) as caught:
        read(damage(files, path, *keys, value=value))
    assert str(caught.value).startswith(path)


def renamed(files, name):
    content = copy.deepcopy(files[MODEL]) | {"name": name}
    return {f"models/{name}.json": content, f"evals/evaluation_{name}_heavy.json": files[EVALS]}


@pytest.mark.parametrize("suffix", ["heavy", "2.0", "16.0", "nan", ""])
def test_a_suffix_that_does_not_fit(files, read, suffix):
    with pytest.raises(TestbedError, match="unknown suffix"):
        read(renamed(files, f"c4_original-d=96_l=8_h=4-{suffix}"))


def test_an_unknown_model(files, read):
    with pytest.raises(TestbedError, match="its model 'd=97' is none of"):
        read(renamed(files, "c4_original-d=97-1.0"))


def test_a_run_that_is_there_twice(files, read):
    with pytest.raises(TestbedError, match="another run has its training set, model and multiplier"):
        read(files | renamed(files, "c4_original-d=96_l=8_h=4-1.00"))


def test_a_run_without_evaluation(files, read):
    del files[EVALS]
    with pytest.raises(TestbedError, match=rf"{EVALS} is missing, the evaluation of {MODEL}"):
        read(files)


def test_an_evaluation_without_run(files, read):
    files["evals/evaluation_other_heavy.json"] = files[EVALS]
    with pytest.raises(TestbedError, match=r"evaluation_other_heavy\.json belongs to no run"):
        read(files)


def test_runs_with_different_tasks(synthetic, files, read):
    more = synthetic.run_files(1, "d=96_l=8_h=4", 20.0, np.random.default_rng(0), 0.0)
    tasks = more["evals/evaluation_rpj-d=96_l=8_h=4-1.0_heavy.json"]["eval_metrics"]["icl"]
    tasks["another"] = tasks.pop("task_0")
    with pytest.raises(TestbedError, match="do not all have the same 46 tasks"):
        read(files | more)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_no_json(synthetic, files, content):
    members = synthetic.as_bytes(files) | {MODEL: content}
    with pytest.raises(TestbedError, match=f"{MODEL} is no JSON"):
        read_runs(members)


def test_json_of_another_kind(synthetic, files):
    members = synthetic.as_bytes(files) | {MODEL: json.dumps([1]).encode()}
    with pytest.raises(TestbedError, match=f"{MODEL}: name is missing"):
        read_runs(members)
