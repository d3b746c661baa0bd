"""Figures of curves and their laws, on request."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from downlaw.report.figures import FORMATS, draw_figure, figure_name, save_figure
from downlaw.report.lines import law_lines

from .errors import CommandError, note
from .tables import Input


def places_to_draw(given: Input, path: Path) -> list[tuple[str, int, str]]:
    """Task, finetuning size and metric of each figure.

    Raises CommandError for a file of another format, and where one file is to hold several figures.
    """
    kept = given.runs[given.runs["selected"] & (given.runs["status"] == "ok")]
    kept = kept[kept["pretrain_tokens"] > 0]
    places = [
        (task, pairs, metric)
        for (task, pairs), rows in kept.groupby(["task", "finetune_pairs"])
        for metric in given.metrics
        if rows[metric].notna().any()
    ]
    if _is_file(path):
        if path.suffix.removeprefix(".") not in FORMATS:
            raise CommandError(f"--plot {path}: a file ends in .{' or .'.join(FORMATS)}")
        if len(places) != 1:
            raise CommandError(
                f"--plot {path}: there are {len(places)} figures; give a folder, or choose with --metric"
            )
    return places


def draw(
    given: Input,
    laws: pd.DataFrame,
    places: list[tuple[str, int, str]],
    path: Path,
    *,
    n_fit: int,
    level: float,
) -> None:
    """Draw figures into a folder, or the only one into a file. laws: as fit_runs made them with the same
    options."""
    lines = law_lines(given.runs, n_fit=n_fit, level=level, **given.how)
    for place in places:
        figure = draw_figure(given.runs, laws, *place, lines=lines)
        if not given.pairs_known:
            axes = figure.axes[0]
            axes.set_title(axes.get_title(loc="left").split(" after finetuning")[0], fontsize=11, loc="left")
        targets = [path] if _is_file(path) else [path / f"{figure_name(*place)}.{each}" for each in FORMATS]
        for target in targets:
            save_figure(figure, target)
            note(f"{target}: drawn")


def _is_file(path: Path) -> bool:
    return bool(path.suffix) and not path.is_dir()
