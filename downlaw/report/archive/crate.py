"""RO-Crate 1.1 metadata of an archive, so that a repository of research data knows what is in it.

https://www.researchobject.org/ro-crate/1.1/: the tables and folders that a reader looks for are described.
The hash of every file is in the archive's manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from downlaw.study import LmStudy, Study

from .contents import CONFIGS, LOCK, MANIFEST, RECORDS, STUDY

if TYPE_CHECKING:  # takes a third of a second to import
    from rocrate.rocrate import ROCrate

VERSION = "1.1"

FILES = {
    "runs.csv": "One row a finetuned model: mixture, pretraining tokens, finetuning pairs, scores, FLOPs",
    "laws.csv": "One row a fitted law or rival: coefficients, intervals, held-out error",
    "predictions.csv": "What the laws say of the points held out and of larger budgets, with intervals",
    "verdicts.csv": "One row a mixture and score: aligned, misaligned, saturated or inconclusive, and why",
    "valuations.csv": "Mixtures compared at budgets and targets, with intervals",
    "comparisons.csv": "Differences between runs, their p-values, and why BLEU changed",
    "contamination.csv": "Test segments that stand in the text of each mixture and in finetuning pairs",
    "contamination_segments.parquet": "The same segment by segment",
    "contamination_scores.csv": "Scores of every run with and without the test segments it has seen",
    "metric_relations.csv": "BLEU as a function of cross-entropy, and where that holds",
    "alignment.csv": "How close each mixture is to each task: by label, identified, n-grams, losses, domains",
    "alignment_relations.csv": "How well each measure of alignment predicts gains and verdicts",
    "noise.csv": "Standard deviations of scores: between seeds, and over test sets",
    "law_lines.csv": "The laws at as many numbers of tokens as figures draw",
    "resamples.parquet": "Scores of the selected runs on the same test sets drawn anew",
    "lm_runs.csv": "One row a language model and evaluation: size, tokens, FLOPs, loss or error",
    "lm_tasks.csv": "Which multiple-choice tasks count, and why",
    "lm_resamples.parquet": "Scores of the language models on evaluations drawn anew, alike for all",
    "costs.csv": "Seconds, tokens a second and memory of every job",
    "plan.csv": "Jobs, tokens and seconds of each rule as planned, beside those measured",
    "report/report.html": "The study as one page: the answer, and what it rests on",
    "report/summary.txt": "The tables of the study as text",
    STUDY: "The study as it was run, all its settings merged",
    LOCK: "Every software package of the environment, with its version",
    MANIFEST: "SHA-256, size and time of every file",
    RECORDS: "Snakemake's records: which rule made which file from what",
}
FOLDERS = {
    "report/figures/": "Curves, their laws, and predictions at budgets",
    "report/alignment_figures/": "What mixtures gained, against each measure of alignment",
    "report/report_figures/": "Figures of the page that no other folder holds",
    "report/report_tables/": "The tables of the page",
    "alignment/": "What was measured of each mixture",
    "evaluate/": "Hypotheses, the likelihood of every reference, and what each segment adds to each metric",
    "corpora/": "Manifests of the text: source, licence, what each filter dropped, overlap with test text",
    "subsets/": "The tokenizer, the text of validation and test, and manifests of what is trained on",
    "pretrain/": "Records and logs of pretraining",
    "finetune/": "Records and logs of finetuning",
    "overtrain/": "Records and logs of language models",
    f"{CONFIGS}/": "The study file as it was written",
    "logs/": "A log a job",
    "benchmarks/": "What each job took",
}
_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".lock": "text/plain",
    ".parquet": "application/vnd.apache.parquet",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}
_SPDX = re.compile(r"[A-Za-z0-9.+-]*[0-9][A-Za-z0-9.+-]*|MIT|ISC|Unlicense")


@dataclass(frozen=True)
class Described:
    """What the metadata is made from.

    Attributes:
        study: the study that ran.
        files: sha256, size and mtime_ns of the archive's files, by name.
        corpora: the manifest of each part of a corpus.
        software: version of each package that made the results.
        commit: downlaw's, if it is known.
    """

    study: Study | LmStudy
    files: Mapping[str, Mapping[str, Any]]
    corpora: Iterable[Mapping[str, Any]]
    software: Mapping[str, str]
    commit: str | None


def crate_metadata(about: Described) -> dict[str, Any]:
    """The JSON-LD of `ro-crate-metadata.json`; the same input gives the same output."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=VERSION)
    crate.metadata.extra_terms["sha256"] = (
        "http://schema.org/sha256"  # newer than the context of RO-Crate 1.1
    )
    study = about.study
    newest = max(facts["mtime_ns"] for facts in about.files.values())
    crate.name = f"{study.study}: downstream scaling laws"
    crate.description = f"{_about(study)}, and the laws fitted to them, made by downlaw."
    crate.datePublished = _time(newest)
    subject = "language models, over-training"
    if isinstance(study, Study):
        subject = "machine translation, pretraining data, transfer learning"
    crate.keywords = f"scaling laws, {subject}"
    licences = _licences(crate, about.corpora)
    crate.license = licences[0] if len(licences) == 1 else licences
    software = _software(crate, about)
    files = [_file(crate, name, text, about.files) for name, text in FILES.items() if name in about.files]
    folders = [
        _folder(crate, name, text, about.files)
        for name, text in FOLDERS.items()
        if any(file.startswith(name) for file in about.files)
    ]
    _run(crate, software, [*files, *folders], newest)
    return crate.metadata.generate()


def _about(study: Study | LmStudy) -> str:
    if isinstance(study, LmStudy):
        return (
            "How the loss of language models falls with their size and their training text, and their error "
            f"on tasks with their loss, for the training sets {_listed(study.mixtures)}: runs, their scores"
        )
    return (
        f"How translation quality grows with pretraining text, for the tasks {_listed(study.tasks)} and the "
        f"pretraining mixtures {_listed(study.mixtures)}: finetuned runs, their scores"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _time(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns // 10**9, UTC).isoformat()


def _file(crate: ROCrate, name: str, description: str, files: Mapping[str, Mapping[str, Any]]) -> Any:
    facts = files[name]
    properties = {
        "name": PurePosixPath(name).name,
        "description": description,
        "encodingFormat": _TYPES[PurePosixPath(name).suffix],
        "dateModified": _time(facts["mtime_ns"]),
    }
    if "sha256" in facts:  # the manifest cannot hold its own
        properties |= {"contentSize": str(facts["size"]), "sha256": facts["sha256"]}
    return crate.add_file(dest_path=name, properties=properties)


def _folder(crate: ROCrate, name: str, description: str, files: Mapping[str, Mapping[str, Any]]) -> Any:
    here = [facts for file, facts in files.items() if file.startswith(name)]
    size = sum(facts["size"] for facts in here)
    properties = {
        "name": name.removesuffix("/"),
        "description": f"{description} ({len(here):,} files, {size:,} bytes)",
        "dateModified": _time(max(facts["mtime_ns"] for facts in here)),
    }
    return crate.add_dataset(dest_path=name, properties=properties)


def _licences(crate: ROCrate, corpora: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The licences of the text, which hypotheses and test text are made of; those of the tables are the
    publisher's to choose."""
    sources: dict[str, set[str]] = {}
    for manifest in corpora:
        for source in manifest["sources"]:
            name = " ".join(str(source[key]) for key in ("name", "version") if source.get(key))
            sources.setdefault(source["licence"], set()).add(name)
    return [
        _thing(
            crate,
            f"https://spdx.org/licenses/{licence}" if _SPDX.fullmatch(licence) else f"#licence-{number}",
            "CreativeWork",
            name=licence,
            description=f"The licence of text from {_listed(sorted(sources[licence]))}, as its corpus's "
            "manifest states it.",
        )
        for number, licence in enumerate(sorted(sources), start=1)
    ]


def _software(crate: ROCrate, about: Described) -> list[Any]:
    found = []
    for name, version in about.software.items():
        properties = {"name": name, "softwareVersion": version}
        if name == "downlaw" and about.commit:
            properties["version"] = about.commit
        found.append(_thing(crate, f"#{name}", "SoftwareApplication", **properties))
    return found


def _run(crate: ROCrate, software: list[Any], made: list[Any], newest: int) -> None:
    inputs = {STUDY, LOCK, f"{CONFIGS}/"}
    action = _thing(
        crate,
        "#run",
        "CreateAction",
        name="The study's run",
        endTime=_time(newest),
        instrument=software,
        object=[entity for entity in made if entity.id in inputs],
        result=[entity for entity in made if entity.id not in inputs],
    )
    crate.root_dataset["mentions"] = action


def _thing(crate: ROCrate, identifier: str, kind: str, **properties: Any) -> Any:
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))
