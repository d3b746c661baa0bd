"""`python -m benchmarks.language_model`: how fast decoder-only models are trained, and how well that uses the
device: by fairseq with this project's command line, by a plain PyTorch loop, and by Hugging Face's GPT-2.

Every training is a process of its own on ids drawn by chance; methods run in turns. Model-FLOP utilisation is
6 N operations a token over what a matrix product reaches on the same device.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).parent / "workers/train_language_model.py"
METHODS = {
    "fairseq": "fairseq-train",
    "torch": "plain PyTorch",
    "transformers": "Hugging Face GPT-2",
}
COLUMNS = (
    "size", "params", "method", "device", "precision", "rounds", "tokens_a_second", "lowest", "highest",
    "ratio_to_fairseq", "peak_flops", "utilisation",
)  # fmt: skip
PROFILE_ROWS = 12


@dataclass(frozen=True)
class Size:
    """A model, with one matrix for input and output, and what an update reads; all in pieces or units."""

    width: int
    layers: int
    heads: int
    vocabulary: int
    block: int
    batch: int
    warm: int
    updates: int

    @property
    def params(self) -> int:
        """N: unique weights, counted as the project counts them."""
        from downlaw.study.overtrain import DecoderModel

        model = DecoderModel(width=self.width, layers=self.layers, heads=self.heads)
        return model.parameters(self.vocabulary, shared=True).total

    @property
    def tokens(self) -> int:
        """Pieces predicted in the updates that are timed."""
        return self.block * self.batch * self.updates


SIZES = {
    "small": {
        "0.5M": Size(64, 4, 4, 4000, 64, 16, warm=5, updates=20),
        "1.3M": Size(128, 4, 4, 4000, 64, 16, warm=5, updates=20),
        "5.8M": Size(256, 6, 4, 4000, 64, 16, warm=3, updates=8),
    },
    "paper": {
        "51M": Size(512, 8, 4, 50432, 2048, 8, warm=10, updates=30),
        "125M": Size(576, 24, 8, 50432, 2048, 8, warm=10, updates=30),
        "354M": Size(1024, 24, 8, 50432, 2048, 8, warm=10, updates=30),
    },
}
"""Names are N. `paper`: widths, layers and heads of Gadre et al.'s 79M, 154M and 411M, whose embeddings are
not tied, with their vocabulary and their sequences of 2,048."""


class BenchmarkError(RuntimeError):
    """A worker that failed; its last words."""


def row(
    name: str,
    size: Size,
    method: str,
    job: Mapping[str, Any],
    seconds: Mapping[str, list[float]],
    peak: float,
) -> dict[str, Any]:
    """A row of the table: tokens a second are medians over rounds, the ratio that of ratios within a round.

    Args:
        seconds: by method, of the timed updates, round by round.
        peak: operations a second of a matrix product.
    """
    speeds = [size.tokens / each for each in seconds[method]]
    ratios = [a / b for a, b in zip(seconds.get("fairseq", []), seconds[method], strict=False)]
    return {
        "size": name,
        "params": size.params,
        "method": METHODS[method],
        "device": job["device"],
        "precision": job["precision"],
        "rounds": len(speeds),
        "tokens_a_second": median(speeds),
        "lowest": min(speeds),
        "highest": max(speeds),
        "ratio_to_fairseq": median(ratios) if ratios else None,
        "peak_flops": peak,
        "utilisation": 6 * size.params * median(speeds) / peak,
    }


def methods_on(device: str, precision: str) -> list[str]:
    """Those that run there: fairseq's bf16 needs a GPU."""
    return [name for name in METHODS if (device, precision, name) != ("cpu", "bf16", "fairseq")]


def run_worker(method: str, job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The result of a worker.

    Raises:
        BenchmarkError: with its last words where it fails.
    """
    asked, found, said = (folder / name for name in ("job.json", "found.json", "said.txt"))
    asked.write_text(json.dumps(job), encoding="utf-8")
    found.unlink(missing_ok=True)
    with said.open("w") as stream:
        done = subprocess.run(
            [sys.executable, str(WORKER), method, str(asked), str(found)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        )
    result = json.loads(found.read_text()) if found.exists() else {}
    if done.returncode or not result:
        last = [line for line in said.read_text(errors="replace").splitlines() if line.strip()][-1:]
        raise BenchmarkError(f"{method} failed: {''.join(last)}")
    return result


def write_text(size: Size, folder: Path) -> Path:
    """Sequences of ids drawn by chance, as many as all updates read; the prefix of their dataset."""
    import numpy as np

    from downlaw.engine.mmap import id_type, write_dataset

    draw, count = np.random.default_rng(1), (size.warm + size.updates) * size.batch
    folder.mkdir()
    # fairseq's own four pieces stand before those of the file.
    words = "".join(f"p{number} 1\n" for number in range(size.vocabulary - 4))
    (folder / "dict.txt").write_text(words)
    (folder / "text.txt").write_text("text\n")
    blocks = (draw.integers(4, size.vocabulary, size.block) for _ in range(count))
    write_dataset(folder / "train", blocks, id_type(size.vocabulary))
    return folder / "train"


def print_rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("size")
    table.add_column("method", no_wrap=True)
    for heading in ("tokens/s", "lowest", "highest", "x fairseq", "MFU"):
        table.add_column(heading, justify="right")
    for each in rows:
        speeds = [f"{each[key]:,.0f}" for key in ("tokens_a_second", "lowest", "highest")]
        ratio = f"{each['ratio_to_fairseq']:.2f}" if each["ratio_to_fairseq"] else ""
        table.add_row(each["size"], each["method"], *speeds, ratio, f"{100 * each['utilisation']:.0f}%")
    console.print(table)


def print_profile(console: Console, method: str, rows: Sequence[Sequence[Any]]) -> None:
    """The longest operations of an update, and how many there are in all."""
    total, count = (sum(each[place] for each in rows) for place in (1, 2))
    title = f"{METHODS[method]}: {1000 * total:.0f} ms and {count:,.0f} calls an update"
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for heading in ("operation", "share", "ms", "calls"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for name, seconds, calls in rows[:PROFILE_ROWS]:
        table.add_row(name, f"{100 * seconds / total:.1f}%", f"{1000 * seconds:.1f}", f"{calls:,.0f}")
    console.print(table)


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    sizes: Annotated[str, typer.Option(help="small or paper.")] = "small",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, the methods in turns.")] = 3,
    profile: Annotated[bool, typer.Option("--profile", help="Say where the time of each goes.")] = False,
    csv_path: Annotated[Path | None, typer.Option("--csv", help="Write the table here as CSV.")] = None,
) -> None:
    """Train decoder-only models for seconds with fairseq, plain PyTorch and Hugging Face's GPT-2."""
    for value, allowed in ((device, ("cpu", "cuda")), (precision, ("fp32", "bf16")), (sizes, tuple(SIZES))):
        if value not in allowed:
            raise typer.BadParameter(f"{value} is not {' or '.join(allowed)}")
    console, rows = Console(width=110), []
    with tempfile.TemporaryDirectory() as name:
        try:
            for size_name, size in SIZES[sizes].items():
                with console.status(size_name):
                    found = measure(
                        console, size_name, size, device, precision, rounds, profile, Path(name) / size_name
                    )
                print_rows(console, found)
                rows += found
        except BenchmarkError as error:
            console.print(f"error: {error}")
            raise typer.Exit(1) from None
    peak = median(each["peak_flops"] for each in rows)
    console.print(f"a matrix product reached {peak / 1e9:,.0f} GFLOP/s")
    if csv_path:
        with csv_path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def measure(
    console: Console,
    name: str,
    size: Size,
    device: str,
    precision: str,
    rounds: int,
    profile: bool,
    folder: Path,
) -> list[dict[str, Any]]:
    """Rows of one size, after as many rounds; with `profile`, one more that is not counted."""
    data = write_text(size, folder)
    job = {**asdict(size), "device": device, "precision": precision, "profile": False}
    job |= {"data": str(data), "folder": str(folder / "saved"), "text": str(folder / "text.txt")}
    # Another's work on the machine changes seconds by the clock, and those of the processor much less.
    kind = "cpu" if device == "cpu" else "wall"
    methods = methods_on(device, precision)
    seconds: dict[str, list[float]] = {method: [] for method in methods}
    peaks = []
    for number in range(rounds + profile):
        if number < rounds:
            peaks.append(run_worker("peak", job, folder)["peak"])
        for method in methods:
            last = {"profile": number == rounds, "folder": str(folder / f"saved-{number}")}
            found = run_worker(method, job | last, folder)
            name_of_device = found["device"]
            if number < rounds:
                seconds[method].append(found[kind])
            else:
                print_profile(console, method, found["profile"])
    about = job | {"device": name_of_device}
    return [row(name, size, method, about, seconds, median(peaks)) for method in methods]


if __name__ == "__main__":
    if "cuda" not in sys.argv and "--device=cuda" not in sys.argv:
        from .__main__ import one_core

        one_core()
    app(prog_name="python -m benchmarks.language_model")
