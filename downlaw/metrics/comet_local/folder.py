"""Folders that are either whole or absent, with the hashes of their files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from downlaw.files import digest, read_json, sha256_of_file, write_json

MANIFEST = "manifest.json"


class ModelError(ValueError):
    """A model or encoder on disk that cannot be used: the message names it and says what to do."""


@contextmanager
def whole_folder(folder: Path, about: dict[str, Any]) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` at the end of the block, with a manifest.

    The manifest holds `about`, the sha256 of each file, and `digest`, which names all of them together.
    Where the block raises, nothing is left and an earlier `folder` stays as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(aside, ignore_errors=True)  # of a killed job whose process had the same number
        aside.mkdir()
        yield aside
        files = {
            path.relative_to(aside).as_posix(): sha256_of_file(path)
            for path in sorted(aside.rglob("*"))
            if path.is_file()
        }
        write_json(aside / MANIFEST, {**about, "files": files, "digest": digest(files)})
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a folder whose files are all there and unaltered.

    Raises:
        ModelError: naming what is missing or altered.
    """
    remedy = f"remove {folder} and run the study again"
    try:
        manifest = read_json(folder / MANIFEST)
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: no whole model ({MANIFEST}: {error}); {remedy}") from None
    for name, sha256 in files.items():
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{path}: missing; {remedy}")
        if sha256_of_file(path) != sha256:
            raise ModelError(f"{path}: altered since it was written; {remedy}")
    return manifest
