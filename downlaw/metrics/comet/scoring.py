"""Score all runs of a study by one COMET model: loaded once, and only for runs that it has not scored yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from downlaw.files import digest, read_json, read_lines, write_aside, write_json
from downlaw.metrics.base import Translations
from downlaw.metrics.registry import METRICS
from downlaw.metrics.resampling import DEFAULT_SEED, interval, resampled_totals
from downlaw.metrics.segments import RUN_TYPES, join_tables, segment_table

from .cache import CometError, LocalModel

SYSTEM_DIGITS, SEGMENT_DIGITS = 4, 6
"""Decimals that are kept: threads and batches move a score by less than a millionth."""


@dataclass(frozen=True)
class Scoring:
    """How a model scores: the precision of its encoder, the device, and the pieces encoded at once.

    Only the model and `precision` are part of a score's identity.
    """

    model: LocalModel
    device: str = "cpu"
    precision: str = "fp32"
    batch_tokens: int | None = None
    threads: int = 1

    @property
    def description(self) -> str:
        """What a table says of a score: model, version, version of comet, precision, device."""
        return (
            f"{self.model.name}@{self.model.version[:12]}|comet:{version('unbabel-comet')}"
            f"|dtype:{self.precision}|device:{self.device}"
        )

    @property
    def identity(self) -> dict[str, str]:
        """What decides a score beside the text."""
        return {
            "model": self.model.version,
            "encoder": self.model.encoder_version,
            "comet": version("unbabel-comet"),
            "precision": self.precision,
        }


@dataclass
class _Pending:
    """A run to score: where its scores are kept, and its text."""

    kept: Path
    translations: Translations


def evaluated(paths: Iterable[Path | str]) -> Iterator[tuple[dict[str, Any], Path]]:
    """The selected runs of evaluations, each with the folder that keeps its hypotheses.

    Args:
        paths: the files of rows that evaluation wrote.

    Raises:
        CometError: where a row does not name its folder.
    """
    for path in map(Path, paths):
        for row in read_json(path):
            if not row["selected"]:
                continue
            if not row.get("evaluation"):
                raise CometError(f"{path}: names no folder of hypotheses; remove it and run the study again")
            yield row, path.with_suffix("") / row["evaluation"]


def score_study(
    runs: Iterable[tuple[Mapping[str, Any], Path]],
    test_sets: Mapping[str, Path],
    scoring: Scoring,
    column: str,
    samples: int,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Score every run, once: scores are kept in its folder and not made again for the same text and model.

    Args:
        runs: rows and folders, as `evaluated` gives them.
        test_sets: the folder of each task, with test.source.txt and test.target.txt.
        column: `comet` or `comet_local`; names columns and kept files.
        samples: test sets drawn anew for the interval.
        say: takes lines of progress.

    Returns:
        a row a run: what names it (RUN_TYPES), `column` (the mean over segments, 4 decimals), its interval
        `_low` and `_high`, `_model` (description) and `_truncated_segments` (whose source, hypothesis or
        reference was longer than the encoder reads); and the score of each segment: RUN_TYPES, `segment`,
        `<column>_sum` (6 decimals) and `scored_segments` (1).

    Raises:
        CometError: where text is missing or does not fit, or the model cannot be loaded or used.
    """
    runs = list(runs)
    texts = [_translations(row, folder, test_sets) for row, folder in runs]
    kept = [
        folder / f"{column}-{digest({**scoring.identity, 'text': text.digest})}.json"
        for (_, folder), text in zip(runs, texts, strict=True)
    ]
    pending = [
        _Pending(path, text)
        for path, text in zip(kept, texts, strict=True)
        if _read_scores(path, len(text)) is None
    ]
    say(f"{column}: {len(runs) - len(pending)} of {len(runs)} runs are scored already")
    if pending:
        _score(pending, scoring, column, say)
    rows, tables = [], []
    for (row, _), path, text in zip(runs, kept, texts, strict=True):
        scores = _read_scores(path, len(text))
        assert scores is not None
        names = {key: row[key] for key in RUN_TYPES}
        kept_with = read_json(path)
        made_by = replace(scoring, device=kept_with["device"]).description
        rows.append(
            names
            | _summary(scores, column, samples)
            | {
                f"{column}_model": made_by,
                f"{column}_truncated_segments": kept_with["truncated_segments"],
            }
        )
        sums = (scores, np.ones_like(scores))
        tables.append(segment_table(names, dict(zip(METRICS[column].columns, sums, strict=True))))
    return rows, join_tables(tables, METRICS[column].columns)


def write_scores(
    rows: Sequence[Mapping[str, Any]], segments: pd.DataFrame, rows_path: Path | str, table_path: Path | str
) -> None:
    """Write what `score_study` returned: rows as JSON, segments as parquet."""
    with write_aside(table_path) as aside:
        segments.to_parquet(aside, index=False)
    write_json(rows_path, list(rows))


def _translations(row: Mapping[str, Any], folder: Path, test_sets: Mapping[str, Path]) -> Translations:
    test, hypotheses = test_sets[row["task"]], folder / "hypotheses.txt"
    try:
        return Translations(
            read_lines(test / "test.source.txt"),
            read_lines(hypotheses),
            read_lines(test / "test.target.txt"),
            row["src"],
            row["tgt"],
        )
    except FileNotFoundError as error:
        raise CometError(f"{error.filename}: no such file; run the study again, it is made anew") from None
    except ValueError as error:
        raise CometError(f"{hypotheses} and {test}/test.*.txt: {error}") from None


def _score(pending: Sequence[_Pending], scoring: Scoring, column: str, say: Callable[[str], None]) -> None:
    from .scorer import Scorer

    scorer = Scorer(scoring, [run.translations for run in pending], say=lambda line: say(f"{column}: {line}"))
    for run in pending:
        scores, truncated = scorer.score(run.translations)
        write_json(
            run.kept,
            {
                "device": scoring.device,
                **{"identity": scoring.identity, "truncated_segments": truncated},
                "scores": [round(float(score), SEGMENT_DIGITS) for score in scores],
            },
        )
    scorer.finish()


def _read_scores(path: Path, segments: int) -> NDArray[np.float64] | None:
    """Kept scores, None where there are none that could be used."""
    try:
        kept = read_json(path)
        scores = np.asarray(kept["scores"], dtype=float)
        device, truncated = kept["device"], kept["truncated_segments"]
        if not isinstance(device, str) or not isinstance(truncated, int):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return scores if scores.shape == (segments,) and np.isfinite(scores).all() else None


def _summary(scores: NDArray[np.float64], column: str, samples: int) -> dict[str, Any]:
    totals = resampled_totals(scores[:, None], samples, DEFAULT_SEED)[:, 0]
    low, high = interval(totals / len(scores))
    return {
        column: round(math.fsum(scores) / len(scores), SYSTEM_DIGITS),
        f"{column}_low": round(low, SYSTEM_DIGITS),
        f"{column}_high": round(high, SYSTEM_DIGITS),
    }
