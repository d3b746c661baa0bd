"""`downlaw verdict` and `downlaw value`: what to pretrain on."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer
from rich.console import Group, RenderableType

from downlaw.laws import METRICS
from downlaw.laws.bootstrap import DEFAULT_LEVEL
from downlaw.laws.comparison import Answer
from downlaw.laws.fit import DEFAULT_N_FIT
from downlaw.laws.valuation import value_runs
from downlaw.laws.verdicts import verdict_runs
from downlaw.report.labels import METRIC_LABELS

from .errors import CommandError, note
from .options import (
    DEFAULT_TABLE,
    ColumnsOption,
    ConstantsOption,
    CsvOption,
    FileOption,
    FitPointsOption,
    FlopsPerTokenOption,
    JsonOption,
    LawOption,
    LevelOption,
    MetricsOption,
    NoiseOption,
    ResamplesOption,
    TableArgument,
    amount,
    check_level,
    fit_points,
)
from .output import (
    Output,
    as_printed,
    count,
    heading,
    noise_of,
    number,
    table_for_people,
    tell_of_noise,
    titled,
    with_interval,
)
from .tables import Input, open_runs, require_flops

LOSS = "cross_entropy"
AT_BUDGET = "score at a budget"

TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        help="A score to reach, as in bleu=25, or 25 where there is one metric (repeatable)."
        " By default the best score that any mixture has.",
        metavar="SCORE",
    ),
]


def verdict(
    table: TableArgument = DEFAULT_TABLE,
    metric: MetricsOption = None,
    law: LawOption = None,
    n_fit: FitPointsOption = None,
    noise: NoiseOption = None,
    resamples: ResamplesOption = None,
    level: LevelOption = DEFAULT_LEVEL,
    column: ColumnsOption = None,
    constant: ConstantsOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    output: FileOption = None,
) -> None:
    """Say of each mixture whether its scores are aligned, misaligned, saturated, or inconclusive.

    Example: downlaw verdict runs.csv --metric bleu --noise 0.02
    """
    check_level(level)
    points, out = fit_points(n_fit or str(DEFAULT_N_FIT)), Output(as_json, as_csv, output)
    given = open_runs(
        table, metrics=metric, law=law, resamples=resamples, noise=noise, columns=column, constants=constant
    )
    if set(given.metrics) == {LOSS}:
        raise CommandError("verdicts are on scores, such as bleu; cross_entropy is evidence beside them")
    found = verdict_runs(given.runs, n_fit=points, level=level, **given.how)
    if found["noise"].isna().any():
        note("a verdict needs a noise; --noise 0.02 says that it is 2% of the metric")
    out.write(as_printed(found, given), lambda _: _verdicts(found, given))


def value(
    table: TableArgument = DEFAULT_TABLE,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            "--budget",
            help="Compare at this many pretraining tokens, as in 2e9, 500M or 10B (repeatable). By default at"
            " 1, 2 and 4 times the largest Dp that all mixtures have.",
            metavar="TOKENS",
        ),
    ] = None,
    flops: Annotated[
        list[str] | None,
        typer.Option(
            "--flops", help="Compare at this many FLOPs of pretraining (repeatable).", metavar="FLOPS"
        ),
    ] = None,
    flops_per_token: FlopsPerTokenOption = None,
    target: TargetOption = None,
    metric: MetricsOption = None,
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
    """Compare mixtures: scores at a budget, and the tokens that reach a target.

    Example: downlaw value runs.csv --metric bleu --budget 10B --target 25 --noise 0.02
    """
    check_level(level)
    out = Output(as_json, as_csv, output)
    budgets = [amount(text, "--budget") for text in budget or []]
    flop_budgets = [amount(text, "--flops") for text in flops or []]
    given = open_runs(
        table, metrics=metric, law=law, resamples=resamples, noise=noise, columns=column, constants=constant
    )
    if flop_budgets and not flops_per_token:
        require_flops(given, "a budget in FLOPs")
    found = value_runs(
        given.runs,
        budgets=budgets or None,
        flop_budgets=flop_budgets or None,
        targets=targets(target, given) or None,
        verdicts=verdict_runs(given.runs, level=level, **given.how),
        flops_per_token=amount(flops_per_token, "--flops-per-token") if flops_per_token else None,
        level=level,
        **given.how,
    )
    tell_of_noise(found)
    out.write(as_printed(found, given), lambda _: _valuations(found, given))


def targets(texts: list[str] | None, given: Input) -> dict[str, list[float]]:
    """Scores to reach by metric. Raises CommandError for a metric that is not fitted, and for a bare number
    where there are several."""
    found: dict[str, list[float]] = {}
    for text in texts or []:
        metric, _, score = text.rpartition("=")
        if not metric and len(given.metrics) > 1:
            raise CommandError(
                f"--target {text}: a score of which metric? Write one of"
                f" {', '.join(f'{name}={score}' for name in given.metrics)}"
            )
        metric = metric or next(iter(given.metrics))
        if metric not in given.metrics:
            there = METRICS if metric not in METRICS else given.metrics
            raise CommandError(f"--target {text}: there is no {metric!r} here, but {', '.join(there)}")
        found.setdefault(metric, []).append(amount(score, "--target"))
    return found


def _verdicts(found: pd.DataFrame, given: Input) -> RenderableType:
    tables = []
    for (task, pairs, metric), rows in found.groupby(["task", "finetune_pairs", "metric"], sort=False):
        view = table_for_people({"mixture": "fold", "verdict": "left", "points": "right", "because": "fold"})
        for row in rows.to_dict("records"):
            view.add_row(row["mixture"], row["verdict"], str(row["n_points"]), row["reason"])
        tables.append(titled(heading(task, pairs, metric, given), view, noise_of(rows)))
    return Group(*tables)


def _valuations(found: pd.DataFrame, given: Input) -> RenderableType:
    tables = []
    keys = ["task", "finetune_pairs", "metric", "question"]
    for (task, pairs, metric, question), rows in found.groupby(keys, sort=False):
        draw = _at_budgets if question == AT_BUDGET else _to_targets
        tables.append(draw(f"{heading(task, pairs, metric, given)}, {question}", metric, rows))
    return Group(*tables)


def _at_budgets(title: str, metric: str, rows: pd.DataFrame) -> RenderableType:
    decimals = METRIC_LABELS[metric].decimals + 1
    view = table_for_people(
        {"mixture": "fold", "Dp": "right", "predicted": "right", "best in": "right"}
        | {"against best": "right", "answer": "fold"}
    )
    budgets = rows["budget_flops"].fillna(rows["pretrain_tokens"])
    for _, same in rows.groupby(budgets, sort=False, dropna=False):
        for row in same.to_dict("records"):
            view.add_row(
                row["mixture"],
                count(row["pretrain_tokens"]),
                _between(row, "predicted", decimals),
                _share(row["share_best"]),
                _between(row, "difference", decimals),
                _answer(row),
            )
        view.add_section()
    ranked = rows["share_best"].notna().any()
    more = "best in: share of draws in which this mixture is the best" if ranked else ""
    caption = _interval_caption(rows, more)
    return titled(title, view, caption)


def _to_targets(title: str, metric: str, rows: pd.DataFrame) -> RenderableType:
    decimals = METRIC_LABELS[metric].decimals
    view = table_for_people(
        {"mixture": "fold", "target": "right", "tokens": "right", "reached in": "right"}
        | {"times the best": "right", "answer": "fold"}
    )
    for _, same in rows.groupby("target", sort=False, dropna=False):
        for row in same.to_dict("records"):
            ends = [count(row[f"pretrain_tokens_{end}"]) or "?" for end in ("low", "high")]
            tokens = count(row["pretrain_tokens"])
            view.add_row(
                row["mixture"],
                number(row["target"], decimals),
                f"{tokens} [{', '.join(ends)}]" if tokens and ends != ["?", "?"] else tokens,
                _share(row["share_reached"]),
                _between(row, "times_tokens"),
                _answer(row),
            )
        view.add_section()
    caption = _interval_caption(rows, "reached in: share of draws in which the target is reached")
    return titled(title, view, caption)


def _between(row: dict, name: str, decimals: int | None = None) -> str:
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], decimals)


def _share(share: object) -> str:
    return "" if pd.isna(share) else f"{share:.0%}"


def _answer(row: dict) -> str:
    """What a row is worth, where it is not simply worth something."""
    if row["answer"] == Answer.OK:
        return ""
    if row["answer"] == Answer.FAR:
        return f"{row['answer']}, {row['extrapolation']:.0f}x"
    return f"{row['answer']}: {row['reason']}" if isinstance(row["reason"], str) else row["answer"]


def _interval_caption(rows: pd.DataFrame, more: str) -> str:
    levels = rows["interval_level"].dropna()
    said = [f"[ ]: {levels.iloc[0]:.0%} interval", more] if len(levels) else []
    return "\n".join(["; ".join(filter(None, said)), noise_of(rows)]).strip()
