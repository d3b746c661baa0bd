"""What was seen in the over-training track, in plain sentences, from the tables alone."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from downlaw.laws.lm_tables import ERROR, LOSS

from .findings import MISFIT
from .labels import NOISE_LABELS, enumerate_words
from .lm_shown import diverged_runs, law_of, percent, times

_TRUNK = ["training_set", "model", "seed"]
_MOST = 8
"""As many runs or tasks are told one by one."""


def tasks_told(tasks: pd.DataFrame) -> Iterator[str]:
    """Which tasks of a training set are in its average error, and why the others are not."""
    enter = tasks["enters"].astype(bool)
    names = list(tasks.loc[enter, "task"])
    count = f"{len(names)} of {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}"
    said = f"{count} {'counts' if len(names) == 1 else 'count'} in the average error"
    yield f"{said}: {enumerate_words(names)}." if names else f"{said}."
    out = tasks[~enter]
    for row in out.head(_MOST).itertuples():
        yield f"{row.task} does not: {row.reason}."
    if len(out) > _MOST:
        yield f"Nor do {len(out) - _MOST} more."


def farthest(own: pd.DataFrame) -> Iterator[str]:
    """What was predicted of the held-out cell that took the most compute, for loss and error."""
    known = own[own["predicted"].notna() & own["observed"].notna()]
    if known.empty:
        return
    most = known.loc[known["flops"].idxmax()]
    here = known[(known["model"] == most["model"]) & (known["multiplier_asked"] == most["multiplier_asked"])]
    said = []
    for metric, what in ((LOSS, "loss"), (ERROR, "error")):
        for _, row in here[here["metric"] == metric].iterrows():
            said.append(
                f"{what} {predicted_said(row)} from {times(row['times_less_compute'])} less compute, measured"
                f" {row['observed']:.3f}"
                if row["times_less_compute"] > 1
                else f"{what} {predicted_said(row)}, measured {row['observed']:.3f}"
            )
    yield f"{most['model']} at M = {most['multiplier_asked']:g} was predicted: {'; '.join(said)}."


def predicted_said(row: pd.Series) -> str:
    """A prediction with the interval in which a measurement was to lie."""
    value, low, high = row[["predicted", "measured_low", "measured_high"]].astype(float)
    return f"{value:.3f}" + (f" [{low:.3f}, {high:.3f}]" if pd.notna(low) and pd.notna(high) else "")


def misses(laws: pd.DataFrame, own: pd.DataFrame, training_set: str) -> Iterator[str]:
    """How far the laws of a training set's own loss and of its error were from what was held out."""
    for metric, what in ((LOSS, "loss on its own held-out text"), (ERROR, "average error")):
        rows = own[own["metric"] == metric]
        evaluations = rows["evaluation_set"].unique()
        law = law_of(laws, training_set, evaluations[0], metric) if len(evaluations) else None
        if law is None or pd.isna(law["held_out_error"]):
            continue
        sentence = f"The law of {what} missed held-out points by {percent(law['held_out_error'])} on average"
        same = (laws["training_set"] == training_set) & (laws["evaluation_set"] == evaluations[0])
        rival = laws[same & (laws["role"] == "rival") & laws["held_out_error"].notna()]
        if metric == LOSS and len(rival):
            sentence += f" (that of Hoffmann et al. 2022: {percent(rival['held_out_error'].iloc[0])})"
        judged = rows["inside"].dropna().astype(bool)
        if len(judged):
            sentence += f"; {judged.sum()} of {len(judged)} lie in the interval predicted for them"
        yield sentence + "."


def doubts(laws: pd.DataFrame, runs: pd.DataFrame) -> Iterator[str]:
    """Where intervals come from and what they leave out, and what else weakens the laws of a training set."""
    mine = laws[laws["role"] == "law"]
    names = {LOSS: "loss on {}", ERROR: "average error"}
    said = {law.Index: names[law.metric].format(law.evaluation_set) for law in mine.itertuples()}
    bad = mine.index[mine["misfit_p"].astype(float) < MISFIT]
    if len(bad):
        yield (
            f"The points of {enumerate_words([said[place] for place in bad])} lie farther from their law than"
            " the noise explains: its intervals are too narrow."
        )
    known = mine[mine["interval_level"].notna()]
    if len(known):
        sources = dict.fromkeys(NOISE_LABELS[source] for source in known["noise"])
        level = 100 * float(known["interval_level"].iloc[0])
        yield f"Intervals are {level:g}% intervals, from {' or '.join(sources)}."
    unknown = mine.index[mine["interval_status"] == "noise unknown"]
    if len(unknown):
        named = enumerate_words([said[place] for place in unknown])
        yield f"The noise of {named} is unknown: no intervals."
    missing = mine[mine["n_missing"].fillna(0) > 0]
    for place, law in missing.iterrows():
        yield f"Finished runs without {said[place]}: {int(law['n_missing'])}."
    finished = runs[runs["status"] == "ok"].drop_duplicates(["model", "multiplier_asked", "seed"])
    if len(finished) and finished.groupby(["model", "multiplier_asked"]).size().max() == 1:
        yield "One seed: how much another one would change these numbers is not known."


def divergences(runs: pd.DataFrame) -> Iterator[str]:
    """The runs that diverged, with their reasons."""
    lost = diverged_runs(runs)
    for _, row in lost.head(_MOST).iterrows():
        reason = f": {row['reason']}" if pd.notna(row.get("reason")) else ""
        name = f"{row['model']} at M = {row['multiplier_asked']:g}, seed {row['seed']}"
        yield f"{name}, {row['status']}{reason}. No law has its size and multiplier."
    if len(lost) > _MOST:
        yield f"So did {len(lost) - _MOST} more."


def savings(runs: pd.DataFrame) -> Iterator[str]:
    """What sharing trunks saved, where the table of runs says so; trunks with a run that diverged do not
    count, as how far they were trained is not in the table."""
    if not {"flops_exact", "trained_flops"} <= set(runs.columns):
        return
    each = runs.drop_duplicates([*_TRUNK, "multiplier_asked"])
    lost = (each["status"] != "ok").groupby([each[key] for key in _TRUNK]).transform("any")
    kept = each[~lost]
    alone, trained = (kept[column].astype(float).sum() for column in ("flops_exact", "trained_flops"))
    if not alone > 0 or not trained > 0:
        return
    which = f"The {len(kept)} runs of trunks without a divergence" if lost.any() else f"All {len(kept)} runs"
    if trained >= 0.9995 * alone:
        yield f"{which} trained {alone:.1e} FLOPs, each on its own."
        return
    yield (
        f"{which} trained {trained:.1e} FLOPs where runs of their own would have taken {alone:.1e}:"
        f" {100 * (1 - trained / alone):.0f}% saved."
    )
