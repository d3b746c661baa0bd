"""Language models of a grid: trunks, their branches, and runs of their own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from lm_toy import configured
from toy_mixtures import make_mixture

from downlaw.engine import checkpoints
from downlaw.engine.once import Output, read_history
from downlaw.engine.overtraining import train_cell
from downlaw.study import load_study
from downlaw.study.grid import cell, cells

SMALL = {"small": {"width": 8, "layers": 1, "heads": 2}}
TWO = {"overtrain__models": SMALL, "overtrain__multipliers": [1, 2]}


@pytest.fixture(scope="session")
def data(once, toy) -> Path:
    """The mixture fr of the toy study, cut for language models."""

    def make(folder: Path) -> None:
        study = load_study(configured(**TWO))
        make_mixture("fr", study, toy.text, toy.model, toy.dictionary, folder)

    return once("lm-mixture", make)


def train_grid(study, data: Path, root: Path) -> list[dict]:
    """Train every run on fr, each after the one before on its trunk."""
    records: dict[float, dict] = {}
    for each in cells(study):
        if each.mixture == "fr":
            place = root / f"{each.multiplier:g}"
            records[each.multiplier] = train_cell(
                study, each, data, records.get(each.previous), place, Output(None, "test")
            )
    return list(records.values())


@pytest.fixture(scope="session")
def two(once, data) -> tuple[list[dict], Path]:
    """Two multipliers on one trunk."""

    def make(folder: Path) -> None:
        records = train_grid(load_study(configured(**TWO)), data, folder)
        (folder / "records.json").write_text(json.dumps(records))

    folder = once("lm-grid", make)
    return json.loads((folder / "records.json").read_text()), folder


def stretches(folder: Path) -> list[tuple[int, int]]:
    """What was trained in a run's folder, in order."""
    found = [entry for each in folder.iterdir() if each.is_dir() for entry in read_history(each)]
    return sorted((entry["from_update"], entry["to_update"]) for entry in found)


def rates(folder: Path) -> list[float]:
    """The learning rates that fairseq printed."""
    found = []
    for line in (folder / "train.log").read_text().splitlines():
        if "| train_inner | {" in line:
            found.append(float(json.loads(line.split(" | ", 3)[3])["lr"]))
    return found


def test_the_trunk_is_trained_once_and_each_run_branches_off_it(two):
    _, root = two
    one, other = (cell(load_study(configured(**TWO)), "fr", "small", 1, m) for m in (1.0, 2.0))
    assert stretches(root / "1") == [(0, one.trunk_updates), (one.trunk_updates, one.updates)]
    assert stretches(root / "2") == [
        (one.trunk_updates, other.trunk_updates),
        (other.trunk_updates, other.updates),
    ]


def test_a_trunk_keeps_its_rate_and_a_branch_decays_to_nothing(two):
    records, _ = two
    for record in records:
        trunk = rates(Path(record["trunk"]["checkpoint"]).parent)
        assert trunk[-1] == 0.01
        assert rates(Path(record["checkpoint"]).parent)[-1] < 0.01


def test_tokens_are_exact_and_flops_are_both_counts(two):
    records, _ = two
    study = load_study(configured(**TWO))
    for record, multiplier in zip(records, (1, 2), strict=True):
        n = study.parameters("small").total
        assert record["params"] == n
        assert record["tokens"] == multiplier * n // 64 * 64
        assert record["target_tokens_a_update"] == 64
        assert record["flops"] == 6 * n * record["tokens"]
        # matrices: 4 d^2 + 2 d f and the output, 6 a token; attention 12 d a pair of positions
        matrices = 4 * 8 * 8 + 2 * 8 * 32 + 200 * 8
        assert record["flops_exact"] == record["tokens"] * (6 * matrices + 12 * 8 * 16)
        state = checkpoints.load(Path(record["checkpoint"]))
        weights = {
            name: w for name, w in state["model"].items() if name != "decoder.output_projection.weight"
        }
        assert (
            sum(w.numel() for name, w in weights.items() if not name.endswith(("version", "_float_tensor")))
            == n
        )


def test_a_branch_reads_on_where_its_trunk_stood(two):
    records, _ = two
    for record in records:
        state = checkpoints.load(Path(record["checkpoint"]))
        assert state["extra_state"]["train_iterator"]["iterations_in_epoch"] == record["updates"]


def test_where_a_trunk_was_cut_changes_no_weight(two, data, tmp_path):
    records, _ = two
    study = load_study(configured(overtrain__models=SMALL, overtrain__multipliers=[2]))
    (alone,) = train_grid(study, data, tmp_path)
    assert alone["identity"] == records[1]["identity"]
    one, other = (checkpoints.load(Path(each["checkpoint"]))["model"] for each in (alone, records[1]))
    assert all((one[name] == weights).all() for name, weights in other.items())


def test_what_was_trained_is_not_trained_again(two, data, tmp_path):
    records, root = two
    again = train_grid(load_study(configured(**TWO)), data, root)
    assert [each["sha256"] for each in again] == [each["sha256"] for each in records]
    assert len(stretches(root / "1")) == len(stretches(root / "2")) == 2


def test_only_the_end_of_a_trunk_keeps_its_optimizer_and_another_decay_trains_it_again(
    two, data, tmp_path, capsys
):
    records, _ = two
    assert not Path(records[0]["trunk"]["checkpoint"]).exists()
    assert Path(records[1]["trunk"]["checkpoint"]).exists()
    study = load_study(configured(**TWO))
    train_grid(study, data, tmp_path)
    changed = load_study(configured(**TWO, overtrain__final_learning_rate=0.1))
    before = stretches(tmp_path / "1")
    (ends, *_) = train_grid(changed, data, tmp_path)
    assert "was not kept, so the trunk is trained again up to there" in capsys.readouterr().err
    assert ends["status"] == "ok"
    first = cell(study, "fr", "small", 1, 1.0)
    assert stretches(tmp_path / "1") == sorted(
        [*before, (0, first.trunk_updates), (first.trunk_updates, first.updates)]
    )


def test_a_trunk_that_diverged_is_passed_on_without_training(data, tmp_path):
    study = load_study(configured(**TWO, overtrain__learning_rate=1e30))
    one, other = train_grid(study, data, tmp_path)
    assert one["status"] == other["status"] == "diverged"
    assert one["reason"] == other["reason"] and "finite" in one["reason"]
    assert not (tmp_path / "2").exists()


def test_cosine_is_a_run_of_its_own_that_ends_at_the_least_rate(data, tmp_path):
    study = load_study(configured(**TWO, overtrain__schedule="cosine", overtrain__final_learning_rate=0.1))
    records = train_grid(study, data, tmp_path)
    for record, multiplier in zip(records, (1, 2), strict=True):
        assert "trunk" not in record
        assert stretches(tmp_path / f"{multiplier}") == [(0, record["updates"])]
        (folder,) = (tmp_path / f"{multiplier}").iterdir()
        found = rates(folder)
        assert max(found) <= 0.01 and found[-1] == pytest.approx(0.001, rel=0.3)


def test_untied_embeddings_are_counted(data, tmp_path):
    study = load_study(configured(**TWO, overtrain__share_embeddings=False, overtrain__schedule="cosine"))
    record, *_ = train_grid(study, data, tmp_path)
    state = checkpoints.load(Path(record["checkpoint"]))["model"]
    counted = [w.numel() for name, w in state.items() if not name.endswith(("version", "_float_tensor"))]
    assert sum(counted) == record["params"] == study.parameters("small").total


def test_keeping_all_ends_and_computing_activations_twice_change_nothing(two, data, tmp_path):
    records, _ = two
    changes = {"overtrain__checkpoint_activations": True, "overtrain__keep_optimizer": "all"}
    again = train_grid(load_study(configured(**TWO, **changes)), data, tmp_path)
    assert all(Path(each["trunk"]["checkpoint"]).exists() for each in again)
    for one, other in zip(again, records, strict=True):
        assert one["identity"] == other["identity"]
        assert math.isclose(one["training_loss"], other["training_loss"], rel_tol=1e-4)


def test_two_processes_train_as_one_that_accumulates_gradients(data, tmp_path):
    """By torchrun on a CPU, with gradients of two batches an update either way."""
    ends = []
    for processes in (1, 2):
        study = load_study(
            configured(
                overtrain__models=SMALL,
                overtrain__multipliers=[1],
                overtrain__batches_per_update=2,
                resources={"overtrain": {"processes": processes}},
            )
        )
        (record,) = train_grid(study, data, tmp_path / f"{processes}")
        assert record["status"] == "ok"
        ends.append(record)
    one, other = (checkpoints.load(Path(record["checkpoint"]))["model"] for record in ends)
    assert ends[0]["identity"] == ends[1]["identity"]
    assert all(weights.allclose(one[name], atol=1e-4) for name, weights in other.items())
