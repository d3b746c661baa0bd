"""`python -m benchmarks.corpora speed`: how fast text is cleaned, tokenized and binarized on one core, beside
SentencePiece's `spm_encode` and `fairseq-preprocess` on the same lines. `... memory`: how much memory each
step takes as text grows.

Every step is a process of its own with one thread; times are processor seconds of whole processes, and
without the seconds that it takes with a single line.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .workers.make_text import write_text

WORKER = Path(__file__).parent / "workers/prepare_text.py"
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
VOCABULARY = 4000

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True)
class Step:
    """What one process did: processor and wall seconds, and the most memory it held.

    `peak_mib` is all of it, with the pages of mapped files; `own_peak_mib` is without them.
    """

    name: str
    megabytes: float
    seconds: float
    wall: float
    peak_mib: float
    own_peak_mib: float


def measure(name: str, megabytes: float, command: Sequence[str | Path], **options) -> Step:
    """Run a command to its end.

    Raises:
        SystemExit: with what it said, where it fails.
    """
    begun = time.monotonic()
    child = subprocess.Popen(
        list(map(str, command)), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **options
    )
    own: list[float] = [0.0]
    watcher = threading.Thread(target=_watch, args=(child.pid, own), daemon=True)
    watcher.start()
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{name} failed:\n{said[-2000:]}")
    seconds = usage.ru_utime + usage.ru_stime
    watcher.join()
    return Step(name, megabytes, seconds, time.monotonic() - begun, usage.ru_maxrss / 1024, own[0])


def _watch(pid: int, most: list[float]) -> None:
    """The most memory of its own that a process has, in MiB, seen 20 times a second until it ends."""
    while True:
        try:
            with open(f"/proc/{pid}/status") as status:
                held = [int(line.split()[1]) for line in status if line.startswith("RssAnon")]
        except OSError:
            return
        if not held:  # it has ended, and nobody has asked how
            return
        most[0] = max(most[0], held[0] / 1024)
        time.sleep(0.05)


def ours(step: str, folder: Path, text: Path, megabytes: float, *options: str) -> Step:
    """One step of ours on a text file, or on what the step before left in `folder`."""
    return measure(step, megabytes, [sys.executable, WORKER, step, folder, text, *options])


def theirs(folder: Path, text: Path, megabytes: float, encode: list[str]) -> list[Step]:
    """`spm_encode`, then `fairseq-preprocess`."""
    made = folder / "theirs"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    with text.open() as lines, (made / "train.pieces").open("w") as pieces:
        one = measure(encode[0], megabytes, encode[1:], stdin=lines, stdout=pieces)
    os.rename(made / "train.pieces", made / "pieces.en")
    binarize = [BIN / "fairseq-preprocess", "--only-source", "--source-lang", "en", "--target-lang", "xx"]
    binarize += ["--trainpref", made / "pieces", "--srcdict", folder / "dict.txt", "--destdir", made / "bin"]
    two = measure("fairseq-preprocess", megabytes, [*binarize, "--workers", "1"], stdout=subprocess.DEVNULL)
    return [one, two]


def encoder(model: Path) -> list[str]:
    """The command that writes pieces, after what to call it: SentencePiece's own, or its Python package's."""
    if found := shutil.which("spm_encode"):
        return ["spm_encode", found, f"--model={model}", "--output_format=piece"]
    program = (
        "import sys, sentencepiece; p = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])\n"
        "for line in sys.stdin: print(' '.join(p.encode(line.rstrip('\\n'), out_type=str)))"
    )
    return ["sentencepiece, in Python", sys.executable, "-c", program, str(model)]


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def disk(path: Path) -> float:
    """Seconds to read a file that is not in memory."""
    with path.open("rb", buffering=0) as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        begun = time.monotonic()
        while stream.read(1 << 22):
            pass
    return time.monotonic() - begun


@app.command()
def speed(
    megabytes: Annotated[float, typer.Option("--mb", help="Megabytes of text.")] = 50,
    text: Annotated[Path | None, typer.Option(help="Text to take instead of made-up words.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each step is measured.")] = 3,
    results: Annotated[Path | None, typer.Option("--csv", help="Write the table here as CSV.")] = None,
) -> None:
    """Tokens a second of one core for each step, beside spm_encode and fairseq-preprocess."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as aside:
        folder = Path(aside)
        lines, line = folder / "text.en", folder / "line.en"
        write_text(lines, megabytes, text)
        line.write_text(lines.open().readline())
        size = lines.stat().st_size / 1e6
        ours("model", folder, lines, size, str(VOCABULARY))
        encode = encoder(folder / "sentencepiece.model")
        found: dict[str, list[Step]] = {}
        for _ in range(rounds):
            for source, kept in ((line, False), (lines, True)):
                steps = theirs(folder, source, size, encode)
                steps += [ours(name, folder, source, size) for name in ("binarize", "clean", "pool")]
                for step in steps:
                    found.setdefault(step.name if kept else f"start of {step.name}", []).append(step)
        rows = _rows(found, encode[0], json.loads((folder / "binarize.json").read_text())["tokens"], size)
        same = all(
            sha256(folder / f"ours/train.{end}")
            == sha256(next((folder / "theirs/bin").glob(f"train.*.{end}")))
            for end in ("bin", "idx")
        )
        read = size / disk(lines)
    console = Console()
    table = Table("step", "tokens/s", "MB/s", "seconds", "of which start", "times theirs", box=None)
    for row in rows:
        table.add_row(
            *(f"{value:,.4g}" if isinstance(value, float) else str(value) for value in row.values())
        )
    console.print(table)
    console.print(f"{size:,.0f} MB of text; the disk reads {read:,.0f} MB/s of it")
    console.print(f"binarize: the files are {'the same' if same else 'NOT THE SAME'}, byte by byte")
    if results:
        _write(results, [row | {"disk_mb_s": read, "same_bytes": same} for row in rows])
    if not same:
        raise typer.Exit(1)


def _rows(found: dict[str, list[Step]], encode: str, tokens: int, size: float) -> list[dict[str, object]]:
    """One row a step: the median of its processor seconds, and where it does the same as their two steps, how
    many times as fast it is."""

    def seconds(name: str) -> float:
        times = sorted(step.seconds for step in found[name])
        return times[len(times) // 2]

    whole = {name: seconds(name) for name in found if not name.startswith("start of ")}
    start = {name: seconds(f"start of {name}") for name in whole}
    both = f"{encode} + fairseq-preprocess"
    whole[both] = whole[encode] + whole["fairseq-preprocess"]
    start[both] = start[encode] + start["fairseq-preprocess"]
    rows = []
    for name, spent in whole.items():
        work = spent - start[name]
        ratio = (whole[both] - start[both]) / work if name == "binarize" else ""
        rows.append(
            {
                "step": name,
                "tokens_s": tokens / work,
                "mb_s": size / work,
                "seconds": spent,
                "start": start[name],
                "ratio": ratio,
            }
        )
    return rows


@app.command()
def memory(
    sizes: Annotated[
        list[float] | None, typer.Option("--gb", help="Gigabytes of text; may be given again.")
    ] = None,
    steps: Annotated[
        list[str] | None, typer.Option("--step", help="filter, tokenize, shuffle, mix; may be given again.")
    ] = None,
    results: Annotated[Path | None, typer.Option("--csv", help="Write the table here as CSV.")] = None,
) -> None:
    """The most memory that a process held, for each step and size; made-up text, all filters on.

    Own memory is without the pages of mapped files, which the system takes back when others need them.
    """
    console, found = Console(), []
    table = Table("gigabytes", "step", "peak MiB", "own MiB", "minutes", "MB/s", box=None)
    for gigabytes in sizes or [0.25, 0.5, 1.0]:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as aside:
            folder = Path(aside)
            lines = folder / "text.en"
            write_text(lines, gigabytes * 1000, None)
            size = lines.stat().st_size / 1e6
            ours("model", folder, lines, size, str(VOCABULARY))
            chosen = steps or ["filter", "tokenize", "shuffle", "mix"]
            if "filter" not in chosen:
                ours("table", folder, lines, size)
            for name in chosen:
                console.print(f"{gigabytes} GB: {name} ...", end="\r")
                step = ours(name, folder, lines, size)
                found.append(asdict(step) | {"gigabytes": gigabytes})
                table.add_row(
                    f"{gigabytes:g}", name, f"{step.peak_mib:,.0f}", f"{step.own_peak_mib:,.0f}",
                    f"{step.wall / 60:.1f}", f"{size / step.seconds:.2f}",
                )  # fmt: skip
                if results:
                    _write(results, found)
    console.print(table)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    app()
