"""The sections of a study of mixtures: one for each task and finetuning size, then what all share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pandas as pd

from downlaw.alignment.measures import MEASURES
from downlaw.laws import curves

from ..degenerate import FAULTS, degenerate_said
from ..differences import differences_said
from ..findings import measured, what_was_seen
from ..labels import METRIC_LABELS, MixtureStyle, mixture_styles
from .answer import transfer_answer
from .blocks import (
    Answer,
    Block,
    Chart,
    Column,
    Files,
    Names,
    Section,
    Table,
    Text,
    metric_name,
    rows_at,
    said,
)
from .curve_charts import curve_chart
from .law_tables import (
    contamination_table,
    degenerate_table,
    laws_table,
    predictions_table,
    rivals_table,
    scores_table,
    verdicts_table,
)
from .other_charts import degenerate_charts, metrics_chart
from .prediction_charts import budget_chart, held_out_chart
from .seen import seen_said
from .tables import Results

_OPEN_GROUPS = 3
"""More groups than these are closed at first, all but the first."""
_OPEN_CHARTS = ("cross_entropy", "bleu")


def transfer_page(results: Results, names: Names) -> tuple[list[Answer], list[Section]]:
    """Answers and sections of every task and finetuning size."""
    runs = results["runs"]
    groups = [
        (str(task), int(pairs)) for (task, pairs), _ in runs.groupby(["task", "finetune_pairs"], sort=True)
    ]
    answers, sections = [], []
    for number, (task, pairs) in enumerate(groups):
        here = runs[(runs["task"] == task) & (runs["finetune_pairs"] == pairs)]
        styles = mixture_styles(runs[runs["task"] == task])
        answers.append(transfer_answer(results, here, task, pairs, names))
        folded = len(groups) > _OPEN_GROUPS and number > 0
        sections.append(_group(results, here, styles, task, pairs, names, folded))
    sections.append(_alignment(results, names))
    sections.append(_noise(results, names))
    return answers, [section for section in sections if section]


def _group(
    results: Results,
    here: pd.DataFrame,
    styles: Mapping[str, MixtureStyle],
    task: str,
    pairs: int,
    names: Names,
    folded: bool,
) -> Section:
    place = {"task": task, "finetune_pairs": pairs}
    tables = {name: rows_at(results.get(name), **place) for name in _BY_PLACE}
    order = {name: number for number, name in enumerate(styles)}
    for name, table in tables.items():
        if table is not None and "mixture" in table and name not in ("comparisons", "without_seen"):
            kept = table[table["mixture"].isin(list(order)) | _of_all(table)]
            tables[name] = kept.sort_values("mixture", key=lambda m: m.map(order), kind="stable")
    metrics, part = measured(here), _Parts(f"{task}, {pairs:,}", names)
    parts = [
        part("Laws and their points", _laws(results, here, styles, metrics, tables, names)),
        part("Verdicts", _verdicts(tables, names)),
        part("Predictions", _predictions(tables, styles, task, pairs, metrics, names)),
        part("BLEU against cross-entropy", _one(metrics_chart(here, styles, tables["relations"], names))),
        part("Degenerate output", _degenerate(here, styles, names)),
        part("Test text seen in training", _contamination(results, tables, task, names)),
        part("Scores and differences", _scores(here, styles, tables, names)),
        part("What was seen", _seen(here, tables)),
    ]
    title = f"{task}, finetuned on {pairs:,} pairs"
    return Section(names.unused("group", task, pairs), title, [], [one for one in parts if one], folded)


def _of_all(table: pd.DataFrame) -> pd.Series:
    """Which rows are of all mixtures together, and so name none."""
    if "scope" not in table:
        return pd.Series(False, index=table.index)
    return table["scope"] == "all"


_BY_PLACE = (
    "laws",
    "lines",
    "verdicts",
    "valuations",
    "predictions",
    "relations",
    "comparisons",
    "without_seen",
    "choice",
)


class _Parts:
    """Makes the parts of a group, with names of their own."""

    def __init__(self, group: str, names: Names) -> None:
        self.group, self.names = group, names

    def __call__(self, title: str, blocks: Iterable[Block]) -> Section:
        return Section(self.names.unused(self.group, title), title, list(blocks))


def _one(block: Block | None) -> list[Block]:
    return [] if block is None else [block]


def _folded(charts: Iterable[tuple[str, Chart | None]]) -> Iterator[Chart]:
    """The charts that there are, the first two metrics open."""
    for metric, chart in charts:
        if chart is not None:
            yield chart if metric in _OPEN_CHARTS else replace(chart, folded=True)


def _laws(
    results: Results,
    here: pd.DataFrame,
    styles: Mapping[str, MixtureStyle],
    metrics: list[str],
    tables: Mapping[str, pd.DataFrame | None],
    names: Names,
) -> Iterator[Block]:
    laws = tables["laws"]
    yield from _folded(
        (
            metric,
            curve_chart(
                here, curves(here, metric), styles, metric, laws, tables["lines"], tables["verdicts"], names
            ),
        )
        for metric in metrics
    )
    if laws is not None and len(laws):
        yield laws_table(laws, names)
        yield from _one(rivals_table(laws, names))
    elif laws is not None:
        yield Text(["No law was fitted to these runs."])
    choice = tables["choice"]
    if choice is not None and len(choice):
        yield _whole(choice, names, "The error of translation choice", "choice_laws.csv")
        yield from _drawn(results, "choice_figures", "The error of translation choice over cross-entropy:")


def _seen(here: pd.DataFrame, tables: Mapping[str, pd.DataFrame | None]) -> Iterator[Block]:
    """The sentences of the summary, which the terminal shows too."""
    if tables["laws"] is not None:
        yield Text(list(what_was_seen(here, tables["laws"], tables["valuations"])), bullets=True)


def _verdicts(tables: Mapping[str, pd.DataFrame | None], names: Names) -> Iterator[Block]:
    verdicts = tables["verdicts"]
    if verdicts is not None and len(verdicts):
        yield verdicts_table(verdicts, names)


def _predictions(
    tables: Mapping[str, pd.DataFrame | None],
    styles: Mapping[str, MixtureStyle],
    task: str,
    pairs: int,
    metrics: list[str],
    names: Names,
) -> Iterator[Block]:
    predictions, valued = tables["predictions"], tables["valuations"]
    if predictions is not None:
        yield from _folded(
            (metric, held_out_chart(predictions, styles, task, pairs, metric, names)) for metric in metrics
        )
    if valued is not None:
        yield from _folded(
            (metric, budget_chart(valued, styles, task, pairs, metric, names)) for metric in metrics
        )
    if predictions is not None and len(predictions):
        yield predictions_table(predictions, names)
    if valued is not None and len(valued):
        caption = "Mixtures compared at budgets, and the tokens that reach a score"
        yield _whole(valued, names, caption, "valuations.csv", drop=("task", "finetune_pairs", "track"))


def _degenerate(here: pd.DataFrame, styles: Mapping[str, MixtureStyle], names: Names) -> Iterator[Block]:
    table = degenerate_table(here, styles, FAULTS, names)
    if table is None:
        return
    said_of_it = list(degenerate_said(here))
    yield Text(said_of_it or ["Hardly any output is degenerate."], bullets=bool(said_of_it))
    yield from degenerate_charts(here, styles, names)
    yield table


def _contamination(
    results: Results, tables: Mapping[str, pd.DataFrame | None], task: str, names: Names
) -> Iterator[Block]:
    scores, found = tables["without_seen"], rows_at(results.get("contamination"), task=task)
    if scores is not None and (sentences := list(seen_said(results, scores))):
        yield Text(sentences)
    if found is not None and len(found):
        yield contamination_table(found, names, task)
    if scores is not None and len(scores):
        caption = "Scores with and without the segments seen"
        yield _whole(scores, names, caption, "contamination_scores.csv", drop=("task", "finetune_pairs"))


def _scores(
    here: pd.DataFrame,
    styles: Mapping[str, MixtureStyle],
    tables: Mapping[str, pd.DataFrame | None],
    names: Names,
) -> Iterator[Block]:
    yield scores_table(here, styles, names)
    compared = tables["comparisons"]
    if compared is not None and len(compared):
        sentences = list(differences_said(compared))
        if sentences:
            note = (
                "By paired bootstrap. p here is not corrected for many comparisons: p holm of the table"
                " below is, and the answer goes by it. Other seeds may differ by more."
            )
            yield Text([note])
            yield Text(sentences, bullets=True)
        drop = ("task", "finetune_pairs")
        yield _whole(compared, names, "Differences between runs", "comparisons.csv", drop=drop)


def _whole(frame: pd.DataFrame, names: Names, caption: str, file: str, drop: Iterable[str] = ()) -> Table:
    """A table of the results folder as it is, but for columns in which nothing stands."""
    kept = [name for name in frame if name not in set(drop) and frame[name].notna().any()]
    columns = [
        Column(
            name,
            name.replace("_", " "),
            metric_name if name == "metric" else said,
            pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name]),
        )
        for name in kept
    ]
    return Table(names.unused(file.removesuffix(".csv"), "table"), caption, frame, columns, file, folded=True)


def _alignment(results: Results, names: Names) -> Section:
    measured_of, relations = results.get("alignment"), results.get("alignment_relations")
    blocks: list[Block] = []
    if relations is not None and len(relations):
        blocks.append(Text(list(_best_measure(relations)), bullets=True))
    if measured_of is not None and len(measured_of):
        blocks.append(_whole(measured_of, names, "How close each mixture is to each task", "alignment.csv"))
    if relations is not None and len(relations):
        caption = "How well each measure of closeness ranks the gains"
        blocks.append(_whole(relations, names, caption, "alignment_relations.csv"))
    if blocks:
        blocks += _drawn(results, "alignment_figures", "Gains against each measure of closeness:")
    return Section("alignment", "How close the mixtures are to the tasks", blocks, folded=True)


def _drawn(results: Results, folder: str, title: str) -> list[Block]:
    """The figures of a folder of the report."""
    paths = [
        path for ending in ("png", "svg") for path in (results.folder / "report" / folder).glob(f"*.{ending}")
    ]
    return [Files(title, sorted(paths))] if paths else []


def _best_measure(relations: pd.DataFrame) -> Iterator[str]:
    labels = {measure.name: measure.label for measure in MEASURES}
    for (task, pairs, metric), here in relations.groupby(["task", "finetune_pairs", "metric"], sort=True):
        name = METRIC_LABELS[metric].name if metric in METRIC_LABELS else metric
        where = f"{task}, {int(pairs):,} pairs, gain of {name}"
        ranked = here[(here["decidable"] == "yes") & here["rank"].notna()].sort_values("rank")
        if ranked.empty:
            reasons = here["reason"].dropna().astype(str).value_counts()
            why = f": {reasons.index[0].removeprefix('not decidable: ')}" if len(reasons) else ""
            yield f"{where}: which measure predicts best is not decidable{why}."
        else:
            best = ranked.iloc[0]
            label = labels.get(best["measure"], best["measure"])
            yield f"{where}: {label} ranks the gains best (rho {best['spearman']:+.2f}, p {best['p']:.2g})."


def _noise(results: Results, names: Names) -> Section:
    noise = results.get("noise")
    if noise is None or noise.empty:
        return Section("noise", "")
    note = "Standard deviations of ln(score): 0.02 is 2% of it."
    caption = "How far seeds and test sets move scores"
    return Section(
        "noise", "The noise", [Text([note]), _whole(noise, names, caption, "noise.csv")], folded=True
    )
