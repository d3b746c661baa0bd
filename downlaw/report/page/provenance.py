"""How each number was made: versions, signatures, revisions of models, hashes, the text, the study file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from downlaw.files import sha256_of_file
from downlaw.study.report import ARCHIVED_STUDY
from downlaw.versions import versions

from .beside import STUDY_BESIDE, yaml_of
from .blocks import Code, Column, Names, Section, Table, Text, fixed
from .tables import Results

_MADE_BY = {
    "signature": "signature of the scores",
    "comet_model": "COMET model",
    "comet_local_model": "comet-local model",
    "versions": "versions that trained",
    "device": "device",
    "tokenizer": "tokenizer",
}
"""Columns of a table of runs that say what made its numbers."""


def provenance(results: Results, names: Names) -> Section:
    """The section of what made the numbers."""
    here = versions()
    said = [
        f"This page was made by downlaw {here['downlaw']}. The same tables give the same page.",
        *_other_versions(results, here["downlaw"]),
    ]
    parts = [
        Section("made-by", "What scored and trained", _made_by(results["runs"], names)),
        Section("made-from", "The tables and their hashes", [_files(results, names)]),
    ]
    manifests = list(_manifests(results.folder))
    if manifests:
        parts.append(Section("made-text", "The text", _text(manifests, names)))
    parts.append(_study(results))
    return Section("provenance", "How each number was made", [Text(said)], [part for part in parts if part])


def _other_versions(results: Results, mine: str) -> Iterator[str]:
    """Runs that another downlaw made are no error, but are to be known."""
    made = results["runs"].get("versions")
    if made is None:
        yield "The table of runs does not say which versions trained: it is of an older version, or foreign."
        return
    found = {
        version.strip()
        for words in made.dropna().astype(str)
        for part in words.split(", ")
        if part.startswith("downlaw ")
        for version in part.removeprefix("downlaw ").split("+")
    }
    if found - {mine}:
        yield f"Runs were made by downlaw {', '.join(sorted(found))}, and this page by {mine}."


def _made_by(runs: pd.DataFrame, names: Names) -> list[Table]:
    rows = []
    for column, words in _MADE_BY.items():
        if column in runs:
            for value, count in runs[column].dropna().astype(str).value_counts().sort_index().items():
                rows.append({"what": words, "value": value, "runs": int(count)})
    frame = pd.DataFrame(rows, columns=["what", "value", "runs"])
    columns = (Column("what", "what"), Column("value", "value"), Column("runs", "runs", numeric=True))
    caption = "What made the scores of runs"
    return [Table(names.unused("made-by-table"), caption, frame, columns)] if rows else []


def _files(results: Results, names: Names) -> Table:
    rows = [
        {
            "file": path.name,
            "rows": len(results[name]),
            "bytes": path.stat().st_size,
            "sha256": sha256_of_file(path),
        }
        for name, path in results.files.items()
    ]
    rows += [
        {"file": one.file, "rows": None, "bytes": None, "sha256": f"{one.state}"} for one in results.left_out
    ]
    frame = pd.DataFrame(rows, columns=["file", "rows", "bytes", "sha256"])
    columns = (
        Column("file", "file"),
        Column("rows", "rows", _whole, numeric=True),
        Column("bytes", "bytes", _whole, numeric=True),
        Column("sha256", "SHA-256"),
    )
    return Table(names.unused("files"), "The tables that this page shows", frame, columns)


def _whole(value: Any) -> str:
    return "" if pd.isna(value) else f"{int(value):,}"


def _manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """The manifests of the corpora, as far as they can be read."""
    for path in sorted(folder.glob("corpora/*/*/manifest.json")):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(manifest, dict) and isinstance(manifest.get("sources"), list):
            yield manifest


def _text(manifests: list[dict[str, Any]], names: Names) -> list[Table]:
    rows = [
        {
            "corpus": f"{manifest.get('corpus', '')}/{manifest.get('part', '')}",
            "source": str(source.get("name", "")),
            "version": str(source.get("version", "") or ""),
            "licence": str(source.get("licence", "")),
            "kept": source.get("cleaned"),
            "sha256": str(source.get("sha256", "") or ""),
        }
        for manifest in manifests
        for source in manifest["sources"]
        if isinstance(source, dict)
    ]
    frame = pd.DataFrame(rows, columns=["corpus", "source", "version", "licence", "kept", "sha256"])
    columns = (
        *(Column(name, name) for name in ("corpus", "source", "version", "licence")),
        Column("kept", "segments kept", _whole, numeric=True),
        Column("sha256", "SHA-256"),
    )
    tables = [Table(names.unused("text-sources"), "Where the text came from", frame, columns)]
    drops = [
        {"corpus": f"{manifest.get('corpus', '')}/{manifest.get('part', '')}"} | manifest["drop_rates"]
        for manifest in manifests
        if isinstance(manifest.get("drop_rates"), dict)
    ]
    if drops:
        frame = pd.DataFrame(drops)
        frame = frame[["corpus", *(name for name in frame if name != "corpus" and (frame[name] > 0).any())]]
        shown = [
            Column(
                name, name.replace("_", " "), lambda v: fixed(2)(100 * v) + "%" if v > 0 else "", numeric=True
            )
            for name in frame.columns[1:]
        ]
        caption = "Share of the segments that each filter dropped"
        tables.append(
            Table(names.unused("text-dropped"), caption, frame, (Column("corpus", "corpus"), *shown))
        )
    return tables


def kept_study(folder: Path) -> Mapping[str, Any] | None:
    """The study that the page of a results folder was made with, else that of the archive which it was
    restored from; None where there is none to be read."""
    for place in (f"report/report_tables/{STUDY_BESIDE}", ARCHIVED_STUDY):
        try:
            found = yaml.safe_load((folder / place).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        if isinstance(found, dict):
            return found
    return None


def _study(results: Results) -> Section:
    config = results.study
    if config is None:
        said = "The study file was not given (downlaw report --configfile), so it is not shown."
        return Section("study", "The study file", [Text([said])])
    said = "As it was when this page was made; what only says how a study runs may have changed since."
    if Path(str(config.get("results", ""))).is_absolute():
        config = {**config, "results": results.place}  # where it lay is of no use to a reader
    return Section("study", "The study file", [Text([said]), Code(yaml_of(config))])
