"""`downlaw next`: the run that narrows the deciding interval most for its FLOPs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import pandas as pd
import typer
from rich.console import Group, RenderableType

from downlaw.laws.bootstrap import DEFAULT_LEVEL
from downlaw.laws.next_run import next_runs
from downlaw.laws.verdicts import verdict_runs

from .errors import note
from .options import (
    DEFAULT_TABLE,
    ColumnsOption,
    ConstantsOption,
    CsvOption,
    FileOption,
    FlopsPerTokenOption,
    JsonOption,
    LawOption,
    LevelOption,
    NoiseOption,
    ResamplesOption,
    TableArgument,
    amount,
    check_level,
)
from .output import Output, as_printed, count, heading, noise_of, number, table_for_people, titled
from .tables import Input, open_runs, require_flops

SHOWN = 10
"""Ranked runs that a terminal shows of each task."""

LOSS = "cross_entropy"


def next_run(
    table: TableArgument = DEFAULT_TABLE,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="Decide at this many pretraining tokens, as in 2e9, 500M or 10B. By default at 4 times the"
            " largest Dp that all mixtures have.",
            metavar="TOKENS",
        ),
    ] = None,
    flops_per_token: FlopsPerTokenOption = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="What decides. By default the table's first score.", metavar="METRIC"),
    ] = None,
    law: LawOption = None,
    noise: NoiseOption = None,
    resamples: ResamplesOption = None,
    level: LevelOption = DEFAULT_LEVEL,
    column: ColumnsOption = None,
    constant: ConstantsOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    output: FileOption = None,
) -> None:
    """Rank the runs to make next by how much surer they make the choice of a mixture, per FLOP.

    Example: downlaw next runs.csv --metric bleu --budget 10B --noise 0.02
    """
    check_level(level)
    out = Output(as_json, as_csv, output)
    tokens = amount(budget, "--budget") if budget else None
    rate = amount(flops_per_token, "--flops-per-token") if flops_per_token else None
    given = open_runs(
        table,
        metrics=[metric] if metric else None,
        law=law,
        resamples=resamples,
        noise=noise,
        columns=column,
        constants=constant,
    )
    if rate is None:
        require_flops(given, "the cost of a run")
    decides = metric or min(given.metrics, key=lambda name: name == LOSS)
    if len(given.metrics) > 1:
        note(f"decided by {decides}; --metric chooses another")
    found = next_runs(
        given.runs,
        metric=decides,
        budget=tokens,
        verdicts=verdict_runs(given.runs, level=level, **given.how),
        flops_per_token=rate,
        level=level,
        **given.how,
    )
    if (found["status"] == "noise unknown").any():
        note("nothing is ranked where the noise is unknown; --noise 0.02 says that it is 2% of the metric")
    out.write(as_printed(found, given), lambda _: _next_runs(found, given))


def _next_runs(found: pd.DataFrame, given: Input) -> RenderableType:
    tables = []
    for (task, pairs, metric), rows in found.groupby(["task", "finetune_pairs", "metric"], sort=False):
        columns = {"": "right", "run": "fold", "mixture": "fold"}
        view = table_for_people(columns | dict.fromkeys(["Dp", "FLOPs", "interval now", "after"], "right"))
        ranked = rows[rows["rank"].notna()].sort_values("rank")
        for row in ranked.head(SHOWN).to_dict("records"):
            view.add_row(
                f"{row['rank']:.0f}",
                row["run"],
                row["mixture"],
                count(row["pretrain_tokens"]),
                number(row["flops"]),
                number(row["width_now"]),
                number(row["width_after"]),
            )
        title = f"{heading(task, pairs, metric, given)}, the next run"
        caption = "\n".join([*_what_decides(rows), *_not_shown(rows, len(ranked) - SHOWN)])
        tables.append(titled(title, view, caption))
    return Group(*tables)


def _what_decides(rows: pd.DataFrame) -> Iterator[str]:
    first = rows.iloc[0]
    if isinstance(first["deciding"], str):
        decided = (
            "" if pd.isna(first["decided"]) else ", decided" if first["decided"] else ", not decided yet"
        )
        yield (
            f"interval: width of the {first['interval_level']:.0%} interval of ln({first['metric']}) of"
            f" {first['deciding']} at {count(first['budget'])} tokens{decided}"
        )
        yield noise_of(rows)


def _not_shown(rows: pd.DataFrame, n_more: int) -> Iterator[str]:
    if n_more > 0:
        yield f"{n_more} more that gain less for their FLOPs"
    for status, same in rows[rows["rank"].isna()].groupby("status", sort=False):
        if status == "no gain":
            yield f"{len(same)} would gain next to nothing"
        elif same["run"].isna().all():
            yield from same["reason"]
        else:
            runs = sorted(
                {f"{run} of {mixture}" for run, mixture in zip(same["run"], same["mixture"], strict=True)}
            )
            yield f"not ranked: {', '.join(runs)} ({same['reason'].iloc[0]})"
