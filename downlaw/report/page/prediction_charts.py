"""Charts of predictions: at budgets, and of points that were held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ..figures import figure_name
from ..findings import at_budget
from ..labels import METRIC_LABELS, NOISE_LABELS, MixtureStyle, enumerate_words, short_count, with_interval
from .blocks import Axis, Chart, Column, Entry, Names, Series, Table, count, fixed
from .choices import NOT_COMPARED
from .curve_charts import ALONE_SPAN, MOST_SHOWN, limits_around, token_axis

_MARGIN, _ASIDE = 0.08, 0.012
"""Shares of the axis: what is free at either end, and between marks of one Dp that stand side by side."""


def _aside(place: int, mixtures: int, tokens: Sequence[float]) -> float:
    """The factor that moves a mixture's marks aside, so that no interval hides another."""
    steps = place % MOST_SHOWN - (min(mixtures, MOST_SHOWN) - 1) / 2
    span = max(tokens) / min(tokens)
    return (span if span > 1 else ALONE_SPAN**2) ** (_ASIDE * steps)


def budget_chart(
    valued: pd.DataFrame,
    styles: Mapping[str, MixtureStyle],
    task: str,
    pairs: int,
    metric: str,
    names: Names,
) -> Chart | None:
    """What each mixture is predicted to score at budgets; None where nothing is predicted."""
    asked = at_budget(valued, metric)
    rows = asked[asked["predicted"].notna() & asked["mixture"].isin(list(styles))]
    if rows.empty:
        return None
    label = METRIC_LABELS[metric]
    budgets = sorted(rows["pretrain_tokens"].unique())
    mixtures = [name for name in styles if name in set(rows["mixture"])]
    last = rows[rows["pretrain_tokens"] == budgets[-1]].set_index("mixture")["predicted"]
    best = list(last.sort_values(ascending=label.lower_is_better).index)[:MOST_SHOWN]
    drawn = set(mixtures) if len(mixtures) <= MOST_SHOWN + 2 else set(best)
    series, entries = [], []
    for place, mixture in enumerate(mixtures):
        mine, style = rows[rows["mixture"] == mixture], styles[mixture]
        aside = _aside(place, len(mixtures), budgets)
        values = mine[["predicted", "predicted_low", "predicted_high"]].astype(float).to_numpy()
        series.append(
            Series(
                "points",
                (mine["pretrain_tokens"] * aside).tolist(),
                values[:, 0].tolist(),
                style.colour,
                style.marker,
                low=values[:, 1].tolist(),
                high=values[:, 2].tolist(),
                group=mixture,
                hover=[
                    f"{mixture}, Dp = {short_count(tokens)}: {with_interval(metric, *ends)}"
                    for tokens, ends in zip(mine["pretrain_tokens"], values, strict=True)
                ],
            )
        )
        entries.append(Entry(mixture, style.label, style.colour, style.marker, mixture in drawn))
    baseline = rows["baseline"].dropna()
    none = (float(baseline.iloc[0]), "no pretraining") if len(baseline) else None
    title = f"{task}: predicted {label.name} at budgets, {pairs:,} pairs"
    id = names.unused("budgets", task, pairs, metric)
    known = rows[rows["interval_level"].notna()]
    note = "By the laws of all points; marks of one budget stand side by side."
    if len(known):
        sources = enumerate_words(list(dict.fromkeys(NOISE_LABELS[one] for one in known["noise"].dropna())))
        note += (
            f" Bars: {100 * float(known['interval_level'].iloc[0]):g}% intervals of the laws, from {sources}."
        )
    values = [*rows["predicted"], *([none[0]] if none else [])]
    without = asked["answer"].isin(NOT_COMPARED) & (asked["pretrain_tokens"] == budgets[-1])
    without = [name for name in styles if name in set(asked.loc[without, "mixture"])]
    lacking = (
        f" {enumerate_words(without)} {'has' if len(without) == 1 else 'have'} no law there."
        if without
        else ""
    )
    note += lacking
    ahead = "Of those with a law, " if without else ""
    ahead += f"{best[0]} is ahead at Dp = {short_count(budgets[-1])} with {last[best[0]]:.{label.decimals}f}."
    ahead += lacking
    columns = (
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("mixture", "mixture"),
        *(
            Column(name, words, fixed(label.decimals), numeric=True)
            for name, words in (
                ("predicted", "predicted"),
                ("predicted_low", "from"),
                ("predicted_high", "to"),
            )
        ),
    )
    table = rows.sort_values(["pretrain_tokens", "mixture"])[[column.name for column in columns]]
    return Chart(
        id=id,
        stem=f"{figure_name(task, pairs, metric)}_budgets",
        title=title,
        alt=f"{title}. {len(mixtures)} mixtures, {len(budgets)} budgets. {ahead}",
        x=token_axis(budgets, margin=_MARGIN),
        y=Axis(f"{label.name} ({label.unit})", limits=limits_around(values, series)),
        series=series,
        entries=entries,
        table=Table(f"{id}-points", title, table, columns, "valuations.csv"),
        level=none,
        notes=[note],
    )


def held_out_chart(
    predictions: pd.DataFrame,
    styles: Mapping[str, MixtureStyle],
    task: str,
    pairs: int,
    metric: str,
    names: Names,
) -> Chart | None:
    """How far the laws of the smallest Dp were from each point held out; None where none was predicted."""
    rows = predictions[(predictions["metric"] == metric) & predictions["mixture"].isin(list(styles))]
    rows = rows[rows["observed"].notna() & rows["predicted"].notna() & (rows["observed"] != 0)]
    rows = rows[rows["fitted"] == "smallest"]
    if rows.empty:
        return None
    rows = rows.assign(off=rows["predicted"] / rows["observed"] - 1)
    for end in ("low", "high"):
        rows[f"off_{end}"] = rows[f"measured_{end}"].astype(float) / rows["observed"] - 1
    name = METRIC_LABELS[metric].name
    mixtures = [mixture for mixture in styles if mixture in set(rows["mixture"])]
    off = rows.groupby("mixture")["off"].apply(lambda each: each.abs().mean())
    drawn = set(mixtures[: MOST_SHOWN + 2])
    series, entries = [], []
    for place, mixture in enumerate(mixtures):
        mine, style = rows[rows["mixture"] == mixture], styles[mixture]
        aside = _aside(place, len(mixtures), rows["pretrain_tokens"])
        series.append(
            Series(
                "points",
                (mine["pretrain_tokens"] * aside).astype(float).tolist(),
                mine["off"].tolist(),
                style.colour,
                style.marker,
                filled=False,
                low=mine["off_low"].tolist(),
                high=mine["off_high"].tolist(),
                group=mixture,
                hover=[
                    f"{mixture}, Dp = {short_count(row.pretrain_tokens)}: predicted {row.predicted:.4g},"
                    f" measured {row.observed:.4g}, off by {100 * row.off:+.1f}%"
                    for row in mine.itertuples()
                ],
            )
        )
        words = f"{style.label}: off by {100 * off[mixture]:.1f}% on average"
        entries.append(Entry(mixture, words, style.colour, style.marker, mixture in drawn))
    title = f"{task}: {name} of held-out points, predicted less measured, {pairs:,} pairs"
    id = names.unused("held-out", task, pairs, metric)
    inside = ((rows["off_low"] <= 0) & (rows["off_high"] >= 0))[rows["off_low"].notna()]
    note = "Above 0: predicted higher than measured."
    if len(inside):
        level = 100 * float(rows["interval_level"].dropna().iloc[0])
        held = f"{int(inside.sum())} of {len(inside)} hold 0"
        note += f" Bars: where a measurement was to lie ({level:g}%); {held}."
    columns = (
        Column("mixture", "mixture"),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("observed", "measured", numeric=True),
        Column("predicted", "predicted", numeric=True),
        Column("measured_low", "from", numeric=True),
        Column("measured_high", "to", numeric=True),
        Column("off", "off by", lambda value: f"{100 * value:+.1f}%", numeric=True),
    )
    worst = rows.loc[rows["off"].abs().idxmax()]
    limits = limits_around([0.0, *rows["off"]], series)
    alt = (
        f"{title}. {len(rows)} points of {len(mixtures)} mixtures; the farthest is {worst['mixture']} at Dp ="
        f" {short_count(worst['pretrain_tokens'])}, off by {100 * worst['off']:+.1f}%."
    )
    return Chart(
        id=id,
        stem=f"{figure_name(task, pairs, metric)}_held_out",
        title=title,
        alt=alt,
        x=token_axis(rows["pretrain_tokens"].tolist(), margin=_MARGIN),
        y=Axis("predicted / measured - 1", percent=True, zero_line=True, limits=limits),
        series=series,
        entries=entries,
        table=Table(f"{id}-points", title, rows[[c.name for c in columns]], columns, "predictions.csv"),
        level=None,
        notes=[note],
    )
