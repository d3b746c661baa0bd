"""What is shown of the over-training track: the points of a training set, its laws, and the words beside
them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from downlaw.laws import FAMILIES, Status
from downlaw.laws.cells import CELL_IN_SET, RUN_IN_SET, Cells
from downlaw.laws.lm_tables import LOSS

from .labels import NOISE_LABELS, enumerate_words
from .shown import DRAWN

RUN = ["training_set", *RUN_IN_SET]
NO_FLOOR = 1e-6
"""An E below this is none: a pure power reaches it only by rounding."""

_MARKERS = ("o", "s", "^", "D", "v", ">", "<")
_LIGHTEST = 0.78
"""How far into viridis colours go; its yellow end would be lost on white."""
_NOTE_WIDTH, _NAME_WIDTH, _MOST_TASKS = 122, 36, 8


@dataclass(frozen=True)
class MultiplierStyle:
    """How a token multiplier is drawn, the same in every figure of a study."""

    label: str
    colour: str
    marker: str


def multiplier_styles(runs: pd.DataFrame) -> dict[float, MultiplierStyle]:
    """A style for every multiplier asked of a table of runs, darkest for the smallest."""
    asked = sorted(runs["multiplier_asked"].unique())
    shades = np.linspace(0, _LIGHTEST, len(asked)) if len(asked) > 1 else [0.3]
    colours = matplotlib.colormaps["viridis"](shades)
    return {
        one: MultiplierStyle(f"M = {one:g}", to_hex(colour), _MARKERS[place % len(_MARKERS)])
        for place, (one, colour) in enumerate(zip(asked, colours, strict=True))
    }


def cells_of(runs: pd.DataFrame, training_set: str) -> Cells:
    """The cells of a training set, as the laws see them."""
    return Cells(runs, None, training_set, samples=1)


def cell_points(cells: Cells, evaluations: Sequence[str], metric: str) -> pd.DataFrame:
    """The cells that have a metric, by growing compute: columns of the grid, value, n_seeds, low and high.

    Where a cell has several seeds, low and high are its smallest and largest run. Where none has, they are
    the interval of the score, if the table of runs has one and there is one evaluation.
    """
    scores = cells.loss(evaluations[0]) if metric == LOSS else cells.average_error(evaluations)
    rows = cells.runs[(cells.runs["status"] == "ok") & (cells.runs["metric"] == metric)]
    rows = rows[rows["evaluation"].isin(evaluations) & rows["value"].notna()]
    by_run = rows.groupby(RUN_IN_SET)["value"].agg(["mean", "size"])
    whole = by_run.loc[by_run["size"] == len(evaluations), "mean"]
    ends = whole.groupby(level=CELL_IN_SET).agg(["min", "max"])
    if (scores.n_seeds > 1).any():
        ends[scores_by_cell(cells, scores.n_seeds).reindex(ends.index) < 2] = math.nan
    elif len(evaluations) == 1 and {"low", "high"} <= set(rows.columns):
        ends = rows.set_index(CELL_IN_SET)[["low", "high"]].apply(pd.to_numeric)
    else:
        ends[:] = math.nan
    ends = ends.reindex(pd.MultiIndex.from_frame(cells.grid[CELL_IN_SET])).to_numpy(float)
    points = cells.grid.assign(value=scores.values, n_seeds=scores.n_seeds, low=ends[:, 0], high=ends[:, 1])
    points = points[points["value"].notna()]
    return points.sort_values(["flops", "multiplier_asked", "model"], ignore_index=True)


def scores_by_cell(cells: Cells, values: np.ndarray) -> pd.Series:
    """Values of all cells of a grid by model and multiplier."""
    return pd.Series(values, pd.MultiIndex.from_frame(cells.grid[CELL_IN_SET]))


def diverged_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each run that diverged."""
    return runs[runs["status"] != "ok"].drop_duplicates(RUN)


def law_of(laws: pd.DataFrame, training_set: str, evaluation: str, metric: str) -> pd.Series | None:
    """The row of a law; None where there is none."""
    here = (laws["training_set"] == training_set) & (laws["evaluation_set"] == evaluation)
    found = laws[here & (laws["metric"] == metric) & (laws["role"] == "law")]
    return found.iloc[0] if len(found) else None


def line_of(law: pd.Series | None, lines: pd.DataFrame) -> pd.DataFrame:
    """The finite points of a law's lines; none where its status says that there is nothing to draw."""
    if law is None or law["status"] not in DRAWN:
        return lines.iloc[:0]
    same = (lines["training_set"] == law["training_set"]) & (lines["evaluation_set"] == law["evaluation_set"])
    mine = lines[same & (lines["metric"] == law["metric"]) & (lines["law"] == law["law"])]
    return mine[np.isfinite(mine["predicted"].astype(float))]


def fitted_or_chosen(line: pd.DataFrame) -> str:
    """What was done with the points that a law is fitted to, if there is one."""
    return "for the fit" if line.empty else "fitted"


def outcome(law: pd.Series | None, what: str) -> str:
    """What became of a law, in the fewest words. what: loss or error."""
    if law is None:
        return f"no {what} law fitted"
    status, error = str(law["status"]), law["held_out_error"]
    if status not in DRAWN:
        return f"no {what} law: {status}" + (f" ({law['reason']})" if pd.notna(law["reason"]) else "")
    count = f"{int(law['n_held_out'])} held-out point{'s' if law['n_held_out'] != 1 else ''}"
    said = [f"{count} missed by {percent(error)} on average"] if pd.notna(error) else []
    return f"{what} law: {', '.join(said if status == Status.OK else [*said, status])}"


def percent(error: float) -> str:
    """A mean |ln predicted - ln observed| as a percentage of the metric."""
    return f"{100 * math.expm1(error):.1f}%"


def coefficients(law: pd.Series) -> Iterator[str]:
    """Each coefficient of a law with its interval where there is one: 'eta = 0.15 [0.14, 0.16]'."""
    for parameter in FAMILIES[law["law"]].parameters:
        value, low, high = (law.get(f"{parameter.name}{end}") for end in ("", "_low", "_high"))
        if pd.notna(value):
            # An end that is not finite is empty.
            ends = f" [{low:.3g}, {high:.3g}]" if pd.notna(low) and pd.notna(high) else ""
            yield f"{parameter.name} = {value:.3g}{ends}"


def times(ratio: float) -> str:
    """A ratio of compute: 31x, 0.4x, <0.01x."""
    if ratio < 0.01:
        return "<0.01x"
    return f"{ratio:,.0f}x" if ratio >= 9.5 else f"{ratio:.2g}x"


def source(law: str) -> str:
    """The formula of a law, and who published it."""
    return f"{FAMILIES[law].formula} ({FAMILIES[law].source.split(',')[0]})"


def shortened(name: str, width: int) -> str:
    """A name of at most `width` characters: a longer one loses its middle."""
    half = width // 2
    return name if len(name) <= width else f"{name[: width - half]}…{name[len(name) - half + 1 :]}"


def name_shown(name: str) -> str:
    """A name for a figure, where a dollar sign must begin no formula."""
    return shortened(name, _NAME_WIDTH).replace("$", r"\$")


def wrapped(notes: Sequence[str]) -> list[str]:
    """Notes of a figure in lines that fit its width."""
    return [line for note in notes for line in textwrap.wrap(note, _NOTE_WIDTH)]


def law_notes(law: pd.Series, line: pd.DataFrame, bands: str, unit: str) -> Iterator[str]:
    """What was fitted and drawn, and where bands come from. unit: what solid lines reach over."""
    if line.empty:
        yield "Filled points: chosen for the fit. Hollow: held out."
        return
    yield f"Filled points: fitted. Hollow: held out. Solid line: over the {unit} fitted; dashed: beyond."
    yield f"Law: {source(law['law'])}."
    if line["low"].notna().any():
        level = 100 * float(law["interval_level"])
        yield f"Bands: {level:g}% interval of the law{bands}, from {NOISE_LABELS[law['noise']]}."
    else:
        yield "No bands: the noise of the points is not known, or not used."


def compute_note(predictions: pd.DataFrame) -> Iterator[str]:
    """How much more compute held-out points took than all that was fitted."""
    ratios = predictions.loc[predictions["observed"].notna(), "times_less_compute"].dropna()
    more = int((ratios > 1).sum())
    if more:
        yield (
            f"{more} of {len(ratios)} held-out points took more compute than all fitted runs together, up to"
            f" {times(ratios.max())}."
        )


def points_note(runs: pd.DataFrame, points: pd.DataFrame, law: pd.Series | None) -> Iterator[str]:
    """Seeds, bars, and what is not drawn. runs: of one training set."""
    seeds = int(points["n_seeds"].max()) if len(points) else 0
    said = ["1 seed: how much another would change is not known."] if seeds == 1 else []
    if seeds > 1:
        said.append(f"Points: means over up to {seeds} seeds; bars: smallest and largest run.")
    elif points["low"].notna().any():
        said.append("Bars: 95% bootstrap interval of the score.")
    lost = len(diverged_runs(runs))
    if lost:
        which = "its size and multiplier are" if lost == 1 else "their sizes and multipliers are"
        said.append(f"{lost} {'run' if lost == 1 else 'runs'} diverged; {which} not drawn.")
    if law is not None and law.get("n_missing", 0) > 0:
        said.append(f"Finished runs without this score: {int(law['n_missing'])}.")
    if said:
        yield " ".join(said)


def tasks_said(tasks: Sequence[str]) -> str:
    """Names of tasks, the first few where they are many."""
    shown = [name_shown(task) for task in tasks[:_MOST_TASKS]]
    rest = [f"{len(tasks) - len(shown)} more"] if len(tasks) > len(shown) else []
    return enumerate_words([*shown, *rest])
