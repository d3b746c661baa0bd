"""The page itself, and what lies beside it: the CSV of each table, PNG and SVG of each figure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from downlaw.files import write_aside
from downlaw.versions import versions

from .beside import FORMATS, draw_missing, figure_stems, up_to_date, write_beside
from .blocks import Answer, Chart, Code, Files, Names, Section, Table, Text
from .checks import contradictions
from .colours import DARK_PAPER, LIGHT_PAPER, twins
from .cost import cost_section
from .lm import lm_page
from .plotly_chart import as_plotly
from .provenance import kept_study, provenance
from .symbols import SYMBOL_IDS, sprite
from .tables import NotThere, Results, State, read_results
from .transfer import transfer_page
from .words import words_explained

MOST_POINTS, MOST_ROWS, MOST_FOLDED = 1500, 500, 200
"""So many rows are on the page of the points of a figure, of a table, and of one that is closed at first; the
CSV has all."""
_LONG = 24
"""A table of more rows is closed at first."""
_WORDY, _SHORT = 40, 24
"""A column with a longer text is given room, and its lines break; one with shorter texts keeps them whole."""


@dataclass(frozen=True)
class Written:
    """What was written: the page, the tables and figures beside it; and what the page could not show."""

    page: Path
    tables: Sequence[Path]
    figures: Sequence[Path]
    left_out: Sequence[NotThere]


def write_page(
    folder: Path | str,
    output: Path | str,
    *,
    config: Mapping[str, Any] | None = None,
    draw: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Written:
    """Write the page of a results folder, from whatever tables are there.

    The same tables and study give the same bytes, wherever the folder lies. CSVs lie beside it in
    `<name>_tables`, with the study; figures that the folder's report/figures lacks, or has of older tables,
    in `<name>_figures`. Nothing is trained, fitted or fetched.

    Args:
        folder: with runs.csv or lm_runs.csv.
        output: the HTML file.
        config: the study, to be shown; without it, the one that an earlier page or an archive kept.
        draw: whether figures that lack are drawn as PNG and SVG.
        say: called with lines of progress.

    Raises:
        TableError: where there is no table of runs, or none that can be read.
    """
    results, output = read_results(folder), Path(output)
    results = replace(results, study=config if config is not None else kept_study(results.folder))
    names = Names()
    answers, sections = (transfer_page if results.track == "transfer" else lm_page)(results, names)
    sections = [*sections, cost_section(results, names), provenance(results, names)]
    sections = [section for section in sections if section]
    blocks = [block for section in sections for block in section.everything()]
    charts = [block for block in blocks if isinstance(block, Chart)]
    tables = [block for block in blocks if isinstance(block, Table)]
    tables += [chart.table for chart in charts] + [answer.table for answer in answers if answer.table]
    beside_tables, beside_figures = (
        output.with_name(f"{output.stem}_{what}") for what in ("tables", "figures")
    )
    written = write_beside(tables, results.study, beside_tables)
    stems = figure_stems(charts)
    there = up_to_date(results, results.folder / "report/figures", stems.values(), say)
    drawn = draw_missing(results, charts, stems, there, beside_figures, say) if draw else []
    links = _Links(results, output.parent, beside_tables, stems, [*there, *drawn])
    text = _render(results, answers, sections, charts, links)
    with write_aside(output) as aside:
        aside.write_text(text, encoding="utf-8")
    return Written(output, written, drawn, results.left_out)


@dataclass(frozen=True)
class _Links:
    """Links from the page to files beside it that are there."""

    results: Results
    base: Path
    tables: Path
    stems: Mapping[str, str]
    figures: Sequence[Path]

    def of_table(self, table: Table) -> list[tuple[str, str]]:
        found = [("CSV", self.tables / f"{table.id}.csv")]
        if table.whole is not None:
            found.append((table.whole, self.results.folder / table.whole))
        return [(label, self._relative(path)) for label, path in found if path.is_file()]

    def of_chart(self, chart: Chart) -> list[tuple[str, str]]:
        found = []
        for ending in FORMATS:
            name = f"{self.stems[chart.id]}.{ending}"
            path = next((path for path in self.figures if path.name == name and path.is_file()), None)
            found += [(ending.upper(), self._relative(path))] if path else []
        return [*found, *self.of_table(chart.table)]

    def of_files(self, block: Files) -> list[tuple[str, str]]:
        return [(path.name, self._relative(path)) for path in block.paths if path.is_file()]

    def _relative(self, path: Path) -> str:
        return quote(Path(os.path.relpath(path, self.base)).as_posix())


def _render(
    results: Results,
    answers: Sequence[Answer],
    sections: Sequence[Section],
    charts: Sequence[Chart],
    links: _Links,
) -> str:
    colours = {one.colour for chart in charts for one in (*chart.series, *chart.entries)}
    pairs = twins(colours)
    runs = results["runs"]
    return _template().render(
        track=results.track,
        name=results.title,
        words=words_explained(results),
        about=_about(results),
        versions=versions(),
        answers=answers,
        sections=sections,
        missing=[one for one in results.left_out if one.state == State.MISSING],
        strange=[one for one in results.left_out if one.state != State.MISSING],
        contradictions=list(contradictions(results)),
        failed=int((runs.drop_duplicates("run") if "run" in runs else runs)["status"].ne("ok").sum()),
        links=links,
        paper={"light": LIGHT_PAPER, "dark": DARK_PAPER},
        twins=pairs,
        sprite=sprite(),
        symbol_ids=SYMBOL_IDS,
        colour_class={colour: f"k{place}" for place, colour in enumerate(pairs)},
        palette=_json(pairs),
        figure=lambda chart: _json(as_plotly(chart)),
        rows=_rows,
        classes=_classes,
        with_code=_with_code,
        long=_LONG,
        kind=lambda block: _KINDS[type(block)],
        style=_own("style.css"),
        script=_own("script.js"),
        plotly=_plotly(),
        charts=len(charts),
    )


_KINDS = {Text: "text", Table: "table", Chart: "chart", Code: "code", Files: "files"}


def _rows(table: Table) -> list[list[str]]:
    if table.folded:
        return table.shown(MOST_FOLDED)
    return table.shown(MOST_POINTS if table.id.endswith("-points") else MOST_ROWS)


def _classes(table: Table, rows: Sequence[Sequence[str]]) -> list[str]:
    """The class of each column: numbers, long text, short text, or none."""
    longest = [max((len(row[place]) for row in rows), default=0) for place in range(len(table.columns))]
    return [
        "n" if column.numeric else "w" if length > _WORDY else "s" if length < _SHORT else ""
        for column, length in zip(table.columns, longest, strict=True)
    ]


def _with_code(sentence: str) -> list[tuple[str, bool]]:
    """The parts of a sentence, and whether each is code, as what stands between backticks is."""
    return [(part, bool(place % 2)) for place, part in enumerate(sentence.split("`"))]


def _about(results: Results) -> str:
    """What was studied, in a line."""
    runs = results["runs"]
    if results.track == "lm":
        each = runs.drop_duplicates(["training_set", "model", "multiplier_asked", "seed"])
        return (
            f"Over-training: {_many(each['training_set'].nunique(), 'training set')},"
            f" {_many(each['model'].nunique(), 'size')} of models, {_many(len(each), 'run')},"
            f" {int((each['status'] == 'ok').sum()):,} finished."
        )
    mixtures = runs.loc[runs["mixture"] != "", "mixture"].nunique()
    return (
        f"Transfer: {_many(runs['task'].nunique(), 'task')}, {_many(mixtures, 'mixture')},"
        f" {_many(len(runs), 'run')}, {int((runs['status'] == 'ok').sum()):,} finished."
    )


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _json(value: Any) -> str:
    """JSON that can stand in a script element: no tag begins or ends in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@cache
def _template():
    environment = Environment(
        loader=PackageLoader("downlaw.report.page", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("template.html")


def _own(name: str) -> str:
    return (files("downlaw.report.page") / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """plotly.js as the pinned package holds it; it must not end the element that it stands in."""
    return get_plotlyjs().replace("</script", "<\\/script")
