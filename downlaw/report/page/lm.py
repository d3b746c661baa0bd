"""The answers and the sections of an over-training study, one for each training set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from downlaw.laws import FAMILIES
from downlaw.laws.lm_tables import ERROR, LOSS

from ..labels import enumerate_words, name_stem
from ..lm_findings import divergences, doubts, farthest, misses, savings, tasks_told
from ..lm_shown import coefficients, percent, times
from ..lm_summary import own_predictions
from .blocks import Answer, Block, Column, Names, Section, Sure, Table, Text, count, fixed, said
from .lm_charts import error_chart, held_out_charts, loss_chart
from .tables import Results

_TRUSTED = 0.05
"""A law that missed held-out runs by less than this is said to have predicted them."""


def lm_page(results: Results, names: Names) -> tuple[list[Answer], list[Section]]:
    """Answers and sections of every training set."""
    runs, predictions = results["runs"], results.get("predictions")
    answers, sections = [], []
    stems = _stems(results.get("laws"))
    for training_set in runs["training_set"].unique():
        answers.append(lm_answer(results, training_set, names))
        sections.append(_training_set(results, training_set, stems, names))
    if predictions is not None:
        blocks: list[Block] = list(held_out_charts(predictions, names))
        if len(predictions):
            blocks.append(_predictions(predictions, names))
        sections.append(Section("predictions", "Predictions of runs held out", blocks))
    saved = list(savings(runs))
    if saved:
        sections.append(Section("trunks", "Shared trunks", [Text(saved)]))
    return answers, [section for section in sections if section]


def _stems(laws: pd.DataFrame | None) -> dict[tuple[str, str, str], str]:
    """The names of the static figures, as write_lm_figures gives them."""
    taken: dict[str, object] = {}
    found = {}
    if laws is not None:
        for law in laws[laws["role"] == "law"].itertuples():
            words = (
                f"loss_{law.training_set}_{law.evaluation_set}"
                if law.metric == LOSS
                else f"error_{law.training_set}"
            )
            stem = name_stem(words, taken)
            taken[stem] = found[law.training_set, law.evaluation_set, law.metric] = stem
    return found


def lm_answer(results: Results, training_set: str, names: Names) -> Answer:
    """Whether the laws of the cheap runs of a training set predicted the dear ones, and how far."""
    runs, laws, predictions, tasks = (results.get(name) for name in ("runs", "laws", "predictions", "tasks"))
    here = runs[runs["training_set"] == training_set]
    id = names.unused("answer", training_set)
    question = (
        f"What do the laws of cheap models trained on {training_set} say of dearer ones, and can it be"
        " trusted?"
    )
    if not (here["status"] == "ok").any():
        return Answer(id, question, "There is no answer: no run finished.", Sure.OPEN, "nothing was measured")
    if laws is None or predictions is None:
        lacking = enumerate_words(
            [f"{name}.csv" for name in ("laws", "predictions") if results.get(name) is None]
        )
        answer = f"Not yet decidable: {lacking} {'is' if ' ' not in lacking else 'are'} lacking."
        return Answer(id, question, answer, Sure.OPEN, "no law was fitted yet", list(divergences(here)))
    mine = laws[laws["training_set"] == training_set]
    own = own_predictions(training_set, mine, predictions[predictions["training_set"] == training_set])
    headline = list(farthest(own))
    if not headline:
        answer, sure, confidence = (
            "Not decidable: no held-out run was predicted and measured.",
            Sure.OPEN,
            _statuses(mine),
        )
    else:
        answer = f"{headline[0]} These models, at their size."
        sure, confidence = _sure(mine, own)
    told = tasks[tasks["training_set"] == training_set] if tasks is not None else None
    why = [*misses(mine, own, training_set), *doubts(mine, here), *divergences(here)]
    if told is not None and len(told):
        why += tasks_told(told)
    if sure == Sure.CLEAR and here["seed"].nunique() < 2:
        sure, confidence = Sure.ONE_SEED, f"{confidence}; what another seed changes is not in it"
    return Answer(id, question, answer, sure, confidence, why, list(_would_change(here, mine, own)))


def _would_change(here: pd.DataFrame, laws: pd.DataFrame, own: pd.DataFrame) -> Iterator[str]:
    """What could turn the answer, or make it surer."""
    if here["seed"].nunique() < 2:
        yield "A second seed: how much chance did is not known."
    weak = laws[(laws["role"] == "law") & (laws["status"] == "unidentified")]
    if len(weak):
        yield "More sizes or multipliers in the fit: the runs fitted do not fix the shape of every law."
    known = own.loc[own["observed"].notna(), "times_less_compute"].dropna()
    if len(known):
        yield (
            f"A dearer run: predictions were tested up to {times(known.max())} the compute of all fitted runs"
            " together, and not beyond."
        )


def _statuses(laws: pd.DataFrame) -> str:
    mine = laws[laws["role"] == "law"]
    return (
        f"laws: {enumerate_words(sorted(set(mine['status'].astype(str))))}" if len(mine) else "no law fitted"
    )


def _sure(laws: pd.DataFrame, own: pd.DataFrame) -> tuple[Sure, str]:
    """How sure a prediction is: by what laws missed held-out runs by, and their intervals."""
    known = own[own["predicted"].notna() & own["observed"].notna()]
    error = known["relative_error"].abs()
    inside = known["inside"].dropna().astype(bool)
    said_of = f"held-out runs missed by {percent(error.mean())} on average, {percent(error.max())} at most"
    if len(inside):
        said_of += f"; {inside.sum()} of {len(inside)} in their interval"
    weak = laws[(laws["role"] == "law") & laws["status"].isin(["unidentified", "interpolated"])]
    if len(weak):
        said_of += f"; a law is {enumerate_words(sorted(set(weak['status'])))}"
    trusted = error.max() <= _TRUSTED and (not len(inside) or inside.mean() >= 0.5) and weak.empty
    return (Sure.CLEAR if trusted else Sure.LEANING if error.mean() <= _TRUSTED else Sure.OPEN), said_of


def _training_set(
    results: Results, training_set: str, stems: dict[tuple[str, str, str], str], names: Names
) -> Section:
    runs, laws, predictions, lines, tasks = (
        results.get(name) for name in ("runs", "laws", "predictions", "lines", "tasks")
    )
    here = runs[runs["training_set"] == training_set]
    parts = []
    if laws is not None:
        mine = laws[laws["training_set"] == training_set]
        parts.append(
            _part(
                training_set, "Laws", _laws(runs, mine, predictions, lines, training_set, stems, names), names
            )
        )
    if tasks is not None and len(told := tasks[tasks["training_set"] == training_set]):
        blocks: list[Block] = [
            Text(list(tasks_told(told)), bullets=True),
            _whole(told, names, "Tasks", "lm_tasks.csv"),
        ]
        parts.append(_part(training_set, "Tasks", blocks, names))
    parts.append(_part(training_set, "Runs", [_runs(here, names)], names))
    return Section(names.unused("set", training_set), training_set, [], [part for part in parts if part])


def _part(group: str, title: str, blocks: Iterable[Block], names: Names) -> Section:
    return Section(names.unused(group, title), title, list(blocks))


def _laws(
    runs: pd.DataFrame,
    mine: pd.DataFrame,
    predictions: pd.DataFrame | None,
    lines: pd.DataFrame | None,
    training_set: str,
    stems: dict[tuple[str, str, str], str],
    names: Names,
) -> Iterator[Block]:
    laws = mine[mine["role"] == "law"]
    for law in laws.itertuples():
        stem = stems[training_set, law.evaluation_set, law.metric]
        place = (training_set, law.evaluation_set, stem, names)
        chart = (
            loss_chart(runs, mine, predictions, lines, *place)
            if law.metric == LOSS
            else error_chart(runs, mine, lines, *place)
        )
        if chart is not None:
            yield chart
    if mine.empty:
        yield Text(["No law was fitted to these runs."])
        return
    rows = mine.copy()
    rows["points shown"] = [f"{row.n_fit:.0f} + {row.n_held_out:.0f}" for row in rows.itertuples()]
    rows["coefficients shown"] = ["; ".join(coefficients(row)) for _, row in rows.iterrows()]
    columns = (
        Column("evaluation_set", "evaluation set"),
        Column("metric", "of", lambda value: {LOSS: "loss", ERROR: "average error"}.get(value, value)),
        Column("law", "law", lambda value: value.replace("_", " ")),
        Column("role", "role"),
        Column("status", "status"),
        Column("points shown", "fitted + held out", numeric=True),
        Column("fit_error", "fit error", fixed(4), numeric=True),
        Column("held_out_error", "held-out error", fixed(4), numeric=True),
        Column("coefficients shown", "coefficients"),
        Column("reason", "reason"),
    )
    formulas = [
        f"{law.replace('_', ' ')}: {FAMILIES[law].formula} ({FAMILIES[law].source})."
        for law in rows["law"].unique()
    ]
    notes = ["Errors are means of |ln predicted - ln observed|: 0.02 is about 2%.", *formulas]
    yield Table(names.unused("laws", training_set), "The laws", rows, columns, "laws.csv", notes)


def _runs(here: pd.DataFrame, names: Names) -> Table:
    wanted = (
        *("model", "params", "multiplier_asked", "tokens", "seed", "status", "reason", "kind", "evaluation"),
        *("metric", "value", "low", "high"),
    )
    big = {"params": count, "tokens": count, "value": fixed(3), "low": fixed(3), "high": fixed(3)}
    numeric = {"params", "tokens", "multiplier_asked", "seed", "value", "low", "high"}
    columns = [
        Column(name, name.replace("_", " "), big.get(name, said), name in numeric)
        for name in wanted
        if name in here and here[name].notna().any()
    ]
    training_set = here["training_set"].iloc[0]
    return Table(names.unused("runs", training_set), "Scores of every run", here, columns, "lm_runs.csv")


def _predictions(predictions: pd.DataFrame, names: Names) -> Table:
    return _whole(predictions, names, "What laws say of runs held out", "predictions.csv")


def _whole(frame: pd.DataFrame, names: Names, caption: str, file: str) -> Table:
    columns = [
        Column(name, name.replace("_", " "), said, pd.api.types.is_numeric_dtype(frame[name]))
        for name in frame
        if frame[name].notna().any() and name != "track"
    ]
    return Table(names.unused(file.removesuffix(".csv"), "table"), caption, frame, columns, file, folded=True)
