"""One learning rate is selected by validation cross-entropy, for all seeds."""

from __future__ import annotations

import pytest

from downlaw.engine.once import DIVERGED, OK
from downlaw.validation import select


def record(rate: float, seed: int, loss: float | None, pairs: int = 100) -> dict:
    return {
        "finetune_pairs": pairs,
        "learning_rate": rate,
        "finetuning_seed": seed,
        "valid_cross_entropy": loss,
        "status": OK if loss is not None else DIVERGED,
    }


def chosen(records) -> set[tuple]:
    return {
        (one["finetune_pairs"], one["learning_rate"], one["finetuning_seed"])
        for one in select(records)
        if one["selected"]
    }


def on_edge(records) -> list[bool]:
    return [one["rate_on_grid_edge"] for one in select(records)]


def test_one_rate_is_selected_for_all_seeds_by_their_mean():
    """Rate 0.1 is best for seed 1, 0.3 for seed 2, and 0.2 on average."""
    losses = {(0.1, 1): 1.0, (0.1, 2): 5.0, (0.2, 1): 2.0, (0.2, 2): 2.5, (0.3, 1): 4.0, (0.3, 2): 1.5}
    assert chosen(record(*key, loss) for key, loss in losses.items()) == {(100, 0.2, 1), (100, 0.2, 2)}


def test_a_rate_with_a_diverged_seed_is_out():
    records = [record(0.1, 1, 3.0), record(0.1, 2, 3.0), record(0.2, 1, 1.0), record(0.2, 2, None)]
    assert chosen(records) == {(100, 0.1, 1), (100, 0.1, 2)}


def test_nothing_is_selected_where_every_rate_diverged():
    records = [record(0.1, 1, None), record(0.1, 2, 1.0), record(0.2, 1, 1.0), record(0.2, 2, None)]
    assert chosen(records) == set()
    assert on_edge(records) == [False] * 4


def test_each_size_has_a_rate_of_its_own():
    records = [record(0.1, 1, 1.0), record(0.2, 1, 2.0), record(0.1, 1, 2.0, 300), record(0.2, 1, 1.0, 300)]
    assert chosen(records) == {(100, 0.1, 1), (300, 0.2, 1)}


@pytest.mark.parametrize(
    ("losses", "edge"),
    [
        ({0.1: 1.0, 0.2: 2.0, 0.3: 3.0}, 0.1),
        ({0.1: 3.0, 0.2: 2.0, 0.3: 1.0}, 0.3),
        ({0.1: 3.0, 0.2: 1.0, 0.3: 2.0}, None),
        ({0.1: 1.0}, None),  # no grid, no edge
        ({0.1: 2.0, 0.2: 1.0, 0.3: None}, None),  # larger rates were tried, and diverged
    ],
)
def test_a_best_rate_on_the_edge_of_the_grid_is_flagged(losses, edge):
    records = [record(rate, seed, loss) for rate, loss in losses.items() for seed in (1, 2)]
    flagged = {one["learning_rate"] for one in select(records) if one["rate_on_grid_edge"]}
    assert flagged == ({edge} if edge else set())


def test_equal_rates_are_settled_by_the_smaller():
    assert chosen([record(0.2, 1, 1.0), record(0.1, 1, 1.0)]) == {(100, 0.1, 1)}


def test_selection_changes_no_record_it_is_given():
    given = [record(0.1, 1, 1.0)]
    found = select(given)
    assert "selected" not in given[0]
    assert found == [{**given[0], "selected": True, "rate_on_grid_edge": False}]
