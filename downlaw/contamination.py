"""Test segments that stand in the text a run has read, and its scores with and without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from downlaw.corpora.ngrams import hash_texts_by
from downlaw.corpora.overlap import MEASURED, Known, test_set
from downlaw.corpora.segments import BATCH_ROWS, open_table
from downlaw.files import read_lines
from downlaw.metrics.base import SummedMetric
from downlaw.metrics.segments import RUN_TYPES, StatisticsError, metrics_of, runs_of
from downlaw.study import Study

SIDES = ("source", "target")
PRETRAINING, FINETUNING, EITHER = "pretraining", "finetuning", "either"

CONTAMINATION_COLUMNS = (
    *("task", "mixture", "text", "n", "side"),
    *("test_segments", "short_test_segments", "share_short", "seen", "share_seen"),
)
SCORED = ("cross_entropy", "bleu", "chrf")
"""Metrics that are told with and without the segments that were seen."""

SCORES_COLUMNS = (
    *RUN_TYPES,
    *("n", "metric", "test_segments", "segments_seen"),
    *("score_all", "score_unseen", "score_seen", "difference", "note"),
)
LEAST_SEGMENTS = 30
"""Scores of fewer segments are given, but called too few to say."""

Flags = NDArray[np.bool_]


class _Test(NamedTuple):
    """One side of a task's test text, compared by one n."""

    task: str
    side: str
    n: int


_Seen = dict[_Test, Flags]
"""Which segments of each test text were seen, shape (segments,) each."""


def measure_contamination(
    study: Study, prepared: Mapping[str, Path], text: Mapping[tuple[str, str], Path]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Which test segments of each task stand in the text of each mixture, and in the task's training pairs.

    A segment is seen on a side where it shares n words in a row with training text in the language of that
    side, or, being shorter, is the whole of a segment there (see `downlaw.corpora.overlap`). Training text is
    read in batches, each file once. All text of a mixture's components counts, however little of it Dp
    reads, and all training pairs of a task, whatever Df is.

    Args:
        prepared: the folder of each task, with its test text.
        text: the training table of each (corpus, part) that mixtures and tasks read.

    Returns:
        a table with CONTAMINATION_COLUMNS, one row a task, mixture, `text` (`pretraining`; `finetuning`,
        which has no mixture; `either` of the two), n and side (`source`, `target`, `either`); and one of
        segments, with `task`, `mixture`, `text`, `segment` and, true where seen, `source_8`, `target_8`,
        `source_13` and `target_13`.
    """
    lines = {
        (name, side): read_lines(folder / f"test.{side}.txt")
        for name, folder in prepared.items()
        for side in SIDES
    }
    known, short = _known(study, lines)
    nothing = {test: np.zeros_like(flags) for test, flags in short.items()}
    read = {place: _seen_in(place[1], path, known) for place, path in text.items()}
    found: list[tuple[str, str | None, str, _Seen]] = []
    for name in prepared:
        task = study.tasks[name]
        pairs = _any_of(nothing, [read[task.corpus, task.part]])
        found.append((name, None, FINETUNING, pairs))
        for mixture, section in study.mixtures.items():
            parts = [read[corpus, language] for corpus, language, _ in section.components()]
            mixed = _any_of(nothing, parts)
            found.append((name, mixture, PRETRAINING, mixed))
            found.append((name, mixture, EITHER, _any_of(mixed, [pairs])))
    rows = [row for place in found for row in _rows(*place, short)]
    return pd.DataFrame(rows, columns=list(CONTAMINATION_COLUMNS)), _segments(found)


def _known(
    study: Study, lines: Mapping[tuple[str, str], Sequence[str]]
) -> tuple[dict[str, list[tuple[list[_Test], Known]]], _Seen]:
    """For each language its test texts, once for each n; and which segments are shorter than n words."""
    languages = {place: getattr(study.tasks[place[0]], place[1]) for place in lines}
    known: dict[str, list[tuple[list[_Test], Known]]] = {}
    short: _Seen = {}
    for language in dict.fromkeys(languages.values()):
        here = [place for place in lines if languages[place] == language]
        for n in MEASURED:
            sets = [test_set("/".join(place), lines[place], n) for place in here]
            tests = [_Test(*place, n) for place in here]
            short |= {test: made.short_segments for test, made in zip(tests, sets, strict=True)}
            known.setdefault(language, []).append((tests, Known(sets)))
    return known, short


def _seen_in(part: str, path: Path, known: Mapping[str, list[tuple[list[_Test], Known]]]) -> _Seen:
    """The test segments that stand in one training table."""
    here = {language: known[language] for language in part.split("-") if language in known}
    if not here:
        return {}
    met = {
        language: [np.zeros(len(each.values), bool) for _, each in sets] for language, sets in here.items()
    }
    with open_table(path) as table:
        for batch in table.iter_batches(BATCH_ROWS, columns=list(here), use_threads=False):
            for language, sets in here.items():
                hashes = hash_texts_by(batch.column(language).to_pylist(), MEASURED)
                for (_, each), flags in zip(sets, met[language], strict=True):
                    flags[each.find(hashes[each.n])[0]] = True
    return {
        test: seen
        for language, sets in here.items()
        for (tests, each), flags in zip(sets, met[language], strict=True)
        for test, seen in zip(tests, each.segments_seen(flags), strict=True)
    }


def _any_of(start: _Seen, others: Iterable[_Seen]) -> _Seen:
    """What was seen in `start` or in one of the others, of the test texts of `start`."""
    found = {test: flags.copy() for test, flags in start.items()}
    for other in others:
        for test in found.keys() & other.keys():
            found[test] |= other[test]
    return found


def _rows(name: str, mixture: str | None, text: str, seen: _Seen, short: _Seen) -> Iterator[dict[str, Any]]:
    for n in MEASURED:
        for side in (*SIDES, EITHER):
            sides = SIDES if side == EITHER else (side,)
            flags = np.logical_or.reduce([seen[_Test(name, each, n)] for each in sides])
            shorter = np.logical_and.reduce([short[_Test(name, each, n)] for each in sides])
            yield {"task": name, "mixture": mixture, "text": text, "n": n, "side": side} | {
                "test_segments": len(flags),
                "short_test_segments": int(shorter.sum()),
                "share_short": float(shorter.mean()),
                "seen": int(flags.sum()),
                "share_seen": float(flags.mean()),
            }


def _segments(found: Iterable[tuple[str, str | None, str, _Seen]]) -> pd.DataFrame:
    tables = []
    for name, mixture, text, seen in found:
        flags = {f"{side}_{n}": seen[_Test(name, side, n)] for n in MEASURED for side in SIDES}
        segments = pd.RangeIndex(len(flags[f"{SIDES[0]}_{MEASURED[0]}"]))
        table = pd.DataFrame({"task": name, "mixture": mixture, "text": text, "segment": segments, **flags})
        tables.append(table.astype({"task": "string", "mixture": "string", "text": "string"}))
    return pd.concat(tables, ignore_index=True)


def score_without_seen(tables: Iterable[pd.DataFrame], segments: pd.DataFrame) -> pd.DataFrame:
    """The scores of every run on all test segments, on those that it has not seen, and on those it has.

    Seen is what stands on either side in its mixture's text or in its task's training pairs. Scores follow
    from what segments add to the metrics' sums; nothing is decoded or counted again.

    Args:
        tables: statistics of test segments, one row a run and segment.
        segments: what `measure_contamination` found.

    Returns:
        columns SCORES_COLUMNS, one row a run, n and metric of SCORED. `difference` is `score_unseen` less
        `score_all`. Seen segments are not like the others (they are shorter, and templates), so that
        `score_seen` less `score_unseen` is not what seeing them does. A score of no segments is empty;
        `note` says where fewer than LEAST_SEGMENTS stand behind one.

    Raises:
        StatisticsError: where a run is scored on another test set than was measured.
    """
    places = {
        (task, "" if pd.isna(mixture) else mixture): here
        for (task, mixture, text), here in segments.groupby(["task", "mixture", "text"], dropna=False)
        if text == (FINETUNING if pd.isna(mixture) else EITHER)
    }
    rows = []
    for table in tables:
        metrics = [metric for metric in metrics_of(table) if metric.name in SCORED]
        for run, statistics in runs_of(table) if metrics else ():
            mixture = "" if pd.isna(run["mixture"]) else run["mixture"]
            here = places.get((run["task"], mixture))
            if here is None or len(here) != len(statistics):
                raise StatisticsError(
                    f"task {run['task']}, mixture {mixture or 'none'}: {len(statistics)} test segments are "
                    f"scored, {0 if here is None else len(here)} were looked for in training text; remove "
                    "contamination_segments.parquet and run the study again"
                )
            for n in MEASURED:
                seen = here[[f"{side}_{n}" for side in SIDES]].to_numpy(bool).any(axis=1)
                for metric in metrics:
                    rows.append({**run, "n": n, "metric": metric.name, **_scores(metric, statistics, seen)})
    return pd.DataFrame(rows, columns=list(SCORES_COLUMNS)).astype(RUN_TYPES)


def _scores(metric: SummedMetric, statistics: pd.DataFrame, seen: Flags) -> dict[str, Any]:
    counts = statistics[[*metric.columns]].to_numpy(float)

    def score(chosen: Flags) -> float:
        return float(metric.score(counts[chosen].sum(axis=0, keepdims=True))[0]) if chosen.any() else np.nan

    whole, unseen = score(np.ones_like(seen)), score(~seen)
    return {
        "test_segments": len(seen),
        "segments_seen": int(seen.sum()),
        "score_all": whole,
        "score_unseen": unseen,
        "score_seen": score(seen),
        "difference": unseen - whole,
        "note": _note(int(seen.sum()), int((~seen).sum())),
    }


def _note(seen: int, unseen: int) -> str:
    if not seen:
        return "nothing seen"
    few = [
        f"{count} {name}" for name, count in (("seen", seen), ("unseen", unseen)) if count < LEAST_SEGMENTS
    ]
    return f"{' and '.join(few)}: too few to say" if few else ""
