"""A dataset of web pages as mC4 has them, and the corpus that reads it from a hub."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from text_hub import COMMIT, Hub

from downlaw.corpora.sources import huggingface, records
from downlaw.corpora.sources.artifact import Artifact
from downlaw.study.sources import HuggingfaceCorpus

KEY = "corpora.web"
FOLDER = "toy/web/multilingual"


def lines(first: int, count: int) -> list[dict]:
    return [
        {"url": f"http://a.test/{number}", "text": f"Zeile {number} hier\nund noch eine", "timestamp": "x"}
        for number in range(first, first + count)
    ]


def packed(rows: list[dict]) -> bytes:
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)


def corpus(words: int = 10**6, files: str = "multilingual/c4-de.*.json.gz", **more) -> HuggingfaceCorpus:
    part = {"language": "de", "files": files, "max_words": words, "shards": more.pop("shards", 1)}
    given = {"dataset": "toy/web", "revision": COMMIT, "licence": "ODC-BY", "parts": [part], **more}
    return HuggingfaceCorpus(source="huggingface", kind="monolingual", **given)


def only(section: HuggingfaceCorpus) -> Artifact:
    [artifact] = huggingface.artifacts(section, KEY, "de")
    return artifact


def names(path: Path) -> list[str]:
    return [document for document, _ in records.read_records(path)]


def urls(numbers) -> list[str]:
    return [f"http://a.test/{number}" for number in numbers]


def fill(server: Hub) -> None:
    """Put three data files of 100 documents each, and what is not to be read, on a hub."""
    for number in range(3):
        name = f"{FOLDER}/c4-de.tfrecord-0000{number}-of-00003.json.gz"
        server.files[name] = packed(lines(100 * number, 100))
    server.files[f"{FOLDER}/c4-de-validation.tfrecord-00000-of-00001.json.gz"] = packed(lines(900, 5))
    server.files["toy/web/README.md"] = b"# web"
