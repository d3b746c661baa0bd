"""Both estimators on synthetic runs whose laws are known."""

from __future__ import annotations

import numpy as np
import pytest

from downlaw.testbed import ESTIMATORS, TestbedError, pooled
from downlaw.testbed.budget import (
    ERROR_FLOPS,
    ERROR_RUNS,
    LOSS_FLOPS,
    LOSS_RUNS,
    budget_rows,
    designs,
    groups,
)
from downlaw.testbed.estimators import LOSS, METRICS
from downlaw.testbed.table import read_runs


@pytest.fixture(scope="session")
def table(synthetic):
    return lambda **options: read_runs(synthetic.as_bytes(synthetic.testbed_files(**options)))


@pytest.fixture(scope="session")
def exact(table):
    return table(noise=0.0)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(pooled, "DRAWS", 100)


def budgets(runs):
    return budget_rows(runs, LOSS_RUNS, LOSS_FLOPS), budget_rows(runs, ERROR_RUNS, ERROR_FLOPS)


@pytest.fixture(scope="module")
def estimates(exact):
    """What each estimator makes of exact runs, asked for in another order than theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "DRAWS", 100)
        asked = designs(exact).sample(frac=1, random_state=1)
        return {name: estimate(*budgets(exact), asked) for name, estimate in ESTIMATORS.items()}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_exact_runs_are_predicted_exactly(exact, estimates, name):
    found = estimates[name].predictions
    assert found.index.tolist() != exact.index.tolist()
    found = found.loc[exact.index]
    assert np.abs(found[LOSS] / exact[LOSS] - 1).max() < 1e-4
    # downlaw's gamma is one of a grid.
    assert np.abs(found[["error_17", "error_46"]] / exact[["error_17", "error_46"]] - 1).max(axis=None) < 2e-3


def test_paper_finds_the_true_coefficients(estimates, synthetic):
    found = estimates["paper"].coefficients
    by_name = found.set_index(["law", "training_set", "coefficient"])["value"]
    for number, training_set in enumerate(("c4_original", "rpj", "rw_original")):
        assert by_name[LOSS, training_set, "eta"] == pytest.approx(synthetic.ALPHA / 2, rel=1e-4)
        assert by_name[LOSS, training_set, "E"] == pytest.approx(synthetic.FLOORS[number], rel=1e-4)
        assert by_name["error_17", training_set, "eps"] == pytest.approx(0.8, rel=1e-4)
        assert by_name["error_17", training_set, "gamma"] == pytest.approx(synthetic.GAMMA, rel=1e-3)


def test_downlaw_finds_the_true_coefficients(exact, synthetic):
    loss_runs, error_runs = budgets(exact)
    law = pooled.fit_loss_law(loss_runs, loss_runs[LOSS])
    assert law.alpha == pytest.approx(synthetic.ALPHA, rel=1e-4)
    assert law.data_factor == pytest.approx(synthetic.DATA_FACTOR, rel=1e-4)
    assert law.floors == pytest.approx(synthetic.FLOORS, rel=1e-4)
    assert law.factors == pytest.approx(synthetic.FACTORS, rel=1e-4)
    error_law = pooled.fit_error_law(error_runs, error_runs[LOSS], error_runs["error_17"])
    assert error_law.ceiling == pytest.approx(0.8)
    assert error_law.gamma == pytest.approx(synthetic.GAMMA, rel=0.02)
    assert error_law.factors == pytest.approx(synthetic.GAINS, rel=0.02)


def test_intervals_cover_most_of_what_they_never_saw(table):
    """Noise here is that of a run alone and the same for all, so intervals, made for more, should hold more
    than their 90% of losses; of errors, whose noise they model as it is, about 90%."""
    inside = {metric: [] for metric in METRICS}
    for seed in range(6):
        runs = table(noise=0.002, seed=seed)
        targets = runs[groups(runs) == "target"]
        found = ESTIMATORS["downlaw"](*budgets(runs), designs(targets)).predictions
        for metric in METRICS:
            low, high = found[f"{metric}_low"], found[f"{metric}_high"]
            inside[metric] += ((low <= targets[metric]) & (targets[metric] <= high)).tolist()
            assert np.allclose((low + high) / 2, found[metric])
    shares = {metric: np.mean(each) for metric, each in inside.items()}
    assert all(share >= 0.8 for share in shares.values()), shares
    assert min(shares.values()) < 1, "intervals that always hold are too wide to test anything"


def test_intervals_grow_with_the_noise_and_with_the_distance(table):
    widths = []
    for noise in (0.001, 0.004):
        runs = table(noise=noise, seed=1)
        at_20 = runs[(runs["training_set"] == "rpj") & (runs["multiplier"] == 20)]
        found = ESTIMATORS["downlaw"](*budgets(runs), designs(at_20)).predictions
        widths.append(found[f"{LOSS}_high"] - found[f"{LOSS}_low"])
        assert widths[-1].iloc[-3:].is_monotonic_increasing
    assert 2 < (widths[1] / widths[0]).mean() < 8


def test_paper_gives_no_intervals(estimates):
    found = estimates["paper"].predictions
    assert found[[f"{metric}_{end}" for metric in METRICS for end in ("low", "high")]].isna().all(axis=None)


def test_the_same_runs_give_the_same_numbers(table):
    runs = table(noise=0.001, seed=2)
    once, again = (ESTIMATORS["downlaw"](*budgets(runs), designs(runs)).predictions for _ in range(2))
    assert once.equals(again)


def test_losses_that_rise_are_refused(exact):
    loss_runs, _ = budgets(exact)
    with pytest.raises(TestbedError, match="do not fall with parameters and tokens"):
        pooled.fit_loss_law(loss_runs, 10 - loss_runs[LOSS])


def test_errors_that_do_not_fall_are_refused(exact):
    _, error_runs = budgets(exact)
    with pytest.raises(TestbedError, match="do not fall with their loss"):
        pooled.fit_error_law(error_runs, error_runs[LOSS], 1 - error_runs["error_17"])


def test_estimators_see_nothing_of_the_runs_to_predict(exact):
    assert not [name for name in designs(exact).columns if name.startswith(("loss", "error", "accuracy"))]
    for rows, limit in zip(budgets(exact), (2.415e19, 2.73e20), strict=True):
        assert rows.groupby("training_set")["flops"].sum().max() <= limit


def test_a_missing_run_of_the_budget_is_named(exact):
    gone = ~((exact["training_set"] == "rpj") & (exact["model"] == "0.154B") & (exact["multiplier"] == 20))
    with pytest.raises(TestbedError, match=r"rpj has no run of 0\.154B at M = 20"):
        budgets(exact[gone])


def test_runs_beyond_the_budget_are_refused(exact):
    with pytest.raises(TestbedError, match=r"what is read of c4_original costs .* FLOPs, over 2\.42e\+19"):
        budget_rows(exact, (("0.411B", 40.0),), LOSS_FLOPS)


def test_groups(exact):
    found = groups(exact)
    names = dict(zip(exact["run"], found, strict=True))
    assert found.value_counts().to_dict() == {
        "budget": 15,
        "target": 6,
        "above the budget": 24,
        "cheaper": 36,
        "under-trained": 24,
    }
    assert names["rpj-open_lm_1b-1.0"] == "above the budget"
    assert names["rpj-open_lm_1b-32.0"] == "target"
    assert names["rpj-d=96_l=8_h=4-16.0"] == "budget"
    assert names["rpj-d=1024_l=24_h=8-0.25"] == "under-trained"
