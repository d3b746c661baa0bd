"""What lies beside the page: the CSV of every table, PNG and SVG of every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from downlaw.files import write_aside

from ..figures import DPI, FORMATS, save_figure, write_figures
from ..lm_figures import write_lm_figures
from .blocks import Chart, Table
from .static_chart import draw_chart
from .tables import Results

__all__ = ["FORMATS", "draw_missing", "write_tables"]


def write_tables(tables: Iterable[Table], folder: Path) -> list[Path]:
    """Write each table with all its columns, unrounded; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in tables:
        path = folder / f"{table.id}.csv"
        # A name with a space is that of a column made for people, who have the others here.
        kept = [name for name in table.frame if " " not in str(name)]
        with write_aside(path) as aside:
            table.frame[kept].to_csv(aside, index=False)
        paths.append(path)
    return paths


def draw_missing(
    results: Results, charts: Sequence[Chart], there: Path, folder: Path, say: Callable[[str], None]
) -> list[Path]:
    """Draw into `folder` what the figures of the report, `there`, lack; returns the paths.

    Where there are none at all, those first, then each chart that still lacks a file. What an earlier page
    left in `folder` is drawn anew, as its tables may have been others. A figure that cannot be drawn is named
    by `say` and left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lacking = [
        folder / f"{chart.stem}.{ending}"
        for chart in charts
        for ending in FORMATS
        if not (there / f"{chart.stem}.{ending}").is_file()
    ]
    by_stem = {chart.stem: chart for chart in charts}
    drawn: list[Path] = []
    if lacking and not there.is_dir():
        say(f"drawing figures into {folder}")
        try:
            drawn += _report_figures(results, folder)
        except (ValueError, KeyError) as error:
            say(f"not all figures could be drawn: {error}")
    for path in lacking:
        if path in drawn:
            continue
        try:
            save_figure(draw_chart(by_stem[path.stem]), path, DPI)
        except (ValueError, KeyError) as error:
            path.unlink(missing_ok=True)
            say(f"{path.name} could not be drawn: {error}")
        else:
            drawn.append(path)
    return drawn


def _report_figures(results: Results, folder: Path) -> list[Path]:
    runs, laws, lines = results["runs"], results.get("laws"), results.get("lines")
    if laws is None:
        return []
    if results.track == "lm":
        predictions = results.get("predictions")
        if predictions is None or lines is None:
            return []
        return write_lm_figures(runs, laws, predictions, lines, folder)
    told = {name: results.get(name) for name in ("lines", "verdicts", "valuations", "relations")}
    return write_figures(runs, laws, folder, **told)
