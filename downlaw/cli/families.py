"""`downlaw families`: the formulas that can be fitted."""

from __future__ import annotations

import math

import pandas as pd
from rich.console import Group, RenderableType

from downlaw.laws import FAMILIES

from .options import CsvOption, FileOption, JsonOption
from .output import Output, table_for_people, titled


def families(as_json: JsonOption = False, as_csv: CsvOption = False, output: FileOption = None) -> None:
    """List every family: formula, source, inputs, and its parameters with unit, bounds and what fixes them.

    Example: downlaw families
    """
    out = Output(as_json, as_csv, output)
    rows = [
        {
            "law": family.name,
            "formula": family.formula,
            "source": family.source,
            "inputs": ", ".join(family.inputs),
            "parameter": parameter.name,
            "low": parameter.low,
            "high": parameter.high,
            "unit": parameter.unit,
            "derived": parameter.derived,
            "fixed_by": parameter.fixed_by,
        }
        for family in FAMILIES.values()
        for parameter in family.parameters
    ]
    out.write(pd.DataFrame(rows), _view)


def _view(table: pd.DataFrame) -> RenderableType:
    parts: list[RenderableType] = []
    for (law, formula, source, inputs), rows in table.groupby(
        ["law", "formula", "source", "inputs"], sort=False
    ):
        view = table_for_people({"parameter": "left", "range": "left", "unit": "left", "fixed by": "fold"})
        for row in rows.to_dict("records"):
            name = f"{row['parameter']} (derived)" if row["derived"] else row["parameter"]
            view.add_row(name, _range(row["low"], row["high"]), row["unit"], row["fixed_by"])
        origin = "a rival, to compare with" if source == "rival" else source
        parts.append(titled(f"{law}: {formula}", view, f"{origin}; over {inputs}"))
    return Group(*parts)


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "any"
    return f"at least {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"
