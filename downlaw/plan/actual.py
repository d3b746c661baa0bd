"""A stored plan beside what the study took, from Snakemake's benchmarks and the table of costs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd

from downlaw.costs import COLUMNS as COST_COLUMNS
from downlaw.durations import duration
from downlaw.files import read_json, write_aside
from downlaw.study import LmStudy, Study

from .errors import PlanError
from .estimate import plan_study
from .graph import graph
from .schedule import Machine
from .throughput import ABOUT, NUMBERS, Throughput, throughput_of

COLUMNS = [
    "rule", "jobs_planned", "jobs", "tokens_planned", "tokens", "seconds_planned", "seconds_rescaled",
    "seconds",
]  # fmt: skip
ALL, WALL = "all", "wall time"
"""The last two rows: all jobs together, and from the start of the first to the end of the last."""

_PAUSE_SECONDS = 120.0
"""Between two jobs: with a longer one the study was stopped, and the pause does not count."""


@dataclass(frozen=True)
class Beside:
    """What was planned and what was measured.

    Attributes:
        table: one row a rule, with the columns `COLUMNS`; then the rows `ALL` and `WALL`. `seconds_planned`
            are the stored plan's, `seconds_rescaled` the same with the calibration that was repeated at the
            end, empty without one; `tokens_planned` of finetuning are upper bounds.
        ratio: seconds of the whole study with the second calibration, over those with the first.
    """

    table: pd.DataFrame
    ratio: float | None

    def lines(self) -> Iterator[str]:
        """What a person is told below the table."""
        wall = self.table.set_index("rule").loc[WALL]
        took = wall["seconds"]
        if pd.notna(took) and took:
            planned = wall["seconds_planned"]
            if pd.notna(planned):
                yield f"Planned {duration(planned)}, took {duration(took)} ({planned / took - 1:+.0%})."
            if self.ratio is not None:
                rescaled = wall["seconds_rescaled"]
                yield (
                    f"With the calibration repeated at the end: {duration(rescaled)} "
                    f"({rescaled / took - 1:+.0%}); the machine took {self.ratio:.2f} times as long."
                )
        else:
            yield "No job has been measured yet."


def stored_plan(path: Path) -> dict[str, Any]:
    """A plan that was written before the study ran.

    Raises:
        PlanError: where there is none, or it is no plan with times.
    """
    try:
        found = read_json(path)
        complete = _is_complete(found)
    except FileNotFoundError:
        raise PlanError(
            f"{path}: no plan is stored; before the study runs, snakemake --cores N plan stores one, and so "
            f"does downlaw plan --output {path}"
        ) from None
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: cannot be read as a plan ({error})") from None
    if not complete:
        raise PlanError(f"{path}: is no plan of downlaw")
    return found


_PLANNED = {"rule": str, "jobs": int, "tokens": int, "left": dict}
_LEFT = {"jobs": int, "tokens": int, "seconds": (int, float, NoneType)}


def _is_complete(found: Any) -> bool:
    """Whether a value has what a stored plan is read for."""

    def has(value: Any, kinds: Mapping[str, Any]) -> bool:
        return isinstance(value, dict) and all(
            key in value and isinstance(value[key], kind) for key, kind in kinds.items()
        )

    if not has(
        found,
        {"rules": list, "machine": dict, "totals": (dict, NoneType), "speed": (dict, NoneType)},
    ):
        return False
    if not isinstance(found.get("made_at", 0.0), int | float):
        return False
    timed = found["totals"] is None or has(found["totals"], {"wall_seconds": (int, float)})
    measured = found["speed"] is None or has(found["speed"], {"about": dict, "assumed": list})
    machine = has(found["machine"], {"cores": int}) and set(found["machine"]) <= {
        one.name for one in fields(Machine)
    }
    rules = all(has(rule, _PLANNED) and has(rule["left"], _LEFT) for rule in found["rules"])
    return bool(found["rules"]) and timed and measured and machine and rules


def beside_actual(
    study: Study | LmStudy, stored: Mapping[str, Any], again: Throughput | None = None
) -> Beside:
    """Set a stored plan beside the benchmarks and `costs.csv` of the study's results.

    Args:
        stored: the content of the plan's file.
        again: the same calibration, repeated after the study.
    """
    ratios = _ratios(study, stored, again) if again is not None else {}
    spans = _spans(study.results, stored.get("made_at", 0.0))
    tokens, done = _tokens(study.results), _done(study)
    rows = []
    for rule in stored["rules"]:
        name, left = rule["rule"], rule["left"]
        took = [end - begin for begin, end in spans.get(name, ())]
        planned = left["seconds"]
        rows.append(
            {
                "rule": name,
                "jobs_planned": left["jobs"],
                "jobs": max(0, done[name] - (rule["jobs"] - left["jobs"])),
                "tokens_planned": left["tokens"] or None,
                "tokens": _since(rule, tokens.get(name)),
                "seconds_planned": planned,
                "seconds_rescaled": planned * ratios[name] if planned and name in ratios else None,
                "seconds": sum(took) if took else None,
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    counted = [column for column in COLUMNS if column != "rule"]
    table.loc[len(table)] = {"rule": ALL, **table[counted].sum(min_count=1).to_dict()}
    wall = (stored["totals"] or {}).get("wall_seconds")
    table.loc[len(table)] = {
        "rule": WALL,
        "seconds_planned": wall,
        "seconds_rescaled": wall * ratios[WALL] if wall and ratios else None,
        "seconds": _wall_seconds([span for each in spans.values() for span in each]),
    }
    whole = ("jobs_planned", "jobs", "tokens_planned", "tokens")
    table = table.astype({**dict.fromkeys(whole, "Int64"), **dict.fromkeys(counted[4:], float)})
    return Beside(table.round(1), ratios.get(WALL))


def write_beside(path: Path, found: Beside) -> None:
    """Write the table as CSV, whole or not at all."""
    with write_aside(path) as aside:
        found.table.to_csv(aside, index=False)


def _ratios(study: Study | LmStudy, stored: Mapping[str, Any], again: Throughput) -> dict[str, float]:
    """Seconds of the whole study with the second calibration over those with the first, by rule and WALL."""
    if not stored["speed"]:
        raise PlanError("the stored plan has no times: there is nothing to rescale by another calibration")
    speed = stored["speed"]
    # A zero that was measured stays; one that was assumed says that it is not known.
    numbers = {
        key: speed[key] for key in NUMBERS if speed.get(key) or (key in speed and key not in speed["assumed"])
    }
    first = throughput_of({**numbers, ABOUT: speed["about"]}, "the stored plan")
    machine = Machine(**stored["machine"])
    # What could not be measured again is as it was.
    again = replace(again, **{key: getattr(first, key) for key in again.assumed})
    plans = [plan_study(study, machine, speed, from_nothing=True) for speed in (first, again)]
    ratios = {
        one.whole.rule: two.seconds / one.seconds
        for one, two in zip(plans[0].rules, plans[1].rules, strict=True)
        if one.seconds and two.seconds
    }
    ratios[WALL] = plans[1].totals.wall_seconds / plans[0].totals.wall_seconds
    return ratios


def _done(study: Study | LmStudy) -> Counter[str]:
    """Jobs whose output is there, by rule."""
    return Counter(
        job.rule
        for job in graph(study).values()
        if all((study.results / output).exists() for output in job.outputs)
    )


def _spans(results: Path, since: float) -> dict[str, list[tuple[float, float]]]:
    """When jobs that ended after `since` began and ended, by rule: a benchmark is written at a job's end. Of
    a job that was tried again it holds the last time."""
    spans = defaultdict(list)
    for path in (results / "benchmarks").glob("*/*.tsv"):
        lines, end = path.read_text(encoding="utf-8").splitlines(), path.stat().st_mtime
        if len(lines) > 1 and end >= since:  # with a header alone the job was killed
            spans[path.parent.name].append((end - float(lines[-1].split("\t")[0]), end))
    return spans


def _since(rule: Mapping[str, Any], tokens: int | None) -> int | None:
    """Tokens of what was left when the plan was made; of finetuning known for a whole study alone."""
    before = rule["tokens"] - rule["left"]["tokens"]
    if tokens is None or not before:
        return tokens
    return None if rule["rule"] == "finetune" else max(0, tokens - before)


def _tokens(results: Path) -> dict[str, int]:
    """Tokens trained, by stage, from the table of costs; nothing where it is not there yet."""
    path = results / "costs.csv"
    if not path.exists():
        return {}
    costs = pd.read_csv(path)
    if not set(COST_COLUMNS) <= set(costs):
        return {}
    found = costs.dropna(subset="tokens").groupby("stage")["tokens"].sum()
    return {stage: int(count) for stage, count in found.items()}


def _wall_seconds(spans: list[tuple[float, float]]) -> float | None:
    """The time in which jobs ran, pauses of a stopped study left out."""
    total, latest = 0.0, None
    for begin, end in sorted(spans):
        if latest is None or begin > latest + _PAUSE_SECONDS:
            total += end - begin
        elif end > latest:
            total += end - latest
        latest = end if latest is None else max(latest, end)
    return total if spans else None
