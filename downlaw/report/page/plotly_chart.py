"""Charts as what plotly.js draws, with colours that follow the paper."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from .blocks import Axis, Chart, Series

SYMBOLS = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross",
    "X": "x", "x": "x-thin", ">": "triangle-right", "<": "triangle-left", "": "circle",
}  # fmt: skip
"""Markers of matplotlib, by which mixtures are told apart in all figures, as plotly calls them."""

_DIGITS = 5
_TEMPLATE = {
    "data": {
        "scatter": [
            {
                "hoverinfo": "skip",
                "cliponaxis": False,
                "marker": {"size": 9, "line": {"width": 2}},
                "error_y": {"type": "data", "symmetric": False, "thickness": 1.3, "width": 0},
            }
        ]
    }
}
"""What all traces share stands once a figure, not once a trace."""

_INK, _GREY = "@ink", "@grey"
_TICKS = (
    (4.0, (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)),
    (30.0, (1, 2, 3, 5, 7)),
    (1000.0, (1, 3)),
    (math.inf, (1,)),
)
"""Ticks of each decade for a logarithmic axis over less than a factor."""


def as_plotly(chart: Chart) -> dict[str, Any]:
    """`data` and `layout` of a chart for plotly.js.

    A colour is `@` with its name in light, and, after `/`, its opacity: the page's script puts in what fits
    the paper. Text comes from tables and is escaped, as plotly reads a part of HTML.
    """
    shown = {entry.group: entry.shown for entry in chart.entries}
    data = [trace for one in chart.series for trace in _traces(one, shown.get(one.group, True))]
    layout: dict[str, Any] = {
        "xaxis": _axis(_with_ticks(chart.x, [value for one in chart.series for value in one.x])),
        "yaxis": _axis(_with_ticks(chart.y, [value for one in chart.series for value in one.y])),
        "template": _TEMPLATE,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 64, "r": 12, "t": 12, "b": 52},
        "paper_bgcolor": "@paper",
        "plot_bgcolor": "@paper",
        "font": {"color": _INK, "size": 13},
    }
    if any(one.kind == "bars" for one in chart.series):
        layout["yaxis"] |= {"automargin": True, "type": "category"}
    if chart.level is not None:
        height, name = chart.level
        at = math.log10(height) if chart.y.log and height > 0 else height
        layout["shapes"] = [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height, "layer": "below",
             "line": {"color": _GREY, "width": 1.4, "dash": "dot"}}
        ]  # fmt: skip
        layout["annotations"] = [
            {"xref": "paper", "x": 1, "y": at, "text": _text(name), "showarrow": False, "xanchor": "right",
             "yanchor": "bottom", "font": {"color": _GREY, "size": 12}}
        ]  # fmt: skip
    return {"data": data, "layout": layout}


def _traces(one: Series, shown: bool) -> Iterator[dict[str, Any]]:
    trace: dict[str, Any] = {"meta": one.group} | ({} if shown else {"visible": False})
    if one.kind == "band":
        yield trace | {
            "x": _numbers([*one.x, *one.x[::-1]]),
            "y": _numbers([*one.low, *one.high[::-1]]),
            "mode": "lines",
            "line": {"width": 0, "color": f"@{one.colour}"},
            "fill": "toself",
            "fillcolor": f"@{one.colour}/0.13",
        }
        return
    values = {"x": _numbers(one.x), "y": _numbers(one.y)}
    if one.kind == "line":
        look = {"color": f"@{one.colour}", "dash": one.dash, "width": one.width}
        yield trace | values | {"mode": "lines", "line": look}
        return
    told: dict[str, Any] = {"hoverinfo": "text"} if one.hover else {}
    told |= {"hovertext": [_text(each) for each in one.hover]} if one.hover else {}
    if one.kind == "bars":
        bars = {"type": "bar", "orientation": "h", "marker": {"color": f"@{one.colour}"}}
        yield {"meta": one.group, **values, **bars, **told}
        return
    symbol = SYMBOLS[one.marker]
    look = {
        "symbol": symbol if one.filled or symbol == "x-thin" else f"{symbol}-open",
        "color": f"@{one.colour}",
        "line": {"color": f"@{one.colour}"},
    }
    trace |= values | {"mode": "markers", "marker": look} | told
    if any(math.isfinite(each) for each in one.low):
        trace["error_y"] = {
            "array": _numbers([high - y for y, high in zip(one.y, one.high, strict=True)]),
            "arrayminus": _numbers([y - low for y, low in zip(one.y, one.low, strict=True)]),
            "color": f"@{one.colour}/0.6",
        }
    yield trace


def _with_ticks(axis: Axis, values: Sequence[Any]) -> Axis:
    """A logarithmic axis with ticks at round numbers around the values; any other as it is."""
    known = [value for value in values if not isinstance(value, str) and value > 0]
    if not axis.log or axis.ticks or not known:
        return axis
    low, high = min(known), max(known)
    subs = next(subs for most, subs in _TICKS if high / low < most)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    places = [sub * 10.0**decade for decade in decades for sub in subs]
    places = [place for place in places if low / 1.5 <= place <= high * 1.5]
    return replace(axis, ticks=(places, [_round(place) for place in places]))


def _round(place: float) -> str:
    """A tick's label: 0.5, 20, 3e12."""
    if 1e-3 <= place < 1e5:
        return f"{place:g}"
    mantissa, exponent = f"{place:.1e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _axis(axis: Axis) -> dict[str, Any]:
    made: dict[str, Any] = {
        "title": {"text": _text(axis.title), "standoff": 8},
        "gridcolor": "@grid",
        "linecolor": _GREY,
        "tickcolor": _GREY,
        "zeroline": axis.zero_line,
        "zerolinecolor": _GREY,
        "automargin": True,
    }
    if axis.log:
        made["type"] = "log"
    if axis.limits:
        ends = [math.log10(end) for end in axis.limits] if axis.log else list(axis.limits)
        made["range"] = _numbers(ends)
    if axis.ticks:
        places, words = axis.ticks
        made |= {"tickmode": "array", "tickvals": _numbers(places), "ticktext": list(words), "tickangle": 0}
    if axis.percent:
        made["tickformat"] = "~%"
    return made


def _numbers(values: Sequence[Any]) -> list[Any]:
    """Numbers in as many digits as can be seen, None for what is none; names stay, escaped."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, str):
            found.append(_text(value))
        else:
            number = float(f"{float(value):.{_DIGITS}g}")
            whole = math.isfinite(number) and number.is_integer() and abs(number) < 1e15
            found.append(int(number) if whole else number if math.isfinite(number) else None)
    return found


def _text(text: str) -> str:
    return html.escape(text, quote=False)
