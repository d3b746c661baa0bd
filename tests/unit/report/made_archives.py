"""A made-up results folder of a finished study, its archive, and archives that were tampered with."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from downlaw.report.archive import write_archive
from downlaw.report.archive.records import METADATA, write_record
from downlaw.report.archive.stream import seal
from downlaw.study import load_study

CONFIG: dict[str, Any] = {
    "study": "made-up",
    "languages": ["en", "de"],
    "corpora": {
        "mono": {
            "source": "files",
            "kind": "monolingual",
            "files": [{"language": "en", "path": "text/en.txt"}],
        },
        "pairs": {
            "source": "files",
            "kind": "parallel",
            "licence": "CC-BY-4.0",
            "files": [{"languages": ["de", "en"], "tsv": "text/pairs.tsv"}],
        },
    },
    "mixtures": {"en": {"shares": {"mono.en": 1.0}}},
    "tasks": {"en-de": {"source": "en", "target": "de", "corpus": "pairs"}},
    "pretrain": {"tokens": [100_000, 200_000]},
    "finetune": {"pairs": [10]},
}

NEWEST_NS = 1_700_000_100_123_456_789
KEPT = {
    "runs.csv": "task\nen-de\n",
    "laws.csv": "law\n",
    "resamples.parquet": "table",
    "costs.csv": "stage\n",
    "report/summary.txt": "ä summary\n",
    "report/figures/curve.png": "png",
    "report/figures/.snakemake_timestamp": "",
    "corpora/pairs/de-en/manifest.json": json.dumps(
        {
            "sources": [
                {"name": "ui", "version": "1.0", "licence": "CC-BY-4.0"},
                {"name": "b", "licence": "my own"},
            ]
        }
    ),
    "corpora/pairs/de-en/split/split.json": "{}",
    "subsets/sizes.json": "{}",
    "subsets/tokenizer/sentencepiece.model": "model",
    "subsets/mixtures/en/manifest.json": "{}",
    "subsets/mixtures/en/train.view.json": "{}",
    "subsets/tasks/en-de/all/manifest.json": "{}",
    "subsets/tasks/en-de/all/test.source.bin": "ids",
    "subsets/tasks/en-de/all/valid.target.idx": "ids",
    "subsets/tasks/en-de/all/test.target.txt": "text",
    "pretrain/en/seed1/100000.json": json.dumps({"status": "ok", "identity": "aa"}),
    "pretrain/en/seed1/200000.json": json.dumps({"status": "ok", "identity": "bb"}),
    "pretrain/en/seed1/200000/bb/record.json": "{}",
    "pretrain/en/seed1/200000/bb/history.jsonl": "{}\n",
    "finetune/en-de/en/seed1/200000/cc/train.log": "log",
    "evaluate/en-de/en/seed1/200000/dd/hypotheses.json": "[[1]]",
    "evaluate/comet_local/model/head.safetensors": "weights",
    "logs/laws/laws.log": "",
    "benchmarks/laws/laws.tsv": "s\n1\n",
}
TEXT = {
    "corpora/packages/ui-1.0.whl": "wheel",
    "corpora/pairs/de-en/train.parquet": "text",
    "corpora/pairs/de-en/split/test.parquet": "text",
    "corpora/pairs/de-en/split/examples.json": "text",
    "corpora/pairs/de-en/examples.html": "text",
    "subsets/mixtures/en/train.order.npy": "ids",
    "subsets/pools/mono.en-0.bin": "ids",
    "subsets/tasks/en-de/all/train.source.bin": "ids",
    "subsets/tasks/en-de/10/manifest.json": "{}",
    "subsets/tasks/en-de/10/train.en-de.en.bin": "ids",
}
LAST = {
    "pretrain/en/seed1/200000/bb/checkpoint.pt": "weights and optimizer",
    "pretrain/en/seed1/200000/bb/model.pt": "weights",
}
OTHER_CHECKPOINTS = {
    "pretrain/en/seed1/100000/aa/model.pt": "weights",
    "finetune/en-de/en/seed1/200000/cc/model.pt": "weights",
}
NEVER = {
    "README.md": "of the clone",
    "notes.txt": "of the user",
    "comet-check/tiny/runs.csv": "another study",
    "logs/archive/archive.log": "changes",
    "pretrain/en/seed1/200000/bb/.lock": "",
    "pretrain/en/seed1/200000/bb/holder.json": "{}",
    "pretrain/en/seed1/200000/ee/checkpoint_last.pt": "of a training that did not end",
    "pretrain/en/seed1/200000/ee/checkpoint.pt.tmp": "",
    "finetune/en-de/.x.json.12.part": "",
    "corpora/packages/.fetch-x/a.whl": "",
}
RECORDED = ("runs.csv", "corpora/pairs/de-en/train.parquet", f"finetune/{'long-' * 40}.json")


class Place:
    """A folder where a study was run."""

    def __init__(self, folder: Path, config: dict[str, Any] = CONFIG, results: str = "results") -> None:
        self.folder = folder
        self.config = config | {"results": results}
        self.results = folder / results
        self.configfile = folder / "studies/mine.yaml"
        self.archive = self.results.with_name("results.tar.zst")

    def make(self) -> Place:
        for number, (name, content) in enumerate(
            {**KEPT, **TEXT, **LAST, **OTHER_CHECKPOINTS, **NEVER}.items()
        ):
            path = self.results / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            time = NEWEST_NS - number * 10**9
            os.utime(path, ns=(time, time))
        self.configfile.parent.mkdir(parents=True, exist_ok=True)
        self.configfile.write_text(json.dumps(self.config))
        for name in (*(f"{self.config['results']}/{name}" for name in RECORDED), "elsewhere/runs.csv"):
            write_record(self.folder / METADATA, name, {"rule": "made", "input": [name]})
        return self

    def write(self, **archive: Any) -> Path:
        config = self.config | {"archive": archive}
        return write_archive(load_study(config), config, [self.configfile], folder=self.folder).path


def members(archive: Path) -> dict[str, bytes]:
    """Content by name below the one folder, in the archive's order."""
    packed = zstandard.ZstdDecompressor().stream_reader(archive.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {member.name.split("/", 1)[1]: tar.extractfile(member).read() for member in tar}


def pack(
    path: Path, content: dict[str, bytes], add: Callable[[tarfile.TarFile], object] = lambda tar: None
) -> Path:
    """An archive with these members, and what `add` puts before the manifest."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in content.items():
            if name == "archive/manifest.json":
                add(tar)
            put(tar, f"made-up/{name}", data)
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(packed.getvalue())
    path.write_bytes(frame + seal(hashlib.sha256(frame).digest()))
    return path


def put(
    tar: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(data), kind, link
    tar.addfile(member, io.BytesIO(data))


def listed(content: dict[str, bytes]) -> dict[str, bytes]:
    """The members with a manifest that fits them."""
    old = json.loads(content["archive/manifest.json"])["files"]
    files = {
        name: {
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "mtime_ns": old[name]["mtime_ns"],
        }
        for name, data in content.items()
        if name != "archive/manifest.json"
    }
    return content | {"archive/manifest.json": json.dumps({"files": files}).encode()}
