"""Bring verified files to where Snakemake looks for them, all or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .records import INCOMPLETE, METADATA


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """The folder is there; where the block raises, what was made for it goes again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # not empty: somebody else wrote there
            for path in missing:
                path.rmdir()
        raise


@contextmanager
def temporary_in(folder: Path) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=".restore-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def bring_in(aside: Path, results: Path, staged: Path, records: list[Path], clone: Path) -> None:
    """Rename files into an empty results folder, and records into Snakemake's folder.

    Args:
        aside: what becomes the content of `results`, on the same disk.
        staged: Snakemake's records, on the disk of `clone`.
        records: their paths below `staged`.
        clone: where Snakemake runs.
    """
    metadata, incomplete = clone / METADATA, clone / INCOMPLETE
    done: list[Path] = []
    with (
        made(metadata),
        made(incomplete),
    ):  # without the second, Snakemake takes the first for an old version's
        try:
            for path in records:
                (metadata / path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged / path, metadata / path)
                done.append(metadata / path)
                (incomplete / path).unlink(missing_ok=True)
            for child in sorted(aside.iterdir()):
                os.rename(child, results / child.name)
                done.append(results / child.name)
        except BaseException:
            for path in done:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            for long_name in {path.parent for path in records} - {Path()}:
                with suppress(OSError):  # others have records there
                    (metadata / long_name).rmdir()
            raise
