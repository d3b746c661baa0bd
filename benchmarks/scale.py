"""`python -m benchmarks.scale`: how jobs, planning, status and tables grow from 1,000 runs to 10,000.

Studies of several shapes, with the files of a finished study made up, so that nothing is trained. Seconds are
processor seconds of the process measured and its children; planning is `snakemake --dry-run --quiet`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from time import perf_counter, time
from typing import Any

import yaml

from downlaw.costs import costs_table, transfer_costs
from downlaw.engine.training import finetuning_identity, pretraining_identity
from downlaw.files import digest, read_json, write_json
from downlaw.plan import plan
from downlaw.runs import COLUMNS, runs_table
from downlaw.status import DONE, statuses
from downlaw.study import Study, load_study
from downlaw.study.matrix import Start, runs, segments, starts

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
MIXTURE = {"vocabulary": 4000, "sha256": {"bin": "0", "idx": "0"}, "tokens": 10**12}
SUBSETS = {
    pairs: {"vocabulary": 4000, "sha256": {"train.de-en.de.bin": str(pairs)}} for pairs in (1000, 2000, 3000)
}
BENCHMARK = "s\th:m:s\tmax_rss\n12.5\t0:00:12\t512.5\n"


@dataclass(frozen=True)
class Shape:
    """Sizes of a study: each start of each task has `pairs` x `rates` x `seeds` runs."""

    tasks: int
    mixtures: int
    chains: int
    points: int
    pairs: int
    rates: int
    seeds: int


SHAPES = {
    "many starts": (Shape(1, 37, 3, 3, 1, 3, 1), Shape(1, 37, 15, 6, 1, 3, 1)),
    "long chains": (Shape(1, 1, 3, 111, 1, 3, 1), Shape(1, 10, 3, 111, 1, 3, 1)),
    "many tasks": (Shape(10, 10, 1, 5, 1, 2, 1), Shape(10, 100, 1, 5, 1, 2, 1)),
    "many runs a start": (Shape(1, 10, 1, 1, 3, 10, 3), Shape(1, 10, 1, 10, 3, 11, 3)),
}
"""By name, a study of about 1,000 runs and one of about 10,000."""


@dataclass(frozen=True)
class Measured:
    """One study: seconds of planning with nothing done and with all done, of status and of two tables."""

    shape: str
    runs: int
    jobs: int
    plan_new: float
    plan_done: float
    status: float
    runs_csv: float
    costs_csv: float


def make_study(shape: Shape, folder: Path) -> Study:
    """Write study.yaml, and the text that it names, into `folder`."""
    languages = ["en", "de", "fr"]
    (folder / "text").mkdir(parents=True)
    for name in (*languages, "pairs"):
        (folder / f"text/{name}").write_text("text\n")
    tasks = [("en", "de") if index % 2 else ("de", "en") for index in range(shape.tasks)]
    shares = [round((index + 1) / (shape.mixtures + 2), 6) for index in range(shape.mixtures)]
    config = {
        "study": "scale",
        "languages": languages,
        "corpora": {
            "mono": {
                "source": "files",
                "kind": "monolingual",
                "files": [{"language": code, "path": f"text/{code}"} for code in languages],
            },
            "pairs": {
                "source": "files",
                "kind": "parallel",
                "files": [{"languages": ["de", "en"], "tsv": "text/pairs"}],
            },
        },
        "mixtures": {
            f"m{index}": {"shares": {"mono.en": share, "mono.de": round(1 - share, 6)}}
            for index, share in enumerate(shares)
        },
        "tasks": {
            f"t{index}": {"source": source, "target": target, "corpus": "pairs"}
            for index, (source, target) in enumerate(tasks)
        },
        "pretrain": {
            "tokens": [1_000_000 * (index + 1) for index in range(shape.points)],
            "seeds": [index + 1 for index in range(shape.chains)],
        },
        "finetune": {
            "pairs": [1000 * (index + 1) for index in range(shape.pairs)],
            "learning_rates": [round(0.001 * (index + 1), 4) for index in range(shape.rates)],
            "seeds": [index + 1 for index in range(shape.seeds)],
        },
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return load_study(config)


def make_results(study: Study) -> None:
    """What status, tables and Snakemake look at in a finished study, in the folder that one is in."""
    results = study.results
    for name in study.mixtures:
        write_json(results / f"subsets/mixtures/{name}/manifest.json", MIXTURE | {"mixture": name})
    for task in study.tasks:
        for pairs in study.finetune.pairs:
            write_json(results / f"subsets/tasks/{task}/{pairs}/manifest.json", SUBSETS[pairs])
    identities: dict[Start, str] = {}
    record = {"status": "ok", "reason": "", "versions": {"torch": ["2.13.0"]}, "device": "cpu"}
    for segment in segments(study):
        name = f"{segment.mixture}/seed{segment.seed}/{segment.tokens_asked}"
        path = results / f"pretrain/{name}.json"
        _benchmark(results, "pretrain", name)
        identity = digest(pretraining_identity(study, segment, MIXTURE))
        identities[Start(segment.mixture, segment.seed, segment.tokens_asked)] = identity
        about = {"identity": identity, "tokens": segment.tokens, "updates": segment.updates}
        _train(path, [record | about], segment.updates)
        write_json(path, record | about)
    for task in study.tasks:
        for start in starts(study):
            name = f"{task}/{start.mixture}/seed{start.seed}/{start.tokens_asked}.json"
            for stage in ("finetune", "evaluate"):
                _benchmark(results, stage, name.removesuffix(".json"))
            records = [
                record
                | {
                    "identity": digest(
                        finetuning_identity(study, run, SUBSETS[run.pairs], identities.get(start))
                    ),
                    "finetune_pairs": run.pairs,
                    "learning_rate": run.learning_rate,
                    "finetuning_seed": run.seed,
                    "target_tokens_a_update": 2000.0,
                }
                for run in runs(study, task, start)
            ]
            _train(results / "finetune" / name, records, study.finetune.updates)
            write_json(results / "finetune" / name, records)
            rows = [dict.fromkeys(COLUMNS) | one | {"selected": True, "bleu": 20.0} for one in records]
            write_json(results / "evaluate" / name, rows)


def _train(path: Path, records: Sequence[dict[str, Any]], updates: int) -> None:
    entry = {"from_update": 0, "to_update": updates, "seconds": 9.5, "device": "cpu", "threads": 1}
    for record in records:
        folder = path.with_suffix("") / record["identity"]
        folder.mkdir(parents=True)
        (folder / "history.jsonl").write_text(json.dumps(entry) + "\n")


def _benchmark(results: Path, rule: str, job: str) -> None:
    path = results / "benchmarks" / rule / f"{job.replace('/', '-')}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(BENCHMARK)


def touch_outputs(snakemake: Callable[..., str], folder: Path) -> None:
    """Have Snakemake count everything as done: every file that it would make, and all of one time.

    Its own records of jobs are not made up, so that comparing keys of the study with them is not measured.
    """
    for path in _outputs(snakemake("--dry-run", "--summary")):
        if path.name == "figures":
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    now = time()
    for path in folder.rglob("*"):
        os.utime(path, (now, now))


def _outputs(summary: str) -> list[Path]:
    _, *rows = csv.reader(summary.splitlines(), delimiter="\t")
    return [Path(row[0]) for row in rows if len(row) > 1]


def measure(name: str, shape: Shape) -> Measured:
    """Make a study of a shape in a temporary folder and measure it there."""
    with tempfile.TemporaryDirectory(prefix="downlaw-scale-") as folder:
        here = os.getcwd()
        os.chdir(folder)
        try:
            return _measure(name, make_study(shape, Path(folder)))
        finally:
            os.chdir(here)


def _measure(name: str, study: Study) -> Measured:
    def snakemake(*arguments: str) -> str:
        command = [BIN / "snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", "study.yaml"]
        how = ["--cores", "1", "--workflow-profile", ROOT / "profiles/default"]
        environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(
            [*command, *how, *arguments], env=environment, text=True, capture_output=True, check=True
        )
        return done.stdout

    stages = plan(study)
    plan_new, _ = _seconds(lambda: snakemake("--dry-run", "--quiet"))
    make_results(study)
    touch_outputs(snakemake, Path.cwd())
    plan_done, said = _seconds(lambda: snakemake("--dry-run", "--quiet", "rules"))
    if "total" in said:
        raise RuntimeError(f"{name}: not everything counts as done:\n{said}")
    status, found = _seconds(lambda: statuses(study))
    if {run.state for run in found} != {DONE}:
        raise RuntimeError(f"{name}: not every run counts as done")
    evaluated = [
        study.results / f"evaluate/{task}/{start.mixture}/seed{start.seed}/{start.tokens_asked}.json"
        for task in study.tasks
        for start in starts(study)
    ]
    runs_csv, table = _seconds(lambda: runs_table([row for path in evaluated for row in read_json(path)]))
    pretrained, finetuned = (
        sorted((study.results / stage).rglob("*.json")) for stage in ("pretrain", "finetune")
    )
    costs_csv, _ = _seconds(
        lambda: costs_table(transfer_costs(pretrained, finetuned), study.results / "benchmarks")
    )
    jobs = sum(stage.jobs for stage in stages) + 1
    return Measured(name, len(table), jobs, plan_new, plan_done, status, runs_csv, costs_csv)


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of this process and of the children that it waited for."""

    def used() -> float:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

    begun = used()
    result = work()
    return used() - begun, result


def main() -> None:
    """Measure the shapes and print what they took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES), help="which to measure")
    parser.add_argument("--csv", type=Path, help="also write the figures here")
    options = parser.parse_args()
    begun = perf_counter()
    headings = list(Measured.__dataclass_fields__)
    print("".join(f"{heading:>{_width(heading)}}" for heading in headings))
    rows = []
    for name in options.shapes:
        small, large = (measure(name, shape) for shape in SHAPES[name])
        for row in (small, large):
            print(_line(astuple(row)), flush=True)
            rows.append(astuple(row))
        ratios = [
            round(after / before, 1)
            for before, after in zip(astuple(small)[1:], astuple(large)[1:], strict=True)
        ]
        print(_line(("ratio", *ratios)), flush=True)
    if options.csv:
        with options.csv.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([headings, *rows])
    print(f"{perf_counter() - begun:.0f} s in all", file=sys.stderr)


def _width(heading: str) -> int:
    return 20 if heading == "shape" else 11


def _line(cells: Sequence[Any]) -> str:
    first, *others = cells
    return f"{first:>20}" + "".join(
        f"{cell:>11,.2f}" if isinstance(cell, float) else f"{cell:>11,}" for cell in others
    )


if __name__ == "__main__":
    main()
