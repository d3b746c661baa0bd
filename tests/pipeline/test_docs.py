"""Every command in a block of the documentation runs: on a clone in which the tiny study is done, or as a dry
run there.

tests/unit/test_doc_pages.py looks after commands that are marked as not run, make's targets and modules.
"""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import doc_pages
import pandas as pd
import pytest
import toy_text
import yaml
from conftest import BIN, ROOT, Workplace
from made_lm_runs import lm_table
from typer.testing import CliRunner

from downlaw.cli import app

pytestmark = pytest.mark.pipeline

SCORES = [15.3, 17.6, 19.2, 21.0, 22.4, 23.7, 25.0, 26.1]
REFERENCES = ["Open the file.", "Close the window.", "Save all changes now.", "There is nothing to do."]
COMMANDS, BLOCKS = doc_pages.all_commands(), doc_pages.all_blocks()


def treated(*treatments: str) -> list[doc_pages.Command]:
    """Commands of these treatments, each text once."""
    chosen = [c for c in COMMANDS if c.treatment in treatments]
    return list({c.text: c for c in reversed(chosen)}.values())[::-1]


def by_text(value: doc_pages.Command | doc_pages.Block) -> str:
    return value.text if isinstance(value, doc_pages.Command) else value.place


@pytest.fixture(scope="module")
def clone(small: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a finished study, studies/mine.yaml, and the files of their own that pages speak of."""
    folder = tmp_path_factory.mktemp("docs") / "clone"
    shutil.copytree(small.folder, folder, copy_function=shutil.copy2, symlinks=True)
    for path in ROOT.iterdir():
        if not path.name.startswith((".", "results", "studies", "logs")):
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "studies", folder / "studies")
    (folder / "studies/mine.yaml").write_text(yaml.safe_dump(small.study, sort_keys=False))
    for block in BLOCKS:
        if block.mark == "file":
            path, content = doc_pages.saved_file(block)
            (folder / path).write_text(content)
    write_text_of_the_pages(folder / "data")
    write_files_of_the_pages(folder)
    return folder


def write_text_of_the_pages(folder: Path) -> None:
    """What the studies that pages show read."""
    toy_text.write_corpora(folder)
    pairs = [line.split("\t") for line in (folder / "pairs.de-en.tsv").read_text().splitlines() if line]
    letters = "\n".join(f"{english}\t{german}" for german, english in pairs)
    (folder / "letters.tsv.gz").write_bytes(gzip.compress(letters.encode()))
    for column, code in enumerate(("de", "en")):
        (folder / f"exam.{code}").write_text("\n".join(pair[column] for pair in pairs[:100]) + "\n")
        mono = (folder / f"mono.{code}.txt").read_bytes()
        (folder / f"web.{code}.gz").write_bytes(gzip.compress(mono))


def write_files_of_the_pages(folder: Path) -> None:
    """Tables and text that a reader of the pages has."""
    rows = [f"{2**n}e9,{score}" for n, score in enumerate(SCORES)]
    (folder / "scores.csv").write_text("\n".join(["tokens,bleu", *rows]) + "\n")
    again = [f"{mixture},{row}" for mixture in ("web", "books") for row in rows]
    (folder / "scored.csv").write_text("\n".join(["mixture,tokens,quality", *again]) + "\n")
    (folder / "broken.csv").write_text("tokens,bleu\n1e9,15.3\n2e9,good\n")
    shutil.copy(folder / "scores.csv", folder / "mine.csv")
    grid = pd.DataFrame([(n, d) for n in (1e8, 4e8, 1.6e9) for d in (2e9, 8e9, 3.2e10)])
    grid.columns = ["params", "tokens"]
    grid["loss"] = 1.69 + 406.4 / grid["params"] ** 0.34 + 410.7 / grid["tokens"] ** 0.28
    sets = [
        grid.assign(training_set=name, loss=grid["loss"] * factor)
        for name, factor in (("c4", 1), ("web", 1.1))
    ]
    pd.concat(sets).to_csv(folder / "models.csv", index=False)
    lm_table().to_csv(folder / "lm_runs.csv", index=False)
    (folder / "test.de").write_text("\n".join(REFERENCES) + "\n")
    for name, shift in (("new.txt", 0), ("old.txt", 1)):
        worse = [line if (n + shift) % 2 else line.lower() for n, line in enumerate(REFERENCES)]
        (folder / name).write_text("\n".join(worse) + "\n")


@pytest.fixture
def inside(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clone, as the working directory, with the environment's commands first."""
    monkeypatch.chdir(clone)
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    return clone


def in_a_shell(command: str) -> subprocess.CompletedProcess[str]:
    here = command.replace(".venv/bin/", "")
    return subprocess.run(["bash", "-c", f"set -eu -o pipefail\n{here}"], text=True, capture_output=True)


@pytest.mark.parametrize("command", treated("run"), ids=by_text)
def test_it_runs(command: doc_pages.Command, inside: Path):
    words = command.words
    alone = words[0] == "downlaw" and not any(sign in command.text for sign in "|><;&$`")
    if alone:  # in this process: importing everything takes longer than most commands
        done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
        code, output = done.exit_code, done.output
    else:
        ended = in_a_shell(command.text)
        code, output = ended.returncode, ended.stdout + ended.stderr
    if command.block.mark == "output":
        assert command.output and output.strip().endswith(command.output)
        assert code == 1, output
    else:
        assert code == 0, output


@pytest.mark.parametrize("command", treated("dry-run"), ids=by_text)
def test_it_can_be_planned(command: doc_pages.Command, inside: Path):
    """snakemake, or what has a --dry-run of its own."""
    text = command.text.replace(".venv/bin/", "")
    if "--dry-run" not in command.words:
        program, _, rest = text.partition("snakemake ")
        text = f"{program}snakemake --dry-run {rest}"
    done = subprocess.run(["bash", "-c", text], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def runnable_python() -> Sequence[doc_pages.Block]:
    python = [block for block in BLOCKS if block.language == "python" and not block.mark]
    return [block for block in python if ">>>" not in block.text]


@pytest.mark.parametrize("block", runnable_python(), ids=by_text)
def test_its_python_runs(block: doc_pages.Block, inside: Path):
    exec(compile(block.text, block.place, "exec"), {"__name__": "docs"})


def test_the_table_of_the_command_line_page_is_the_one_printed(inside: Path):
    """Its numbers, but for ends of intervals, whose last digit is chance."""
    (shown,) = [block for block in BLOCKS if block.text.startswith("scores: BLEU, log_law")]
    (command,) = [c for c in COMMANDS if c.text.startswith("downlaw fit scores.csv --n-fit 6")]
    done = CliRunner().invoke(app, [*shlex.split(command.text)[1:], "--json"], catch_exceptions=False)
    law = next(row for row in yaml.safe_load(done.stdout) if row["law"] == "log_law")
    for value in (f"{law['beta']:.3f}", f"{law['c']:.1f}", f"{law['held_out_error']:.1%}"):
        assert value in shown.text
