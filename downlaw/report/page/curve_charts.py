"""Charts of curves over pretraining tokens: the points, their laws, and the axis of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from downlaw.laws import Curve

from ..canvas import GREY
from ..figures import figure_name
from ..findings import points_of
from ..labels import METRIC_LABELS, MixtureStyle, short_count, with_interval
from ..shown import ShownCurve, footnote
from .blocks import Axis, Chart, Column, Entry, Names, Series, Table, count, fixed, metric_name

MOST_SHOWN = 10
"""So many mixtures of a chart are drawn at first; the legend brings the others."""
_ROOM = 0.055
"""Ticks of an axis of tokens are labelled where they are this share of it apart."""
ALONE_SPAN = 2.0
"""How far an axis with a single Dp reaches to either side, as a factor."""
_TOLD = 5
NO_PRETRAINING = Entry("", "no pretraining", GREY, "x")
_LINE_POINTS, _FEW_LINE_POINTS = 24, 9
"""Points of a line, and where a chart has more curves than _MANY."""
_MANY = 24


def curve_chart(
    here: pd.DataFrame,
    found: Sequence[Curve],
    styles: Mapping[str, MixtureStyle],
    metric: str,
    laws: pd.DataFrame | None,
    lines: pd.DataFrame | None,
    verdicts: pd.DataFrame | None,
    names: Names,
) -> Chart | None:
    """The curves of one metric over pretraining tokens with their laws, as draw_figure draws them.

    here: the runs of one task and finetuning size. found: its curves of the metric. None where no run has the
    metric.
    """
    task, pairs = str(here["task"].iloc[0]), int(here["finetune_pairs"].iloc[0])
    rows = laws if laws is not None else pd.DataFrame(columns=_LAW_KEYS)
    shown = [ShownCurve.of(one, rows, lines, verdicts) for one in found if one.points]
    shown.sort(key=lambda one: list(styles).index(one.curve.mixture))
    baseline = found[0].baseline if found else points_of(here).get(("", metric, 0))
    if not shown and baseline is None:
        return None
    label = METRIC_LABELS[metric]
    drawn = first_shown(shown, metric)
    entries, series = [], []
    for one in shown:
        style, mixture = styles[one.curve.mixture], one.curve.mixture
        words = f"{style.label}: {one.outcome()}" if laws is not None else style.label
        entries.append(Entry(mixture, words, style.colour, style.marker, mixture in drawn))
        series += _of_curve(one, style, metric, _LINE_POINTS if len(shown) <= _MANY else _FEW_LINE_POINTS)
    ticks = [tokens for one in shown for tokens in one.curve.tokens]
    ends = [one.extrapolated["pretrain_tokens"].max() for one in shown if len(one.extrapolated)]
    values = [value for one in shown for value in one.curve.values] + ([baseline.value] if baseline else [])
    title = f"{task}: test {label.name} after finetuning on {pairs:,} pairs"
    id = names.unused("curve", task, pairs, metric)
    return Chart(
        id=id,
        stem=figure_name(task, pairs, metric),
        title=title,
        alt=" ".join(_told(title, shown, baseline, metric)),
        x=token_axis(ticks, ends),
        y=Axis(f"{label.name} ({label.unit})", limits=limits_around(values, series)),
        series=series,
        entries=entries,
        table=_points_table(shown, baseline, metric, id, title),
        level=(baseline.value, "no pretraining") if baseline else None,
        notes=footnote(here, metric, shown) if shown else [],
    )


_LAW_KEYS = ["task", "finetune_pairs", "mixture", "metric", "role"]


def first_shown(shown: Sequence[ShownCurve], metric: str) -> set[str]:
    """The mixtures that are drawn at first: all where they are few, else the best at their largest Dp."""
    if len(shown) <= MOST_SHOWN + 2:
        return {one.curve.mixture for one in shown}
    sign = 1 if METRIC_LABELS[metric].lower_is_better else -1
    best = sorted(shown, key=lambda one: sign * one.curve.points[-1].value)
    return {one.curve.mixture for one in best[:MOST_SHOWN]}


def _of_curve(one: ShownCurve, style: MixtureStyle, metric: str, most: int) -> Iterator[Series]:
    mixture, colour = one.curve.mixture, style.colour
    last_fitted = one.curve.tokens[max(one.n_fit, 1) - 1]
    tested = one.tested["pretrain_tokens"]
    for line, dash in (
        (one.tested[tested <= last_fitted], "solid"),
        (one.tested[tested >= last_fitted], "dash"),
        (one.extrapolated, "dot"),
    ):
        if len(line) < 2:
            continue
        line = thinned(line, most)
        tokens = line["pretrain_tokens"].astype(float).tolist()
        ends = line[["low", "high"]].to_numpy(float)
        if np.isfinite(ends).all():
            low, high = ends.T.tolist()
            yield Series("band", tokens, [], colour, low=low, high=high, group=mixture)
        predicted = line["predicted"].astype(float).tolist()
        yield Series("line", tokens, predicted, colour, dash=dash, group=mixture)
    for filled in (True, False):
        points = [p for n, p in enumerate(one.curve.points) if (n < one.n_fit or one.law is None) == filled]
        if points:
            yield Series(
                "points",
                [float(point.pretrain_tokens) for point in points],
                [point.value for point in points],
                colour,
                style.marker,
                filled,
                low=[point.low for point in points],
                high=[point.high for point in points],
                group=mixture,
                hover=[
                    f"{mixture}, Dp = {short_count(point.pretrain_tokens)}: "
                    + with_interval(metric, point.value, point.low, point.high)
                    + ("" if one.law is None else ", fitted" if filled else ", held out")
                    for point in points
                ],
            )


def thinned(line: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows of a line, with its ends."""
    if len(line) <= most:
        return line
    return line.iloc[np.unique(np.linspace(0, len(line) - 1, most).round().astype(int))]


def token_axis(tokens: Sequence[float], ends: Sequence[float] = (), margin: float = 0.04) -> Axis:
    """A logarithmic axis of pretraining tokens, with a tick at every Dp and at doublings beyond.

    margin: what is free at either end, as a share of the axis.
    """
    title = "pretraining tokens (Dp)"
    ticks = sorted({float(each) for each in tokens})
    if not ticks:
        return Axis(title, log=True)
    end = max([ticks[-1], *ends])
    while ticks[-1] * 2 <= end * 1.001:
        ticks.append(ticks[-1] * 2)
    free = (end / ticks[0]) ** margin if end > ticks[0] else ALONE_SPAN
    width = np.log(end / ticks[0]) or 1.0
    kept: list[float] = []
    for tick in ticks:
        if not kept or (np.log(tick) - np.log(kept[-1])) / width > _ROOM:
            kept.append(tick)
    limits = (ticks[0] / free, end * free)
    return Axis(title, log=True, limits=limits, ticks=(kept, [short_count(tick) for tick in kept]))


def limits_around(
    values: Sequence[float], series: Sequence[Series], leeway: float = 0.5
) -> tuple[float, float]:
    """The vertical axis around the points and their bars, and around lines as far as there is leeway."""
    ends = [end for one in series if one.kind == "points" for end in (*one.low, *one.high)]
    near = [value for value in (*values, *ends) if np.isfinite(value)]
    low, high = min(near), max(near)
    spread = (high - low) or abs(high) * 0.1 or 1.0
    far = [v for one in series if one.kind in ("line", "band") for v in (*one.y, *one.low, *one.high)]
    far = [value for value in far if np.isfinite(value)]
    if far:
        low = min(low, max(min(far), low - leeway * spread))
        high = max(high, min(max(far), high + leeway * spread))
    margin = 0.06 * (high - low or spread)
    return low - margin, high + margin


def _told(title: str, shown: Sequence[ShownCurve], baseline, metric: str) -> Iterator[str]:
    yield f"{title}."
    if shown:
        first = min(one.curve.tokens[0] for one in shown)
        last = max(one.curve.tokens[-1] for one in shown)
        many = f"{len(shown)} mixtures" if len(shown) > 1 else "1 mixture"
        yield f"{many}, Dp from {short_count(first)} to {short_count(last)}."
    for one in shown[:_TOLD]:
        begin, end = one.curve.points[0], one.curve.points[-1]
        values = [with_interval(metric, p.value, np.nan, np.nan) for p in (begin, end)]
        if begin is end:
            yield f"{one.curve.mixture}: a single point at {values[0]}."
        else:
            went = "falls" if end.value < begin.value else "rises" if end.value > begin.value else "stays"
            yield f"{one.curve.mixture} {went} from {values[0]} to {values[1]} ({one.outcome()})."
    if len(shown) > _TOLD:
        yield f"{len(shown) - _TOLD} more are in the table below."
    if baseline is not None:
        yield f"No pretraining: {with_interval(metric, baseline.value, np.nan, np.nan)}."


def _points_table(shown: Sequence[ShownCurve], baseline, metric: str, id: str, caption: str) -> Table:
    rows = [
        {
            "mixture": one.curve.mixture,
            "pretrain_tokens": point.pretrain_tokens,
            "value": point.value,
            "low": point.low,
            "high": point.high,
            "n_seeds": point.n_seeds,
            "used": "" if one.law is None else "fitted" if number < one.n_fit else "held out",
            "law": _at(one, point.pretrain_tokens),
        }
        for one in shown
        for number, point in enumerate(one.curve.points)
    ]
    if baseline is not None:
        rows.insert(
            0,
            {
                "mixture": "no pretraining",
                "pretrain_tokens": 0,
                "value": baseline.value,
                "low": baseline.low,
                "high": baseline.high,
                "n_seeds": baseline.n_seeds,
                "used": "baseline",
                "law": np.nan,
            },
        )
    value = fixed(METRIC_LABELS[metric].decimals)
    columns = (
        Column("mixture", "mixture"),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("value", metric_name(metric), value, numeric=True),
        Column("low", "from", value, numeric=True),
        Column("high", "to", value, numeric=True),
        Column("n_seeds", "seeds", numeric=True),
        Column("used", "used"),
        Column("law", "law of the fitted points", value, numeric=True),
    )
    frame = pd.DataFrame(rows, columns=[column.name for column in columns])
    return Table(f"{id}-points", caption, frame, columns)


def _at(one: ShownCurve, tokens: float) -> float:
    """The law of the fitted points at a Dp, between neighbours of its line; NaN where it has none there."""
    line = one.tested[["pretrain_tokens", "predicted"]].astype(float)
    if line.empty:
        return np.nan
    at = np.log(line["pretrain_tokens"])
    return float(np.interp(np.log(tokens), at, line["predicted"], left=np.nan, right=np.nan))
