"""Which files of a results folder go into its archive."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from downlaw.files import read_json
from downlaw.study import LmStudy, Study
from downlaw.study.grid import cells
from downlaw.study.matrix import segments
from downlaw.study.report import ARCHIVED_STUDY

ABOUT = "archive/about.json"
"""First in an archive: its format, and how much is to come."""
MANIFEST = "archive/manifest.json"
"""Last in an archive: hash, size and time of every other file."""
STUDY = ARCHIVED_STUDY
CONFIGS = "archive/config"
LOCK = "archive/requirements.lock"
RECORDS = "archive/snakemake.jsonl"
CRATE = "ro-crate-metadata.json"

STAGES = (
    *("alignment", "benchmarks", "corpora", "evaluate", "finetune", "logs", "overtrain", "pretrain"),
    *("report", "subsets"),
)
_TABLES = {".csv", ".parquet"}

_KEPT_CHECKPOINTS = {"checkpoint.pt", "model.pt"}
_OF_A_RUNNING_JOB = re.compile(r"holder\.json|\.lock|.*\.(lock|tmp|part)|\.fetch-.*|\.restore-.*")
_OF_THE_ARCHIVE = re.compile(r"(logs|benchmarks)/archive/.*")
_TEXT = re.compile(
    r"corpora/packages/.*|corpora/.*(\.parquet|/signatures\.u32|/examples\.(json|html))"
    r"|subsets/tasks/[^/]+/\d+/.*"
    r"|subsets/(?!tasks/[^/]+/all/(valid|test)\.|sets/|choices/).*\.(bin|idx|npy|i32|u8)"
)
"""Text, and encoded text, from which models are trained. What they are scored on is no part of it."""

CHECKPOINTS, TEXT = "checkpoints", "text"


@dataclass
class Contents:
    """Files by their path below the results folder, sorted.

    left_out: number and bytes of files by kind, `checkpoints` or `text`.
    """

    files: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)

    def leave_out(self, kind: str, path: Path) -> None:
        counted = self.left_out.setdefault(kind, {"files": 0, "bytes": 0})
        counted["files"] += 1
        counted["bytes"] += path.stat().st_size


def contents(study: Study | LmStudy, results: Path) -> Contents:
    """What `study` archives of its results folder, by its section `archive`."""
    found = Contents()
    kept = None if study.archive.checkpoints == "all" else _last_checkpoints(study, results)
    for name, path in sorted(_files(results)):
        kind = kind_of(name)
        if kind == CHECKPOINTS and path.name not in _KEPT_CHECKPOINTS:  # of a training that did not end
            continue
        unwanted = {
            CHECKPOINTS: kept is not None and path.parent not in kept,
            TEXT: not study.archive.text,
        }
        if unwanted.get(kind):
            found.leave_out(kind, path)
        else:
            found.files[name] = path
    return found


def kind_of(name: str) -> str:
    """`checkpoints`, `text`, or nothing for what every archive holds."""
    if name.endswith(".pt") and name.startswith(("pretrain/", "finetune/", "overtrain/")):
        return CHECKPOINTS
    return TEXT if _TEXT.fullmatch(name) else ""


def belongs(name: str) -> bool:
    """Whether a path below a results folder is of the study, and not of something else that was put there."""
    return name.startswith(tuple(f"{stage}/" for stage in STAGES)) or (
        "/" not in name and Path(name).suffix in _TABLES
    )


def _files(results: Path) -> Iterator[tuple[str, Path]]:
    """Links are followed, since stages may lie on another disk."""
    seen: set[str] = set()
    for folder, folders, names in os.walk(results, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not _OF_A_RUNNING_JOB.fullmatch(name)]
        for file in names:
            path = Path(folder, file)
            name = path.relative_to(results).as_posix()
            passing = _OF_A_RUNNING_JOB.fullmatch(file) or _OF_THE_ARCHIVE.fullmatch(name)
            if belongs(name) and not passing:
                yield name, path


def _last_checkpoints(study: Study | LmStudy, results: Path) -> set[Path]:
    """The folder of the last segment that ended well of each chain, or of the last stretch of each trunk.

    None where no checkpoint is wanted.
    """
    if study.archive.checkpoints != "last":
        return set()
    return set((_last_trunks if isinstance(study, LmStudy) else _last_segments)(study, results).values())


def _last_trunks(study: LmStudy, results: Path) -> dict[tuple[str, str, int], Path]:
    last: dict[tuple[str, str, int], Path] = {}
    for cell in cells(study):
        path = results / "overtrain" / cell.path
        trunk = (read_json(path) if path.is_file() else {}).get("trunk", {})
        if trunk.get("status") == "ok":
            last[cell.mixture, cell.model, cell.seed] = path.with_suffix("") / trunk["identity"]
    return last


def _last_segments(study: Study, results: Path) -> dict[tuple[str, int], Path]:
    last: dict[tuple[str, int], Path] = {}
    for segment in segments(study):
        path = results / f"pretrain/{segment.mixture}/seed{segment.seed}/{segment.tokens_asked}.json"
        record = read_json(path) if path.is_file() else {}
        if record.get("status") == "ok":
            last[segment.mixture, segment.seed] = path.with_suffix("") / record["identity"]
    return last
