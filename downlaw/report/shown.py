"""What a figure shows of a curve, and the words beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from downlaw.laws import FAMILIES, METRICS, Curve, Status

from .labels import NOISE_LABELS
from .lines import LINE_COLUMNS

DRAWN = frozenset({Status.OK, Status.NO_HELD_OUT, Status.INTERPOLATED, Status.UNIDENTIFIED})
"""Statuses whose law is a curve worth drawing; under `unidentified` only its coefficients are in doubt."""


@dataclass(frozen=True)
class ShownCurve:
    """A curve, the row of its law and its verdict where there are any, and the lines of its laws.

    tested: the law of the smallest Dp, over all points. extrapolated: the law of all points, beyond them,
    unless the curve is misaligned. Both have the columns of law_lines, and no rows where there is nothing to
    draw.
    """

    curve: Curve
    law: pd.Series | None
    verdict: str | None
    tested: pd.DataFrame
    extrapolated: pd.DataFrame

    @classmethod
    def of(
        cls, curve: Curve, laws: pd.DataFrame, lines: pd.DataFrame | None, verdicts: pd.DataFrame | None
    ) -> ShownCurve:
        """From whole tables; without lines the law is drawn from its coefficients, over the points alone."""
        found = _rows_of(curve, laws[laws["role"] == "law"])
        law = found.iloc[0] if len(found) else None
        judged = _rows_of(curve, verdicts) if verdicts is not None else found.iloc[:0]
        verdict = str(judged["verdict"].iloc[0]) if len(judged) else None
        if lines is None:
            tested = _from_coefficients(curve, law)
            return cls(curve, law, verdict, tested, tested.iloc[:0])
        mine = _rows_of(curve, lines)
        mine = mine[np.isfinite(mine["predicted"].astype(float))]
        tested = mine[(mine["fitted"] == "smallest") & (law is not None and law["status"] in DRAWN)]
        beyond = mine[(mine["fitted"] == "all") & (verdict != "misaligned")]
        return cls(curve, law, verdict, tested, beyond)

    @property
    def n_fit(self) -> int:
        return int(self.law["n_fit"]) if self.law is not None else 0

    @property
    def last(self) -> float:
        """The metric where the curve's lines end at the right."""
        for line in (self.extrapolated, self.tested):
            if len(line):
                return float(line["predicted"].iloc[-1])
        return self.curve.points[-1].value

    @property
    def has_interval(self) -> bool:
        return any(line["low"].notna().any() for line in (self.tested, self.extrapolated))

    def outcome(self) -> str:
        """The verdict and what became of the fit, in the fewest words."""
        words = [self.verdict] if self.verdict else []
        if self.law is None:
            return ", ".join([*words, "no law fitted"])
        status, error = str(self.law["status"]), self.law["held_out_error"]
        if status not in DRAWN:
            return ", ".join([*words, f"no law: {status}"])
        if pd.notna(error):
            words.append(f"held-out error {error:.3f}")
        return ", ".join(words if status == Status.OK else [*words, status])


def _rows_of(curve: Curve, table: pd.DataFrame) -> pd.DataFrame:
    same = (table["task"] == curve.task) & (table["finetune_pairs"] == curve.finetune_pairs)
    return table[same & (table["mixture"] == curve.mixture) & (table["metric"] == curve.metric)]


def _from_coefficients(curve: Curve, law: pd.Series | None) -> pd.DataFrame:
    empty = pd.DataFrame(columns=list(LINE_COLUMNS))
    if law is None or law["status"] not in DRAWN or len(curve.points) < 2:
        return empty
    tokens = np.union1d(np.geomspace(*curve.tokens[[0, -1]], 200), curve.tokens)
    family = FAMILIES[law["law"]]
    parameters = {each.name: law[each.name] for each in family.parameters if not each.derived}
    values = family.predict(tokens, parameters)
    line = pd.DataFrame({"pretrain_tokens": tokens, "predicted": values}, columns=list(LINE_COLUMNS))
    return line if np.all(np.isfinite(values)) else empty


def footnote(runs: pd.DataFrame, metric: str, shown: Sequence[ShownCurve]) -> list[str]:
    """What the lines, points, bars and bands of a figure are, and how much they rest on."""
    return [*_of_laws(metric, shown), _of_points(runs, shown)]


def _of_laws(metric: str, shown: Sequence[ShownCurve]) -> Iterator[str]:
    laws = [one.law["law"] for one in shown if one.law is not None]
    family = FAMILIES[laws[0] if laws else METRICS[metric].law]
    fitted = sorted({one.n_fit for one in shown if len(one.tested)})
    if fitted:
        points = f"{fitted[0]} smallest Dp" if len(fitted) == 1 else "smallest Dp"
        yield (
            f"Filled points, solid line: fitted ({points}). Hollow points, dashed line: held out."
            f" Law: {family.formula} ({family.source.split(',')[0]})."
        )
    said = []
    if any(len(one.extrapolated) for one in shown):
        said.append("Dotted line: the law of all points, extrapolated.")
    known = [one for one in shown if one.has_interval]
    if known:
        line = known[0].tested if len(known[0].tested) else known[0].extrapolated
        sources = dict.fromkeys(NOISE_LABELS[one.law["noise"]] for one in known if one.law is not None)
        level = 100 * float(line["interval_level"].iloc[0])
        said.append(f"Bands: {level:g}% interval of the law, from {' or '.join(sources)}.")
    elif said or fitted:
        said.append("No bands: the noise of the points is not known, or not used.")
    if said:
        yield " ".join(said)


def _of_points(runs: pd.DataFrame, shown: Sequence[ShownCurve]) -> str:
    points = [point for one in shown for point in one.curve.points]
    bars = ""
    if max(point.n_seeds for point in points) > 1:
        bars = " Bars: smallest and largest run."
    elif any(np.isfinite(point.low) for point in points):
        bars = " Bars: 95% bootstrap interval over test segments."
    return f"{_seeds(runs)}.{bars}{_segments(runs)}"


def _seeds(runs: pd.DataFrame) -> str:
    kept = runs[runs["selected"] & (runs["status"] == "ok") & (runs["pretrain_tokens"] > 0)]
    counts = [(kept[f"{stage}_seed"].nunique(), stage) for stage in ("pretraining", "finetuning")]
    return ", ".join(f"{count} {stage} seed{'s' if count > 1 else ''}" for count, stage in counts)


def _segments(runs: pd.DataFrame) -> str:
    segments = runs["test_segments"].dropna().unique() if "test_segments" in runs else []
    return f" {int(segments[0]):,} test segments." if len(segments) == 1 else ""
