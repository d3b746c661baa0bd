"""What lies beside the page: the CSV of every table, PNG and SVG of every figure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from downlaw.files import write_aside

from ..figures import DPI, FORMATS, save_figure, write_figures
from ..lm_figures import write_lm_figures
from .blocks import Chart, Table
from .static_chart import draw_chart
from .tables import Results

__all__ = ["FORMATS", "STUDY_BESIDE", "draw_missing", "figure_stems", "up_to_date", "write_beside", "yaml_of"]

STUDY_BESIDE = "study.yaml"
"""The study that a page was made with, beside its tables."""
_CONTENTS = "contents.txt"
"""The names that the last page wrote, so that only those are ever removed."""
_DRAWN_FROM = ("runs", "laws", "lines", "verdicts", "valuations", "relations", "predictions", "tasks")
_SLACK = 60.0
"""Seconds by which a figure may be older than a table: files of a copied folder have no order."""


def yaml_of(config: Mapping[str, Any]) -> str:
    """A study as YAML, in the order of its file."""
    plain = json.loads(json.dumps(config, default=str))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def write_beside(tables: Iterable[Table], study: Mapping[str, Any] | None, folder: Path) -> list[Path]:
    """Write each table with all its columns, unrounded, and the study; returns the paths of the tables.

    Tables that an earlier page left there, and this one has not, are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in tables:
        path = folder / f"{table.id}.csv"
        # A name with a space is that of a column made for people, who have the others here.
        kept = [name for name in table.frame if " " not in str(name)]
        with write_aside(path) as aside:
            table.frame[kept].to_csv(aside, index=False)
        paths.append(path)
    if study is not None:
        with write_aside(folder / STUDY_BESIDE) as aside:
            aside.write_text(yaml_of(study), encoding="utf-8")
    _clear(folder, {path.name for path in paths})
    return paths


def _clear(folder: Path, written: set[str]) -> None:
    """Remove the tables of an earlier page, and note those of this one."""
    contents = folder / _CONTENTS
    if contents.is_file():
        for name in contents.read_text(encoding="utf-8").splitlines():
            if name not in written and name.endswith(".csv") and "/" not in name:
                (folder / name).unlink(missing_ok=True)
    with write_aside(contents) as aside:
        aside.write_text("".join(f"{name}\n" for name in sorted(written)), encoding="utf-8")


def figure_stems(charts: Sequence[Chart]) -> dict[str, str]:
    """The name of each chart's static files, by its id: no two charts have the same.

    Names of two tasks may differ only in signs that files cannot have. What lies under a name that both would
    have may be either's, so that each has one of its own.
    """
    times, numbers = Counter(chart.stem for chart in charts), Counter[str]()
    stems = {}
    for chart in charts:
        numbers[chart.stem] += 1
        number = f"_{numbers[chart.stem]}-of-{times[chart.stem]}"
        stems[chart.id] = chart.stem + (number if times[chart.stem] > 1 else "")
    return stems


def up_to_date(results: Results, there: Path, stems: Iterable[str], say: Callable[[str], None]) -> list[Path]:
    """The figures of the report that are no older than the tables; of older ones `say` tells."""
    found = [path for stem in stems for each in FORMATS if (path := there / f"{stem}.{each}").is_file()]
    newest = max(path.stat().st_mtime for name, path in results.files.items() if name in _DRAWN_FROM)
    fresh = [path for path in found if path.stat().st_mtime > newest - _SLACK]
    if len(fresh) < len(found):
        say(
            f"{len(found) - len(fresh)} figures in {there} are older than the tables: the page links none of"
            " them"
        )
    return fresh


def draw_missing(
    results: Results,
    charts: Sequence[Chart],
    stems: Mapping[str, str],
    there: Sequence[Path],
    folder: Path,
    say: Callable[[str], None],
) -> list[Path]:
    """Draw into `folder` what the figures of the report, `there`, lack; returns the paths.

    Where there are none at all, those first, then each chart that still lacks a file. What an earlier page
    left in `folder` is drawn anew, as its tables may have been others. A figure that cannot be drawn is named
    by `say` and left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_stem = {stems[chart.id]: chart for chart in charts}
    names = {path.name for path in there}
    lacking = [
        folder / name for stem in by_stem for each in FORMATS if (name := f"{stem}.{each}") not in names
    ]
    drawn: list[Path] = []
    if lacking and not there:
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
