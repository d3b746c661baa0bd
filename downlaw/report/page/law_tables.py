"""The tables of laws, verdicts, scores and predictions of the track of mixtures, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from downlaw.laws import FAMILIES

from ..labels import FAMILY_LABELS, METRIC_LABELS, MixtureStyle, with_interval
from .blocks import Column, Names, Table, count, fixed, metric_name, percent

_SCORES = ("cross_entropy", "bleu", "chrf", "rouge_l", "comet", "comet_local", "ter")


def scores_table(here: pd.DataFrame, styles: Mapping[str, MixtureStyle], names: Names) -> Table:
    """Every selected run of one task and finetuning size, failed ones with their status."""
    order = {name: place for place, name in enumerate(("", *styles))}
    rows = here[here["selected"] | (here["status"] != "ok")]
    rows = rows.assign(_order=rows["mixture"].map(order)).sort_values(
        ["_order", "pretrain_tokens", "pretraining_seed", "finetuning_seed"], kind="stable"
    )
    # The baseline has no pretraining seed.
    rows["pretraining_seed"] = rows["pretraining_seed"].where(rows["pretrain_tokens"] > 0).astype("Int64")
    seeds = any(rows[column].nunique() > 1 for column in ("finetuning_seed", "pretraining_seed"))
    shown: list[Column] = [
        Column("mixture", "mixture", lambda name: name or "no pretraining"),
        Column("pretrain_tokens", "Dp", count, numeric=True),
    ]
    if seeds:
        shown += [Column("pretraining_seed", "pretraining seed", numeric=True)]
        shown += [Column("finetuning_seed", "finetuning seed", numeric=True)]
    frame = rows.copy()
    for metric in _SCORES:
        if metric in rows and rows[metric].notna().any():
            label = METRIC_LABELS.get(metric)
            ends = [f"{metric}{end}" for end in ("", "_low", "_high")]
            if label and set(ends) <= set(rows.columns):
                frame[f"{metric} shown"] = [
                    "" if pd.isna(value) else with_interval(metric, value, low, high)
                    for value, low, high in rows[ends].astype(float).itertuples(index=False)
                ]
                shown.append(Column(f"{metric} shown", label.name, numeric=True))
            else:
                decimals = label.decimals if label else 1
                shown.append(Column(metric, metric_name(metric), fixed(decimals), numeric=True))
    if "learning_rate" in rows:
        shown.append(Column("learning_rate", "learning rate", numeric=True))
    if (rows["status"] != "ok").any():
        shown.append(Column("status", "status"))
        if "reason" in rows:
            shown.append(Column("reason", "reason"))
    frame = frame[list(dict.fromkeys([*(c.name for c in shown), *(c for c in rows if c != "_order")]))]
    place = _place(here)
    notes = ["In brackets: 95% bootstrap intervals over the test segments; they do not know other seeds."]
    return Table(names.unused("scores", *place), "Test scores", frame, shown, "runs.csv", notes)


def laws_table(laws: pd.DataFrame, names: Names) -> Table:
    """The law of each curve with its errors and the coefficients that it is said by."""
    rows = laws[laws["role"] == "law"].copy()
    rows["points shown"] = [f"{row.n_fit:.0f} + {row.n_held_out:.0f}" for row in rows.itertuples()]
    rows["coefficients shown"] = [_coefficients(row) for row in rows.to_dict("records")]
    columns = (
        Column("mixture", "mixture"),
        Column("metric", "score", metric_name),
        Column("law", "law", _family),
        Column("status", "status"),
        Column("points shown", "fitted + held out", numeric=True),
        Column("fit_error", "fit error", fixed(4), numeric=True),
        Column("held_out_error", "held-out error", fixed(4), numeric=True),
        Column("leave_last_out_error", "leave-last-out error", fixed(4), numeric=True),
        Column("misfit_p", "misfit p", numeric=True),
        Column("coefficients shown", "coefficients"),
    )
    formulas = [
        f"{_family(law)}: {FAMILIES[law].formula} ({FAMILIES[law].source})." for law in rows["law"].unique()
    ]
    notes = ["Errors are means of |ln predicted - ln observed|: 0.02 is about 2%.", *formulas]
    id = names.unused("laws", *_place(laws))
    return Table(id, "The laws of the smallest Dp", rows, columns, "laws.csv", notes)


def rivals_table(laws: pd.DataFrame, names: Names) -> Table | None:
    """How well each family predicted points from those before them; None where none was compared."""
    rows = laws[laws["leave_last_out_error"].notna()]
    if rows.empty or rows["law"].nunique() < 2:
        return None
    wide = rows.pivot_table(
        index=["mixture", "metric"], columns="law", values="leave_last_out_error", sort=False
    ).reset_index()
    wide.columns.name = None
    columns = [Column("mixture", "mixture"), Column("metric", "score", metric_name)]
    columns += [
        Column(name, _family(name), fixed(4), numeric=True)
        for name in wide.columns
        if name not in ("mixture", "metric")
    ]
    notes = [
        "Each point from the fifth on was predicted from all points before it; the lowest error is best."
    ]
    id = names.unused("rivals", *_place(laws))
    return Table(id, "Other families: leave-last-out errors", wide, columns, "laws.csv", notes)


def verdicts_table(verdicts: pd.DataFrame, names: Names) -> Table:
    """Each verdict with its reason and the evidence that decided it."""
    optional: dict[str, Column] = {
        "n_points": Column("n_points", "points", numeric=True),
        "n_seeds": Column("n_seeds", "seeds", numeric=True),
        "noise_sd": Column("noise_sd", "noise", percent(), numeric=True),
        "p_monotone": Column("p_monotone", "p of order", fixed(3), numeric=True),
        "rise": Column("rise", "rise", _signed, numeric=True),
        "gain": Column("gain", "gain over none", _signed, numeric=True),
        "held_out_error": Column("held_out_error", "held-out error", fixed(4), numeric=True),
        "held_out_limit": Column("held_out_limit", "by noise at most", fixed(4), numeric=True),
    }
    rows = verdicts.copy()
    for name in ("rise", "gain"):
        if {name, f"{name}_low", f"{name}_high"} <= set(rows.columns):
            ends = rows[[name, f"{name}_low", f"{name}_high"]]
            rows[f"{name} shown"] = list(map(_with_ends, ends.itertuples(index=False, name=None)))
            optional[name] = Column(f"{name} shown", optional[name].label, numeric=True)
    columns = [
        Column("mixture", "mixture"),
        Column("metric", "score", metric_name),
        Column("verdict", "verdict"),
        Column("reason", "reason"),
        *(column for name, column in optional.items() if name in rows),
    ]
    notes = ["Evidence is in ln(score): 0.02 is about 2%. What these models showed, at their size."]
    id = names.unused("verdicts", *_place(verdicts))
    return Table(id, "Verdicts and their evidence", rows, columns, "verdicts.csv", notes)


def _signed(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:+.3f}"


def _with_ends(value: tuple[float, float, float]) -> str:
    """A change with its interval, where there is one."""
    middle, low, high = value
    ends = "" if pd.isna(low) or pd.isna(high) else f" [{low:+.3f}, {high:+.3f}]"
    return _signed(middle) + ends if pd.notna(middle) else ""


def predictions_table(predictions: pd.DataFrame, names: Names) -> Table:
    """What the laws say of held-out points and of larger Dp."""
    rows = predictions.copy()
    columns = (
        Column("mixture", "mixture"),
        Column("metric", "score", metric_name),
        Column(
            "fitted",
            "law of",
            lambda value: {"smallest": "smallest Dp", "all": "all points"}.get(value, value),
        ),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("observed", "measured", numeric=True),
        Column("predicted", "predicted", numeric=True),
        Column("low", "law from", numeric=True),
        Column("high", "to", numeric=True),
        Column("measured_low", "measurement from", numeric=True),
        Column("measured_high", "to", numeric=True),
        Column("status", "status"),
    )
    id = names.unused("predictions", *_place(predictions))
    return Table(id, "Predictions of held-out points, and of larger Dp", rows, columns, "predictions.csv")


def contamination_table(found: pd.DataFrame, names: Names, task: str) -> Table:
    """Test segments seen in what runs were trained on."""
    rows = found[found["side"] == "either"] if (found["side"] == "either").any() else found
    columns = (
        Column("mixture", "mixture", lambda name: name or "(finetuning pairs)"),
        Column("text", "in the text of"),
        Column("n", "words in a row", numeric=True),
        Column("test_segments", "test segments", numeric=True),
        Column("seen", "seen", numeric=True),
        Column("share_seen", "share", percent(), numeric=True),
    )
    id = names.unused("contamination", task)
    return Table(id, "Test text seen in training text", rows, columns, "contamination.csv")


def degenerate_table(
    here: pd.DataFrame, styles: Mapping[str, MixtureStyle], faults: Mapping[str, str], names: Names
) -> Table | None:
    """Shares of degenerate output by mixture and Dp, means over seeds; None without the columns."""
    there = [fault for fault in faults if fault in here and here[fault].notna().any()]
    kept = here[here["selected"] & (here["status"] == "ok")]
    if not there or kept.empty:
        return None
    order = {name: place for place, name in enumerate(("", *styles))}
    means = kept.groupby(["mixture", "pretrain_tokens"])[there].mean().reset_index()
    means = means.sort_values(
        ["mixture", "pretrain_tokens"], key=lambda c: c.map(order) if c.name == "mixture" else c
    )
    columns = [
        Column("mixture", "mixture", lambda name: name or "no pretraining"),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        *(Column(fault, faults[fault], percent(), numeric=True) for fault in there),
    ]
    return Table(
        names.unused("degenerate", *_place(here)), "Share of the output that …", means, columns, "runs.csv"
    )


def _family(law: Any) -> str:
    name = FAMILY_LABELS.get(law, str(law).replace("_", " "))
    return name.removeprefix("the ").removeprefix("a ")


def _coefficients(row: Mapping[str, Any]) -> str:
    said = []
    for parameter in FAMILIES[row["law"]].parameters:
        value, low, high = (row.get(f"{parameter.name}{end}") for end in ("", "_low", "_high"))
        if value is not None and pd.notna(value):
            ends = f" [{low:.3g}, {high:.3g}]" if pd.notna(low) and pd.notna(high) else ""
            said.append(f"{parameter.name} = {value:.3g}{ends}")
    return "; ".join(said)


def _place(table: pd.DataFrame) -> tuple[object, object]:
    if table.empty:
        return "none", 0
    first = table.iloc[0]
    return first["task"], f"{first['finetune_pairs']:.0f}"
