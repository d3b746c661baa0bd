"""Small wheels and studies, made up for the tests."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polib
import pytest
import zstandard

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


def _ar(parts: dict[str, bytes]) -> bytes:
    """An ar archive, as a .deb is one."""
    packed = b"!<arch>\n"
    for name, content in parts.items():
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        packed += content + b"\n" * (len(content) % 2)
    return packed


def _tar(members: dict[str, bytes | str], links: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in links.items():
            info = tarfile.TarInfo(f"./{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return packed.getvalue()


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.fixture
def make_deb(tmp_path: Path) -> Callable[..., Path]:
    """make_deb({member: content}, name, links={member: target}, packing=".xz") -> path of a package."""

    def make(
        members: dict[str, bytes | str],
        name: str = "toy_1.0_amd64.deb",
        links: dict[str, str] | None = None,
        packing: str = ".xz",
    ) -> Path:
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = _PACKERS.get(packing, _PACKERS[""])(_tar(members, links or {}))
        control = gzip.compress(_tar({"control": "Package: toy\n"}, {}))
        parts = {"debian-binary": b"2.0\n", "control.tar.gz": control, f"data.tar{packing}": data}
        path.write_bytes(_ar(parts))
        return path

    return make


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
