"""Curves on a terminal: a line each, a sign for each point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from downlaw.progress import BEGUN, POINT_STATES, Curve, Point
from downlaw.report.labels import short_count
from downlaw.status import CRASHED, DIVERGED, DONE, RUNNING, TO_DO
from downlaw.study.overtrain import multiplier_name

SIGNS = {DONE: "●", RUNNING: "◐", BEGUN: "○", CRASHED: "✗", DIVERGED: "◇", TO_DO: "·"}
ASCII_SIGNS = {DONE: "#", RUNNING: ">", BEGUN: "o", CRASHED: "X", DIVERGED: "~", TO_DO: "."}
STYLES = {
    DONE: "green",
    RUNNING: "bold cyan",
    BEGUN: "cyan",
    CRASHED: "bold red",
    DIVERGED: "magenta",
    TO_DO: "dim",
}
_WIDEST_NAME = 28
_WIDEST_POINT = 5
"""A sign with 100%."""


@dataclass(frozen=True)
class _Kind:
    """How the curves of a stage are listed. names: headings and what stands below them."""

    title: str
    names: dict[str, Callable[[Curve], str]]
    at: Callable[[float], str]


_KINDS = {
    "pretrain": _Kind(
        "pretraining, by pretraining tokens",
        {"mixture": lambda curve: curve.mixture, "seed": lambda curve: str(curve.seed)},
        short_count,
    ),
    "finetune": _Kind(
        "curves, by pretraining tokens",
        {
            "task": lambda curve: curve.task,
            "pairs": lambda curve: f"{curve.pairs:,}",
            "mixture": lambda curve: curve.mixture,
        },
        short_count,
    ),
    "overtrain": _Kind(
        "models, by tokens a parameter",
        {"training set": lambda curve: curve.mixture, "size": lambda curve: curve.model},
        multiplier_name,
    ),
}
_RIGHT = ("seed", "pairs")


def legend(ascii_only: bool) -> Text:
    """What the signs mean."""
    signs = ASCII_SIGNS if ascii_only else SIGNS
    text = Text(no_wrap=True, overflow="crop")
    for state in POINT_STATES:
        text.append(signs[state], STYLES[state]).append(f" {state}   ")
    return text


def curve_lines(curves: Sequence[Curve], width: int, ascii_only: bool, most: int | None = None) -> list[Text]:
    """Lines with a sign for each point, at most `most` of them with headings.

    Where not all curves fit, those that run come first, then those that failed, that are begun, to do and
    done, and the last line says what is left out.

    Args:
        width: columns of the terminal.
        ascii_only: no other signs can be shown.
    """
    stages = [stage for stage in _KINDS if any(curve.stage == stage for curve in curves)]
    shown = list(curves)
    if most is not None and len(curves) + 2 * len(stages) > most:
        by_urgency = sorted(curves, key=lambda curve: (curve.urgency, curve.stage == "pretrain"))
        for count in range(min(len(curves), most), -1, -1):
            shown = by_urgency[:count]
            if count + 2 * len({curve.stage for curve in shown}) < most:
                break
    lines: list[Text] = []
    for stage in stages:
        if group := [curve for curve in shown if curve.stage == stage]:
            lines += _section(_KINDS[stage], group, width, ascii_only)
    if len(shown) < len(curves) and most:
        kept = {id(curve) for curve in shown}
        lines.append(_left_out([curve for curve in curves if id(curve) not in kept], bool(shown)))
    return lines


def _left_out(curves: Sequence[Curve], more: bool) -> Text:
    counted = Counter(_overall(curve) for curve in curves)
    told = ", ".join(f"{counted[state]:,} {state}" for state in POINT_STATES if counted[state])
    return Text(
        f"{len(curves):,} {'more ' if more else ''}curves: {told}", "dim", no_wrap=True, overflow="crop"
    )


def _overall(curve: Curve) -> str:
    """The state of a curve as a whole."""
    for state in (RUNNING, CRASHED):
        if state in curve.states:
            return state
    if curve.states <= {DONE, DIVERGED}:
        return DONE if DONE in curve.states else DIVERGED
    return TO_DO if curve.states == {TO_DO} else BEGUN


def _section(kind: _Kind, curves: Sequence[Curve], width: int, ascii_only: bool) -> list[Text]:
    """A heading, column headings and a line a curve."""
    columns = [[name, *(of(curve) for curve in curves)] for name, of in kind.names.items()]
    widths = [min(_WIDEST_NAME, max(map(cell_len, column))) for column in columns]
    places = sorted({point.at for curve in curves for point in curve.points})
    headings = {at: kind.at(at) for at in places}
    running = {point.at for curve in curves for point in curve.points if point.state == RUNNING}
    cells = {at: max(cell_len(headings[at]), _WIDEST_POINT if at in running else 1) for at in places}
    left = width - sum(widths) - 2 * len(widths)
    wide = sum(cells.values()) + 2 * len(places) <= left
    head = Text(kind.title, "bold", no_wrap=True, overflow="crop")
    lines = [head]
    for row in range(len(curves) + 1):
        line = Text(no_wrap=True, overflow="crop", style="" if row else "dim")
        for name, column, size in zip(kind.names, columns, widths, strict=True):
            line.append(_fitted(column[row], size, name in _RIGHT, ascii_only)).append("  ")
        if not row:
            if wide:
                line.append("  ".join(headings[at].rjust(cells[at]) for at in places))
            else:
                line.append(f"{headings[places[0]]} to {headings[places[-1]]}")
        else:
            _append_points(line, curves[row - 1], cells if wide else None, ascii_only)
        lines.append(line)
    return lines


def _append_points(line: Text, curve: Curve, cells: dict[float, int] | None, ascii_only: bool) -> None:
    """Each point in its column, or where there is no room for columns one after the other."""
    signs = ASCII_SIGNS if ascii_only else SIGNS
    points = {point.at: point for point in curve.points}
    for at in cells or points:
        point = points.get(at)
        told = _told(point, signs) if point else ""
        if cells:
            told = told.rjust(cells[at])
        line.append(told, STYLES[point.state] if point else "").append("  " if cells else "")
    line.rstrip()


def _told(point: Point, signs: dict[str, str]) -> str:
    sign = signs[point.state]
    return f"{sign}{100 * point.share:.0f}%" if point.state == RUNNING and point.share < 1 else sign


def _fitted(text: str, size: int, right: bool, ascii_only: bool) -> str:
    """A name in so many columns; what is cut off is marked."""
    if cell_len(text) > size:
        mark = "~" if ascii_only else "…"
        return set_cell_size(text, size - 1) + mark
    padding = " " * (size - cell_len(text))
    return padding + text if right else text + padding
