from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_lm_runs import (
    CHANCE,
    ERROR_TOO,
    ERRORS,
    FITTED,
    FLOORS,
    HELD_OUT,
    SIZES,
    TASKS,
    diverged,
    error_of,
    lm_table,
    loss_of,
    noisy,
    resamples_of,
    run_rows,
)

from downlaw.laws import (
    FAMILIES,
    NOT_FITTABLE,
    TASK_COLUMNS,
    LmLaws,
    Noise,
    Objective,
    fit,
    fit_law,
    fit_lm_runs,
)
from downlaw.laws.downstream_error import with_noisy_losses
from downlaw.laws.overtraining import CellLaw

SAMPLES = 60
TARGETS = [cell for cell in HELD_OUT if cell != ERROR_TOO]


def table(**options) -> pd.DataFrame:
    """Runs with one evaluation set, and tasks."""
    return without_web(lm_table(**options))


def without_web(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[runs["evaluation"] != "web"].reset_index(drop=True)


def fitted(runs: pd.DataFrame, **options) -> LmLaws:
    return fit_lm_runs(runs, **{"samples": SAMPLES} | options)


def law_of(found: LmLaws) -> pd.Series:
    rows = found.laws[found.laws["metric"] == "error"]
    assert len(rows) == 1
    return rows.iloc[0]


def predictions_of(found: LmLaws) -> pd.DataFrame:
    rows = found.predictions[found.predictions["metric"] == "error"]
    return rows.set_index(["model", "multiplier_asked"])


@pytest.fixture(scope="module", autouse=True)
def few_starts():
    """What is tested here is not the search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FAST_STARTS", 2)
        yield


@pytest.fixture(scope="module")
def exact() -> LmLaws:
    return fitted(table())


def test_known_coefficients_are_found(exact: LmLaws):
    law = law_of(exact)
    assert law[list(ERRORS)].tolist() == pytest.approx(list(ERRORS.values()), rel=1e-2, abs=1e-2)
    assert (law["evaluation_set"], law["law"], law["tasks"]) == ("news", "error_law", "copa; piqa")
    assert (law["n_fit"], law["n_held_out"], law["status"]) == (7, 2, "ok")
    assert law["held_out_error"] < 1e-4


def test_cells_in_neither_fit_are_predicted_from_predicted_losses(exact: LmLaws):
    rows = predictions_of(exact)
    assert list(rows.index) == TARGETS
    true_losses = [loss_of(SIZES[model], multiplier) for model, multiplier in TARGETS]
    assert rows["predicted_loss"].tolist() == pytest.approx(true_losses, rel=1e-5)
    assert rows["predicted"].tolist() == pytest.approx([error_of(loss) for loss in true_losses], rel=1e-4)
    assert rows["observed"].tolist() == pytest.approx(rows["predicted"].tolist(), rel=1e-4)


def test_measured_losses_of_held_out_cells_are_not_read(exact: LmLaws):
    runs = table()
    cells = zip(runs["model"], runs["multiplier_asked"], strict=True)
    target = np.array([cell in TARGETS for cell in cells])
    runs.loc[target & (runs["kind"] == "set"), "value"] *= 1.2
    assert predictions_of(fitted(runs))["predicted"].tolist() == predictions_of(exact)["predicted"].tolist()


def test_the_law_is_fitted_at_measured_losses():
    # A loss far from the loss law that still lies on the error law: only measured losses recover the law.
    runs = table()
    odd = (runs["model"] == ERROR_TOO[0]) & (runs["multiplier_asked"] == ERROR_TOO[1])
    loss = 3.0
    runs.loc[odd & (runs["kind"] == "set"), "value"] = loss
    runs.loc[odd & (runs["kind"] == "task"), "value"] = [error_of(loss) - 0.02, error_of(loss) + 0.02]
    law = law_of(fitted(runs))
    assert law[list(ERRORS)].tolist() == pytest.approx(list(ERRORS.values()), rel=1e-2, abs=1e-2)


def test_another_evaluation_set_may_give_the_loss():
    found = fitted(lm_table(), error_loss="web")
    law = law_of(found)
    assert law["evaluation_set"] == "web"
    # The same error over a loss that is 0.2 higher everywhere.
    shift = ERRORS["gamma"] * (FLOORS["web"] - FLOORS["news"])
    assert law["ln_k"] == pytest.approx(ERRORS["ln_k"] + shift, abs=1e-2)


def test_without_an_evaluation_set_of_its_name_a_training_set_has_no_error_law():
    runs = table().assign(training_set="mix")
    law = law_of(fitted(runs))
    assert law["status"] == NOT_FITTABLE
    assert law["reason"] == "no evaluation set is named mix; say which one the error is a function of"
    assert law_of(fitted(runs, error_loss="news"))["status"] == "ok"


def test_fewer_than_two_tasks_are_not_fittable():
    found = fitted(table().query("evaluation != 'piqa'"))
    law = law_of(found)
    assert law["status"] == NOT_FITTABLE
    assert law["reason"] == "1 of 1 tasks enter the average, 2 are needed"
    assert law[["eps", "gamma", "objective", "held_out_error", "fitted_flops"]].isna().all()
    assert predictions_of(found).empty
    assert "error" not in set(found.lines["metric"])


def hopeless(runs: pd.DataFrame, best: float) -> pd.DataFrame:
    """A third task, at chance but for the best cell of the error law's fit, and perfect in held-out cells."""
    extra = runs[runs["evaluation"] == "copa"].assign(evaluation="guess", value=CHANCE)
    cells = list(zip(extra["model"], extra["multiplier_asked"], strict=True))
    extra.loc[[cell in TARGETS for cell in cells], "value"] = 0.01
    extra.loc[[cell == ("l", 20) for cell in cells], "value"] = best
    return pd.concat([runs, extra], ignore_index=True)


def test_runs_to_be_predicted_let_no_task_in():
    found = fitted(hopeless(table(), best=0.72))
    tasks = found.tasks.set_index("task")
    assert found.tasks.columns.tolist() == list(TASK_COLUMNS)
    assert tasks["enters"].tolist() == [True, True, False]
    assert tasks.loc["guess", "best_fitted_error"] == 0.72
    assert tasks.loc["guess", "best_fitted_run"] == "news-l-20-1"
    assert tasks.loc["guess", "reason"] == "the best fitted run is 0.030 below chance, not 0.05 below"
    assert law_of(found)["tasks"] == "copa; piqa"


def test_a_task_that_a_fitted_run_does_well_at_enters():
    found = fitted(hopeless(table(), best=0.70))
    assert found.tasks["enters"].all()
    assert law_of(found)["tasks"] == "copa; piqa; guess"
    assert not fitted(hopeless(table(), best=0.70), task_margin=0.06).tasks["enters"].iloc[2]


def test_a_task_that_no_fitted_run_has_does_not_enter():
    runs = hopeless(table(), best=0.5)
    found = fitted(runs[(runs["evaluation"] != "guess") | ~runs["error_fit"]])
    assert found.tasks["reason"].iloc[2] == "no run that the error law is fitted to has it"
    assert found.tasks[["best_fitted_error", "best_fitted_run"]].iloc[2].isna().all()


def test_a_run_that_lacks_a_task_is_not_averaged_over_the_others():
    runs = table()
    lacking = (runs["model"] == "xs") & (runs["multiplier_asked"] == 20) & (runs["evaluation"] == "piqa")
    law = law_of(fitted(runs[~lacking]))
    assert (law["n_fit"], law["n_missing"]) == (6, 1)
    assert law["gamma"] == pytest.approx(ERRORS["gamma"], rel=1e-2)


def test_seeds_are_averaged_and_diverged_cells_left_out():
    wrong = [row | {"value": 0.99} for row in run_rows("m", 20)]
    cells = [cell for cell in (*FITTED, *HELD_OUT) if cell != ("m", 20)]
    runs = table(cells=cells, seeds=2, more=[*wrong, diverged("m", 20, seed=2)])
    runs.loc[runs["kind"] == "task", "value"] += np.where(runs["seed"] == 1, 0.004, -0.004)[
        runs["kind"] == "task"
    ]
    law = law_of(fitted(runs))
    assert (law["n_fit"], law["n_diverged"]) == (6, 1)
    assert law["gamma"] == pytest.approx(ERRORS["gamma"], rel=1e-2)


def test_compute_counts_the_runs_of_both_fits_once(exact: LmLaws):
    flops = sum(6 * SIZES[model] ** 2 * multiplier for model, multiplier in (*FITTED, ERROR_TOO))
    assert law_of(exact)["fitted_flops"] == pytest.approx(flops)
    times = 6 * SIZES["xl"] ** 2 * 20 / flops
    assert predictions_of(exact).loc[("xl", 20), "times_less_compute"] == pytest.approx(times)


def test_without_a_loss_law_no_error_is_predicted():
    runs = table().assign(loss_fit=False)
    found = fitted(runs)
    assert law_of(found)["status"] == "no held-out points"
    rows = predictions_of(found)
    assert rows[["predicted_loss", "predicted", "low"]].isna().all(axis=None)
    assert (rows["status"] == "no loss law: underdetermined").all()


def test_equal_losses_are_no_mistake():
    runs = table()
    equal = runs["kind"].eq("set") & runs["model"].eq("s")
    runs.loc[equal, "value"] = 2.3
    assert law_of(fitted(runs))["n_fit"] == 7


def test_intervals_hold_both_uncertainties():
    runs = table()
    values = noisy(runs, 0.001)
    apart = {}
    sizes = {"both": (0.004, 0.01), "error": (1e-4, 0.01), "loss": (0.004, 1e-4)}
    for name, (of_losses, of_errors) in sizes.items():
        drawn = pd.concat(
            [
                resamples_of(values[values["kind"] == "set"], of_losses),
                resamples_of(values[values["kind"] == "task"], of_errors),
            ]
        )
        found = fitted(values, resamples=drawn, samples=200)
        assert law_of(found)["noise"] == "segments"
        row = predictions_of(found).loc[("xl", 20)]
        assert row["low"] < row["predicted"] < row["high"]
        apart[name] = row["high"] - row["low"]
        if of_errors == 0.01:
            assert row["measured_high"] - row["measured_low"] > 1.1 * apart[name]
    assert apart["both"] == pytest.approx(np.hypot(apart["error"], apart["loss"]), rel=0.25)
    assert min(apart["error"], apart["loss"]) > 0.3 * apart["both"]


def test_the_noise_of_an_average_is_that_of_its_tasks_together():
    runs = table()
    drawn = resamples_of(runs, 0.02)
    law = law_of(fitted(runs, resamples=drawn))
    assert law["noise_sd"] == pytest.approx(0.02 / np.sqrt(len(TASKS)), rel=0.15)
    same = drawn[drawn["evaluation"] == "copa"]
    copied = pd.concat([drawn[drawn["evaluation"] != "piqa"], same.assign(evaluation="piqa")])
    assert law_of(fitted(runs, resamples=copied))["noise_sd"] == pytest.approx(0.02, rel=0.15)


def test_without_noise_of_losses_errors_have_no_intervals():
    runs = table()
    drawn = resamples_of(runs[runs["kind"] == "task"], 0.01)
    found = fitted(runs, resamples=drawn)
    assert law_of(found)["interval_status"] == "noise unknown"
    rows = predictions_of(found)
    assert rows[["low", "high", "measured_low", "measured_high", "inside"]].isna().all(axis=None)


def test_lines_give_the_error_over_loss(exact: LmLaws):
    line = exact.lines[exact.lines["metric"] == "error"]
    truth = [error_of(loss) for loss in line["loss"]]
    assert line["predicted"].tolist() == pytest.approx(truth, rel=1e-3)
    losses = exact.predictions.query("metric == 'cross_entropy'")["observed"]
    assert line["loss"].min() <= losses.min() and line["loss"].max() >= losses.max()
    assert line[["multiplier", "flops", "E", "low"]].isna().all(axis=None)


def test_a_loss_that_is_too_high_moves_the_error_as_its_slope_says():
    family, losses = FAMILIES["error_law"], np.array([2.0, 2.2, 2.5, 3.0])
    law = fit_law(
        family, losses, family.predict(losses, ERRORS), objective=Objective.least_squares(), n_fit=None
    )
    quiet = Noise(np.zeros((1, 4)), "given")
    moved = with_noisy_losses(CellLaw(law, None), losses, Noise(np.full((1, 4), 1e-4), "given"), quiet)
    slope = ERRORS["gamma"] * np.exp(ERRORS["ln_k"] - ERRORS["gamma"] * losses)
    expected = -slope * losses * 1e-4 / family.predict(losses, ERRORS)
    assert moved.draws[0].tolist() == pytest.approx(expected.tolist(), rel=1e-2)
