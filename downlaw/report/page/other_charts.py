"""Charts that are no curves: BLEU against cross-entropy, degenerate output, cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from downlaw.laws.relations import values_at
from downlaw.laws.tables import KEYS, SEEDS

from ..canvas import GREY
from ..degenerate import FAULTS, LEAST_SHARE
from ..figures import figure_name
from ..labels import METRIC_LABELS, MixtureStyle, short_count
from .blocks import Axis, Chart, Column, Entry, Names, Series, Table, count, duration, fixed, percent
from .curve_charts import MOST_SHOWN, NO_PRETRAINING, token_axis


def metrics_chart(
    here: pd.DataFrame, styles: Mapping[str, MixtureStyle], relations: pd.DataFrame | None, names: Names
) -> Chart | None:
    """BLEU over cross-entropy for the selected runs of one task and finetuning size, after Isik et al. 2024,
    Fig. 5; None where no run has both."""
    task, pairs = str(here["task"].iloc[0]), int(here["finetune_pairs"].iloc[0])
    if not {"bleu", "cross_entropy"} <= set(here.columns):
        return None
    kept = here[here["selected"] & (here["status"] == "ok")].dropna(subset=["bleu", "cross_entropy"])
    kept = kept[kept["bleu"] > 0].sort_values([*KEYS, *SEEDS], kind="stable")
    if kept.empty:
        return None
    series, entries = [], []
    present = [mixture for mixture in styles if (kept["mixture"] == mixture).any()]
    for place, mixture in enumerate(present):
        mine, style = kept[kept["mixture"] == mixture], styles[mixture]
        law = _relation(relations, mixture)
        words = style.label if law is None else f"{style.label}: {_relation_said(law)}"
        entries.append(Entry(mixture, words, style.colour, style.marker, place < MOST_SHOWN + 2))
        if law is not None and pd.notna(law["b"]) and len(mine) > 1:
            losses = np.linspace(mine["cross_entropy"].min(), mine["cross_entropy"].max(), 20)
            dash = "solid" if law["holds"] is not pd.NA and bool(law["holds"]) else "dot"
            values = np.asarray(values_at(law, losses), float).tolist()
            series.append(Series("line", losses.tolist(), values, style.colour, dash=dash, group=mixture))
        series.append(_marks(mine, style.colour, style.marker, mixture))
    baseline = kept[kept["pretrain_tokens"] == 0]
    if len(baseline):
        entries.append(NO_PRETRAINING)
        series.append(_marks(baseline, GREY, "x", ""))
    loss, bleu = METRIC_LABELS["cross_entropy"], METRIC_LABELS["bleu"]
    title = f"{task}: test BLEU against cross-entropy after finetuning on {pairs:,} pairs"
    id = names.unused("metrics", task, pairs)
    ranks = kept["bleu"].rank().corr(kept["cross_entropy"].rank()) if len(kept) > 2 else np.nan
    columns = (
        Column("mixture", "mixture", lambda name: name or "no pretraining"),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("cross_entropy", loss.name, fixed(loss.decimals), numeric=True),
        Column("bleu", bleu.name, fixed(bleu.decimals), numeric=True),
    )
    holds = [_relation_said(one) for _, one in relations.iterrows() if one["scope"] == "all"] if (
        relations is not None
    ) else []  # fmt: skip
    correlation = "" if np.isnan(ranks) else f" Rank correlation {ranks:+.2f}."
    return Chart(
        id=id,
        stem=figure_name(task, pairs, "metrics"),
        title=title,
        alt=f"{title}. {len(kept)} runs; BLEU from {kept['bleu'].min():.1f} to {kept['bleu'].max():.1f},"
        f" cross-entropy from {kept['cross_entropy'].min():.3f} to {kept['cross_entropy'].max():.3f}."
        f"{correlation}",
        x=Axis(f"{loss.name} ({loss.unit})"),
        y=Axis(f"{bleu.name} ({bleu.unit}, logarithmic)", log=True),
        series=series,
        entries=entries,
        table=Table(f"{id}-points", title, kept[[c.name for c in columns]], columns, "runs.csv"),
        notes=[
            "A mark is a run. Lines: BLEU = a exp(-b cross-entropy) of a mixture, solid where it holds,"
            " dotted where it does not.",
            *(f"All runs together: {one}." for one in holds),
        ],
    )


def _relation(relations: pd.DataFrame | None, mixture: str) -> pd.Series | None:
    if relations is None:
        return None
    own = relations[(relations["scope"] == "mixture") & (relations["mixture"] == mixture)]
    return own.iloc[0] if len(own) else None


def _relation_said(law: pd.Series) -> str:
    if law["holds"] is pd.NA or pd.isna(law["holds"]):
        return f"undecided: {law['reason']}"
    return f"holds, b = {law['b']:.2f} per nat" if law["holds"] else f"fails: {law['reason']}"


def _marks(mine: pd.DataFrame, colour: str, marker: str, group: str) -> Series:
    low, high = ([], [])
    if {"bleu_low", "bleu_high"} <= set(mine.columns):
        low, high = (mine[end].astype(float).clip(lower=1e-3).tolist() for end in ("bleu_low", "bleu_high"))
    return Series(
        "points",
        mine["cross_entropy"].tolist(),
        mine["bleu"].tolist(),
        colour,
        marker,
        low=low,
        high=high,
        group=group,
        hover=[
            f"{group or 'no pretraining'}, Dp = {short_count(row.pretrain_tokens)}: BLEU {row.bleu:.1f},"
            f" cross-entropy {row.cross_entropy:.3f}"
            for row in mine.itertuples()
        ],
    )


def degenerate_charts(
    here: pd.DataFrame, styles: Mapping[str, MixtureStyle], names: Names
) -> Iterator[Chart]:
    """The share of degenerate output over Dp, a chart for each fault that is ever worth telling."""
    task, pairs = str(here["task"].iloc[0]), int(here["finetune_pairs"].iloc[0])
    kept = here[here["selected"] & (here["status"] == "ok")]
    for fault, words in FAULTS.items():
        if fault not in kept or not (pd.to_numeric(kept[fault], errors="coerce") >= LEAST_SHARE).any():
            continue
        rows = kept.assign(share=pd.to_numeric(kept[fault], errors="coerce")).dropna(subset=["share"])
        means = rows.groupby(["mixture", "pretrain_tokens"], sort=True)["share"].mean()
        series, entries = [], []
        mixtures = [name for name in styles if name in means.index.get_level_values(0)]
        for place, mixture in enumerate(mixtures):
            mine, style = means[mixture], styles[mixture]
            shown = place < MOST_SHOWN + 2
            entries.append(Entry(mixture, style.label, style.colour, style.marker, shown))
            tokens = [float(each) for each in mine.index]
            series.append(Series("line", tokens, mine.tolist(), style.colour, group=mixture))
            hover = [
                f"{mixture}, Dp = {short_count(t)}: {100 * share:.1f}% {words}" for t, share in mine.items()
            ]
            series.append(
                Series(
                    "points", tokens, mine.tolist(), style.colour, style.marker, group=mixture, hover=hover
                )
            )
        level = (float(means["", 0]), "no pretraining") if ("", 0) in means.index else None
        title = f"{task}: share of the output that {words}, {pairs:,} pairs"
        id = names.unused(fault, task, pairs)
        frame = means.reset_index()
        columns = (
            Column("mixture", "mixture", lambda name: name or "no pretraining"),
            Column("pretrain_tokens", "Dp", count, numeric=True),
            Column("share", "share", percent(), numeric=True),
        )
        yield Chart(
            id=id,
            stem=figure_name(task, pairs, fault),
            title=title,
            alt=f"{title}. From {100 * means.min():.0f}% to {100 * means.max():.0f}%"
            + (f"; without pretraining {100 * level[0]:.0f}%." if level else "."),
            x=token_axis([t for _, t in means.index if t > 0]),
            y=Axis("share of hypotheses", percent=True, limits=(0.0, 1.08 * float(means.max()))),
            series=series,
            entries=entries,
            table=Table(f"{id}-points", title, frame, columns, "runs.csv"),
            level=level,
            notes=["Means over seeds."],
        )


def cost_chart(stages: pd.DataFrame, names: Names) -> Chart | None:
    """The time of each stage; stages: of `cost_table`."""
    if stages.empty:
        return None
    most = stages["seconds"].max()
    size, unit = (3600, "hours") if most >= 7200 else (60, "minutes") if most >= 120 else (1, "seconds")
    rows = stages.assign(time=stages["seconds"] / size).sort_values("time", ascending=True)
    title = "Time of each stage, all jobs together"
    id = names.unused("cost", "time")
    first = rows.iloc[-1]
    hover = [f"{row.stage}: {duration(row.seconds)}, {row.jobs} jobs" for row in rows.itertuples()]
    columns = (
        Column("stage", "stage"),
        Column("jobs", "jobs", numeric=True),
        Column("seconds", "time", duration, numeric=True),
    )
    return Chart(
        id=id,
        stem="cost",
        title=title,
        alt=f"{title}: {first['stage']} took most, {duration(first['seconds'])} of"
        f" {duration(rows['seconds'].sum())}.",
        x=Axis(unit),
        y=Axis(""),
        series=[
            Series("bars", rows["time"].tolist(), rows["stage"].tolist(), "#0072B2", hover=hover),
        ],
        entries=[],
        table=Table(f"{id}-points", title, rows[[c.name for c in columns]].iloc[::-1], columns, "costs.csv"),
    )
