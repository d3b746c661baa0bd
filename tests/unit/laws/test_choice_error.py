"""The error law on translation choice: recovered, tested on larger Dp, and honest about what is not known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import CHOICE_ERROR, TableError, choice_laws
from downlaw.laws.choice_error import CHOICE_LAW_COLUMNS

TOKENS = [32_768 * 2**step for step in range(6)]
EPS, K, GAMMA = 0.75, 4.0, 0.9


def err(loss):
    return EPS - K * np.exp(-GAMMA * loss)


def study(noise: float = 0.0, seeds: int = 1) -> pd.DataFrame:
    """Two mixtures and the baseline on one error law."""
    generator = np.random.default_rng(7)
    rows = []
    for mixture, floor in (("en", 2.4), ("fr", 2.7)):
        for tokens in TOKENS:
            loss = floor + 60 * tokens**-0.35
            for seed in range(1, seeds + 1):
                rows.append((mixture, tokens, 1, seed, loss, err(loss) * np.exp(noise * generator.normal())))
    rows += [("", 0, None, seed, 4.4, err(4.4)) for seed in range(1, seeds + 1)]
    names = [
        "mixture",
        "pretrain_tokens",
        "pretraining_seed",
        "finetuning_seed",
        "cross_entropy",
        CHOICE_ERROR,
    ]
    return pd.DataFrame(rows, columns=names).assign(task="en-de", finetune_pairs=8000)


def resampled(runs: pd.DataFrame, sd: float = 0.01, draws: int = 200) -> pd.DataFrame:
    generator = np.random.default_rng(5)
    parts = []
    for row in runs.to_dict("records"):
        keys = {key: row[key] for key in runs.columns.drop([CHOICE_ERROR, "cross_entropy"])}
        for metric in ("cross_entropy", CHOICE_ERROR):
            value = row[metric] * np.exp(sd * generator.normal(size=draws))
            part = pd.DataFrame({"resample": range(draws), "value": value, "metric": metric})
            parts.append(part.assign(**keys))
    return pd.concat(parts)


def test_the_law_is_recovered_and_predicts_the_larger_dp():
    table = choice_laws(study())
    assert list(table.columns) == list(CHOICE_LAW_COLUMNS)
    assert table["scope"].tolist() == ["mixture", "mixture", "all"]
    assert table["n_fit"].tolist() == [4, 4, 9]
    assert table["n_held_out"].tolist() == [2, 2, 4]
    everything = table.iloc[2]
    assert everything[["eps", "gamma"]].tolist() == pytest.approx([EPS, GAMMA], rel=1e-3)
    assert everything["ln_k"] == pytest.approx(np.log(K), rel=1e-3)
    assert everything["held_out_error"] < 1e-4
    assert everything["status"] == "ok"
    assert set(table["interval_status"]) == {"noise unknown"}
    assert table[["eps_low", "misfit_p", "noise"]].isna().all(axis=None)


def test_held_out_points_have_no_say_in_the_law():
    runs = study()
    moved = runs.assign(
        **{CHOICE_ERROR: runs[CHOICE_ERROR].where(runs["pretrain_tokens"] <= TOKENS[3], 0.01)}
    )
    one, other = (choice_laws(table) for table in (runs, moved))
    assert one["gamma"].tolist() == other["gamma"].tolist()
    assert (other["held_out_error"] > 1).all()


def test_intervals_hold_the_truth_where_the_noise_is_known():
    runs = study(noise=0.01)
    (everything,) = choice_laws(runs, resamples=resampled(runs), samples=300).tail(1).to_dict("records")
    assert everything["noise"] == "segments"
    assert everything["eps_low"] <= EPS <= everything["eps_high"]
    assert everything["gamma_low"] <= GAMMA <= everything["gamma_high"]
    assert 0.02 < everything["misfit_p"] <= 1


def test_seeds_are_averaged():
    table = choice_laws(study(seeds=3))
    assert table["n_fit"].tolist() == [4, 4, 9]
    assert table["status"].tolist()[2] == "ok"


def test_without_the_metric_there_are_no_rows_and_text_in_it_is_refused():
    runs = study().assign(bleu=10.0)
    assert choice_laws(runs.drop(columns=CHOICE_ERROR)).empty
    with pytest.raises(TableError, match=f"runs, line 3: {CHOICE_ERROR} is 'bad', not a number"):
        choice_laws(
            runs.astype({CHOICE_ERROR: object}).assign(**{CHOICE_ERROR: ["0.5", "bad", *["0.5"] * 11]})
        )


def test_too_few_points_are_said():
    runs = study()
    few = runs[(runs["mixture"] == "en") & (runs["pretrain_tokens"] <= TOKENS[1])]
    assert set(choice_laws(few)["status"]) == {"underdetermined"}
