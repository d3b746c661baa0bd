"""Small wheels and studies, made up for the tests."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polib
import pytest

from downlaw.study import Study, load_study


def _write_wheel(path: Path, members: dict[str, bytes | str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    """make_wheel({member: content}, name) -> path of a wheel with these members."""
    return lambda members, name="toy-1.0.whl": _write_wheel(tmp_path / "packages" / name, members)


@pytest.fixture
def catalog() -> Callable[..., polib.POFile]:
    """catalog({english: translation or (translation, source files)}) -> a catalog in UTF-8."""

    def make(messages: dict[str, Any]) -> polib.POFile:
        file = polib.POFile()
        file.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
        for english, given in messages.items():
            translation, files = given if isinstance(given, tuple) else (given, [])
            occurrences = [(name, "1") for name in files]
            file.append(polib.POEntry(msgid=english, msgstr=translation, occurrences=occurrences))
        return file

    return make


@pytest.fixture
def glosses() -> Callable[[dict[str, list[str]]], bytes]:
    """glosses({word: glosses}) -> the bytes of a glosses.txt.gz."""
    return lambda entries: gzip.compress(
        "".join(f"{word}\t{' | '.join(given)}\n" for word, given in entries.items()).encode(), mtime=0
    )


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """make_study(corpora, mixtures, tasks, **more) -> a study with little but text in it."""

    def make(corpora: dict, mixtures: dict | None = None, tasks: dict | None = None, **more: Any) -> Study:
        return load_study(
            {
                "study": "toy",
                "languages": ["en", "de", "fr"],
                "corpora": corpora,
                "mixtures": mixtures or {},
                "tasks": tasks or {"en-de": {"source": "en", "target": "de", "corpus": "ui"}},
                "pretrain": {"tokens": [100_000]},
                "finetune": {"pairs": [10]},
                **more,
            }
        )

    return make
