"""What a results folder holds, as far as the page shows it: each table read, or why it is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from downlaw.alignment.relations import RELATION_COLUMNS as ALIGNMENT_RELATION_COLUMNS
from downlaw.contamination import CONTAMINATION_COLUMNS, SCORES_COLUMNS
from downlaw.costs import COLUMNS as COST_COLUMNS
from downlaw.laws import (
    FAMILIES,
    LAW_COLUMNS,
    LM_LAW_COLUMNS,
    LM_LINE_COLUMNS,
    LM_PREDICTION_COLUMNS,
    PREDICTION_COLUMNS,
    TASK_COLUMNS,
    Status,
    TableError,
    read_lm_runs,
    read_runs,
)
from downlaw.laws.relations import RELATION_COLUMNS
from downlaw.laws.tables import read_table
from downlaw.metrics.comparisons import COMPARISON_COLUMNS

from ..labels import METRIC_LABELS, NOISE_LABELS
from ..lines import LINE_COLUMNS
from ..tables import LM_TEXT, VALUATIONS_NEEDED, VERDICTS_NEEDED


class State(StrEnum):
    """What became of a table."""

    READ = "read"
    MISSING = "not there"
    OLDER = "of another version"
    BROKEN = "cannot be read"


@dataclass(frozen=True)
class NotThere:
    """A table that the page shows nothing of: which, and why."""

    file: str
    state: State
    why: str


@dataclass(frozen=True)
class Wanted:
    """A table that the page can show: its file, what it holds, and the columns without which it is not read.

    words: columns whose values must be among those that are known here.
    """

    file: str
    holds: str
    columns: Sequence[str]
    text: Sequence[str] | None = None
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    optional: bool = False


_LAWS = frozenset(FAMILIES)
_STATUSES = frozenset(map(str, Status))
_NOISE = frozenset(NOISE_LABELS)
_METRICS = frozenset(METRIC_LABELS)
_VERDICTS = frozenset({"aligned", "misaligned", "saturated", "inconclusive"})
_FITTED = {"metric": _METRICS, "law": _LAWS, "noise": _NOISE}
_PLAN = ("rule", "jobs_planned", "jobs", "tokens_planned", "tokens", "seconds_planned", "seconds")

COMMON: dict[str, Wanted] = {
    "costs": Wanted("costs.csv", "what each job took", COST_COLUMNS),
    "plan": Wanted("plan.csv", "what was planned beside what was done", _PLAN, optional=True),
}
TRANSFER: dict[str, Wanted] = {
    "laws": Wanted("laws.csv", "the laws of each curve", LAW_COLUMNS, words=_FITTED | {"status": _STATUSES}),
    "lines": Wanted("law_lines.csv", "the laws as figures draw them", LINE_COLUMNS),
    "predictions": Wanted(
        "predictions.csv", "what laws say of held-out points", PREDICTION_COLUMNS, words=_FITTED
    ),
    "verdicts": Wanted(
        "verdicts.csv",
        "the verdict on each curve",
        VERDICTS_NEEDED,
        words={"verdict": _VERDICTS, "metric": _METRICS},
    ),
    "valuations": Wanted(
        "valuations.csv",
        "the mixtures compared at budgets",
        VALUATIONS_NEEDED,
        words={"metric": _METRICS, "noise": _NOISE},
    ),
    "relations": Wanted("metric_relations.csv", "BLEU as a function of cross-entropy", RELATION_COLUMNS),
    "choice": Wanted("choice_laws.csv", "the error of translation choice", ("task", "law"), optional=True),
    "comparisons": Wanted("comparisons.csv", "which differences are noise", COMPARISON_COLUMNS),
    "contamination": Wanted("contamination.csv", "test text seen in training text", CONTAMINATION_COLUMNS),
    "without_seen": Wanted("contamination_scores.csv", "scores without segments seen", SCORES_COLUMNS),
    "noise": Wanted("noise.csv", "how far seeds and test sets move scores", ("task", "metric")),
    "alignment": Wanted("alignment.csv", "how close each mixture is to a task", ("task", "mixture")),
    "alignment_relations": Wanted(
        "alignment_relations.csv", "which measure of closeness ranks the gains", ALIGNMENT_RELATION_COLUMNS
    ),
    **COMMON,
}
LM: dict[str, Wanted] = {
    "laws": Wanted(
        "laws.csv",
        "the laws of loss and error",
        LM_LAW_COLUMNS,
        LM_TEXT,
        {"law": _LAWS, "noise": _NOISE, "status": _STATUSES},
    ),
    "lines": Wanted("law_lines.csv", "the laws as figures draw them", LM_LINE_COLUMNS, LM_TEXT),
    "predictions": Wanted(
        "predictions.csv", "what laws say of runs held out", LM_PREDICTION_COLUMNS, LM_TEXT, {"law": _LAWS}
    ),
    "tasks": Wanted("lm_tasks.csv", "which tasks count in the average error", TASK_COLUMNS, LM_TEXT),
    **COMMON,
}
_FLAGS = {"relations": "holds", "predictions": "inside"}


@dataclass(frozen=True)
class Results:
    """The tables of a results folder that could be read, by name; `runs` is always among them.

    track: transfer or lm. left_out: what is not shown, and why. files: the path of every table read.
    study: the study file, as far as it is known.
    """

    folder: Path
    track: str
    tables: Mapping[str, pd.DataFrame]
    files: Mapping[str, Path]
    left_out: tuple[NotThere, ...]
    study: Mapping[str, Any] | None = None

    @property
    def place(self) -> str:
        """The folder as the page calls it: as the study does, or by its name, never by where it lies."""
        said = Path(str((self.study or {}).get("results") or ""))
        known = said.parts and not said.is_absolute() and ".." not in said.parts
        return said.as_posix() if known else self.folder.resolve().name

    @property
    def title(self) -> str:
        """What the page is called."""
        return str((self.study or {}).get("study") or self.place)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def get(self, name: str) -> pd.DataFrame | None:
        return self.tables.get(name)


def read_results(folder: Path | str) -> Results:
    """Every table of a results folder that can be shown.

    A table that is not there, or was written by a version with other columns or other words, is named in
    `left_out`. Raises TableError where neither runs.csv nor lm_runs.csv is there or can be read as what it
    should be.
    """
    folder = Path(folder)
    for track, file, read, wanted in (
        ("transfer", "runs.csv", read_runs, TRANSFER),
        ("lm", "lm_runs.csv", read_lm_runs, LM),
    ):
        if (folder / file).is_file():
            return _read(folder, track, file, read, wanted)
    where = folder if folder.is_dir() else f"{folder} (no such folder)"
    raise TableError(f"{where}: neither runs.csv nor lm_runs.csv is here; run the study first")


def _read(
    folder: Path,
    track: str,
    file: str,
    read: Callable[[Path], pd.DataFrame],
    wanted: Mapping[str, Wanted],
) -> Results:
    tables, files = {"runs": read(folder / file)}, {"runs": folder / file}
    left_out = []
    for name, one in wanted.items():
        found = _table(folder / one.file, name, one)
        if isinstance(found, pd.DataFrame):
            tables[name], files[name] = found, folder / one.file
        elif found.state != State.MISSING or not one.optional:
            left_out.append(found)
    return Results(folder, track, tables, files, tuple(left_out))


def _table(path: Path, name: str, wanted: Wanted) -> pd.DataFrame | NotThere:
    if not path.is_file():
        why = wanted.holds
        return NotThere(wanted.file, State.MISSING, why)
    try:
        table = read_table(path) if wanted.text is None else read_table(path, wanted.text)
    except TableError as error:
        return NotThere(wanted.file, State.BROKEN, str(error).removeprefix(f"{path}: "))
    lacking = [column for column in wanted.columns if column not in table.columns]
    if lacking:
        columns = f"the column{'s' if len(lacking) > 1 else ''} {', '.join(lacking[:6])}"
        why = (
            f"this table was written by an older version, without {columns}; run the study again to renew it"
        )
        return NotThere(wanted.file, State.OLDER, why)
    for column, known in wanted.words.items():
        values = set(table[column].dropna().astype(str)) if column in table.columns else set()
        if strange := sorted(values - known):
            why = f"its column {column} holds {strange[0]!r}, which this version does not know"
            return NotThere(wanted.file, State.OLDER, f"{why}; run the study again to renew it")
    if "mixture" in table.columns:
        table["mixture"] = table["mixture"].astype(object).fillna("").astype(str)
    if name in _FLAGS and _FLAGS[name] in table.columns:
        column = _FLAGS[name]
        table[column] = table[column].map({True: True, False: False, "True": True, "False": False})
        table[column] = table[column].astype("boolean")
    return table
