"""Where the tables of a results folder do not belong together."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ..findings import measured
from .tables import Results

_CURVE = ["task", "finetune_pairs", "mixture", "metric"]
_OF_CURVES = ("laws", "verdicts", "predictions", "valuations")
_TOLD = 3


def contradictions(results: Results) -> Iterator[str]:
    """What says that a table was made from other runs than runs.csv holds now."""
    if results.track == "lm":
        yield from _of_training_sets(results)
        return
    runs = results["runs"]
    points = _points(runs)
    for name in _OF_CURVES:
        table = results.get(name)
        if table is None or table.empty:
            continue
        strange = [place for place in _places(table) if place not in points]
        if strange:
            yield (
                f"{name}.csv speaks of {len(strange)} curves that runs.csv does not have, such as"
                f" {_said(strange[0])}: it was made from other runs. They are left out."
            )
    laws = results.get("laws")
    if laws is None or laws.empty:
        return
    known = {place: 0 for place in points} | {
        place: int(row.n_fit + row.n_held_out)
        for place, row in zip(_places(laws, every=True), laws.itertuples(), strict=True)
        if row.role == "law"
    }
    other = [place for place, count in points.items() if count and known[place] != count]
    if other:
        listed = ", ".join(
            f"{_said(place)} ({known[place]} points, now {points[place]})" for place in other[:_TOLD]
        )
        more = f" and {len(other) - _TOLD} more" if len(other) > _TOLD else ""
        yield f"laws.csv was fitted to other points than runs.csv holds: {listed}{more}. Run the study again."


def _points(runs: pd.DataFrame) -> dict[tuple, int]:
    """How many Dp each curve has, by its place."""
    kept = runs["selected"] & (runs["status"] == "ok")
    found = {}
    for metric in measured(runs):
        tokens = runs["pretrain_tokens"].where(kept & runs[metric].notna())
        pretrained = runs["pretrain_tokens"] > 0
        counts = tokens[pretrained].groupby([runs.loc[pretrained, name] for name in _CURVE[:3]]).nunique()
        found |= {(str(t), int(p), str(m), metric): int(n) for (t, p, m), n in counts.items()}
    return found


def _places(table: pd.DataFrame, every: bool = False) -> list[tuple]:
    rows = table[_CURVE] if every else table[_CURVE].drop_duplicates()
    return [(str(t), int(p), str(m), str(k)) for t, p, m, k in rows.itertuples(index=False)]


def _said(place: tuple) -> str:
    task, pairs, mixture, metric = place
    return f"{task}, {pairs:,} pairs, {mixture}, {metric}"


def _of_training_sets(results: Results) -> Iterator[str]:
    there = set(results["runs"]["training_set"])
    for name in ("laws", "predictions", "tasks"):
        table = results.get(name)
        strange = set(table["training_set"]) - there if table is not None else set()
        if strange:
            yield (
                f"{'lm_tasks' if name == 'tasks' else name}.csv speaks of {sorted(strange)[0]}, which"
                " lm_runs.csv does not have: it was made from other runs."
            )
