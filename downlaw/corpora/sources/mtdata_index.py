"""mtdata's index of data sets: where each of them is, and which of an archive's members it is.

mtdata builds its index when it is imported, which takes a minute or two, keeps it as a pickle, and runs
whatever `mtdata*.py` lies in the current folder. So a process of its own does it, in an empty folder that is
removed; the JSON lines that it writes besides are kept, and the pickle is read by nobody else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import zstandard

from downlaw.console import say
from downlaw.files import write_aside

from ..errors import CorpusError
from .lines import read_lines


def index_path(folder: Path) -> Path:
    """Where the index of the installed mtdata is kept.

    Raises:
        CorpusError: where mtdata is not installed.
    """
    try:
        return folder / f".mtdata-{version('mtdata')}.jsonl.zst"
    except PackageNotFoundError:
        raise CorpusError(
            "corpora: source mtdata needs the package mtdata; install requirements.lock"
        ) from None


def build(path: Path) -> None:
    """Write mtdata's index to `path`, without a network."""
    say("mtdata: indexing its data sets, once for all of them (a minute or two)")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".mtdata-") as folder:
        done = subprocess.run(
            [sys.executable, "-P", "-c", "import mtdata.index"],
            cwd=folder,
            env={**os.environ, "MTDATA": folder},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        written = sorted(Path(folder).glob("mtdata.index.*.jsonl"))
        if done.returncode or len(written) != 1:
            last = (done.stderr.strip().splitlines() or ["it wrote no index"])[-1]
            raise CorpusError(f"corpora: mtdata cannot build its index: {last}")
        with write_aside(path) as aside, written[0].open("rb") as lines, aside.open("wb") as out:
            zstandard.ZstdCompressor(level=6).copy_stream(lines, out)


def _entries(path: Path) -> Iterator[str]:
    return (line for _, line in read_lines(path, str(path)))


def look_up(dataset: str, folder: Path, key: str) -> dict[str, Any]:
    """The entry of a data set, as mtdata writes it: did, url, ext, in_paths, in_ext, cols, meta and others.

    Args:
        folder: where the index is kept; it is built there if need be.

    Raises:
        CorpusError: for an unknown id, with those that are nearest to it.
    """
    path = index_path(folder)
    if not path.is_file():
        build(path)
    start = f'{{"did": "{dataset}"'
    for line in _entries(path):
        if line.startswith(start):
            return json.loads(line)
    near = _nearest(dataset, path)
    hint = f"; nearest: {', '.join(near)}" if near else "; `mtdata list -id` shows all"
    raise CorpusError(f"{key}.id: mtdata knows no data set {dataset}{hint}")


def _nearest(dataset: str, path: Path) -> list[str]:
    """Ids that are most like an unknown one: in its languages, then of its name in others."""
    group, name, _, *languages = dataset.casefold().split("-")
    same, others = [], []
    for line in _entries(path):
        known = line[len('{"did": "') :].partition('"')[0]
        parts = known.casefold().split("-")
        if len(parts) != 5:
            continue
        if sorted(parts[3:]) == sorted(languages) and (parts[0] == group or parts[1] == name):
            same.append(known)
        elif parts[1] == name:
            others.append(known)
    return [*get_close_matches(dataset, same, 3, 0.6), *get_close_matches(dataset, others, 3, 0.6)][:3]
