"""A table of runs, ours or anyone's, as the commands need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from downlaw.laws import FAMILIES, METRICS, FittedMetric, TableError, check_runs, read_resamples
from downlaw.laws.tables import read_table

from .errors import CommandError, note
from .options import pairs

ONE_CURVE = "all"
"""The mixture of a table that names none."""

_NO_NUMBER = {"nan", "na", "n/a", "null", "none"}


@dataclass(frozen=True)
class Input:
    """What a command works on.

    runs: a checked table of runs. metrics: those to fit, and how. resamples, noise: what is known of the
    noise beyond the table itself. pairs_known: whether the table has a finetuning size; where it has none,
    `finetune_pairs` is 0 and is printed as empty.
    """

    runs: pd.DataFrame
    metrics: dict[str, FittedMetric]
    resamples: pd.DataFrame | None
    noise: float | None
    pairs_known: bool

    @property
    def how(self) -> dict[str, Any]:
        """What the library's functions on a table of runs take."""
        return {"metrics": self.metrics, "resamples": self.resamples, "relative_noise": self.noise}


def open_runs(
    path: Path,
    *,
    metrics: Sequence[str] | None,
    law: str | None = None,
    resamples: Path | None,
    noise: float | None,
    columns: list[str] | None,
    constants: list[str] | None,
) -> Input:
    """Read a table of runs as the options say, and tell on standard error what was taken for granted.

    Raises CommandError for options that do not fit the table, TableError for a table that is none, OSError
    for a file that cannot be read.
    """
    if noise is not None and not 0 < noise < 1:
        raise CommandError(f"--noise {noise:g}: must lie between 0 and 1; 0.02 is 2% of the metric")
    path = _table_in(path)
    table = read_any(path, pairs(columns, "--column"))
    table = _with_tokens_and_a_metric(table, path)
    table = _filled(table, path, pairs(constants, "--set"))
    table, pairs_known = _as_one_curve(table, path)
    for metric in METRICS:
        if metric in table.columns and table[metric].dtype == object:
            table[metric] = table[metric].mask(table[metric].astype(str).str.lower().isin(_NO_NUMBER))
    runs = check_runs(table, str(path))
    if not (runs["pretrain_tokens"] > 0).any():
        raise TableError(f"{path}: no run has more than 0 pretrain_tokens")
    how = _metrics(runs, path, metrics, law)
    return Input(runs, how, _resamples(path, resamples, noise), noise, pairs_known)


def read_any(path: Path, names: dict[str, str]) -> pd.DataFrame:
    """Any table, in a results folder its runs, with columns renamed: ours by theirs. Raises CommandError,
    TableError and OSError as open_runs does."""
    path = _table_in(path)
    table = _read(path)
    if table.empty:
        raise TableError(f"{path}: no rows below the column names")
    return _renamed(table, path, names)


def require_flops(given: Input, purpose: str) -> None:
    """Raise CommandError where nothing is known of what pretraining costs."""
    if "pretrain_flops" not in given.runs.columns:
        raise CommandError(
            f"column 'pretrain_flops' is missing, and {purpose} needs it; --flops-per-token says what a token"
            " costs, about 6 x parameters"
        )


def _table_in(path: Path) -> Path:
    """The table itself, of a results folder its runs."""
    if not path.is_dir():
        return path
    for name in ("runs.csv", "runs.parquet"):
        if (path / name).exists():
            return path / name
    raise CommandError(f"{path}: no runs.csv in this folder; run the study first, or name a table")


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise CommandError(f"{path}: Parquet needs the package pyarrow; install it, or give the table as CSV")
    try:
        return read_table(path)
    except FileNotFoundError:
        raise CommandError(f"{path}: no such file; give a table of runs or a results folder") from None


def _renamed(table: pd.DataFrame, path: Path, names: dict[str, str]) -> pd.DataFrame:
    for ours, theirs in names.items():
        if theirs not in table.columns:
            there = ", ".join(map(str, table.columns))
            raise CommandError(f"--column {ours}={theirs}: {path} has no column {theirs!r}, but {there}")
        if ours in table.columns and ours not in names.values():
            raise CommandError(f"--column {ours}={theirs}: {path} has a column {ours!r} already")
    return table.rename(columns={theirs: ours for ours, theirs in names.items()})


def _with_tokens_and_a_metric(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if "pretrain_tokens" not in table.columns and "tokens" in table.columns:
        note(f"{path}: column tokens is read as pretrain_tokens")
        table = table.rename(columns={"tokens": "pretrain_tokens"})
    if "pretrain_tokens" not in table.columns:
        there = ", ".join(map(str, table.columns))
        raise TableError(
            f"{path}: column 'pretrain_tokens' is missing; there are {there}. Name the one that holds it:"
            " --column pretrain_tokens=NAME"
        )
    if not set(METRICS) & set(table.columns):
        there = ", ".join(map(str, table.columns))
        raise TableError(
            f"{path}: no metric to fit: none of {', '.join(METRICS)} is among its columns, {there}."
            " Name the one that holds it, as in --column bleu=NAME"
        )
    return table


def _filled(table: pd.DataFrame, path: Path, constants: dict[str, str]) -> pd.DataFrame:
    for name, value in constants.items():
        if name in table.columns:
            raise CommandError(f"--set {name}={value}: {path} has a column {name!r} already")
        table[name] = value
    return table


def _as_one_curve(table: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, bool]:
    """The table with the columns that tell curves apart, and whether it had a finetuning size."""
    absent = [name for name in ("task", "finetune_pairs", "mixture") if name not in table.columns]
    if absent:
        note(f"{path}: no column {', '.join(absent)}: one for all rows (--set NAME=VALUE names it)")
    if "task" in absent:
        table["task"] = path.stem
    if "finetune_pairs" in absent:
        table["finetune_pairs"] = 0
    if "mixture" in absent:
        unpretrained = pd.to_numeric(table["pretrain_tokens"], errors="coerce") == 0
        table["mixture"] = pd.Series(ONE_CURVE, index=table.index).mask(unpretrained, "")
        if unpretrained.any():
            note(f"{path}: {unpretrained.sum()} of {len(table)} rows have 0 tokens: the baseline, not fitted")
    return table, "finetune_pairs" not in absent


def _metrics(
    runs: pd.DataFrame, path: Path, wanted: Sequence[str] | None, law: str | None
) -> dict[str, FittedMetric]:
    """The metrics to fit; with `law`, by that family and with the metric's usual one as a rival."""
    there = [metric for metric in METRICS if metric in runs.columns]
    for metric in wanted or []:
        if metric not in METRICS:
            raise CommandError(f"--metric {metric}: no such metric; there are {', '.join(METRICS)}")
        if metric not in there:
            raise CommandError(f"--metric {metric}: {path} has only {', '.join(there)}")
    kept = runs[runs["selected"] & (runs["status"] == "ok") & (runs["pretrain_tokens"] > 0)]
    chosen = {}
    for metric in dict.fromkeys(wanted or there):
        missing = int(kept[metric].isna().sum())
        if missing and missing == len(kept):
            if wanted:
                raise TableError(f"{path}: {metric} has not a single number")
            continue
        if missing:
            note(f"{path}: {metric} is missing in {missing} of {len(kept)} runs, which are in no curve")
        chosen[metric] = METRICS[metric] if law is None else _by(law, METRICS[metric])
    if not chosen:
        raise TableError(f"{path}: no run has a score: {', '.join(there)} are empty")
    return chosen


def _by(law: str, how: FittedMetric) -> FittedMetric:
    fitting = [name for name, family in FAMILIES.items() if family.inputs == ("pretrain_tokens",)]
    if law in FAMILIES and law not in fitting:
        raise CommandError(
            f"--law {law}: takes {' and '.join(FAMILIES[law].inputs)}, not pretrain_tokens alone; curves over"
            f" Dp are fitted by {', '.join(fitting)}"
        )
    if law not in FAMILIES:
        raise CommandError(f"--law {law}: no such family; there are {', '.join(fitting)}")
    rivals = tuple(name for name in (how.law, *how.rivals) if name != law)
    return replace(how, law=law, rivals=rivals)


def _resamples(path: Path, given: Path | None, noise: float | None) -> pd.DataFrame | None:
    """Resamples that were asked for, or that lie beside the table; a noise that was given stands alone."""
    if given is not None and noise is not None:
        raise CommandError("--noise and --resamples both say what the noise is; give one of them")
    beside = path.with_name("resamples.parquet")
    if given is None and (noise is not None or not beside.exists()):
        return None
    chosen = given or beside
    if chosen.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise CommandError(f"{chosen}: Parquet needs the package pyarrow; install it, or give --noise")
    try:
        return read_resamples(chosen)
    except FileNotFoundError:
        raise CommandError(f"--resamples {chosen}: no such file") from None
