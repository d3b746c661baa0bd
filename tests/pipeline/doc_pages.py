"""The pages of the documentation, read as Markdown: their blocks of code, commands, headings and links.

A comment before a block says what a test does with it where that is not the usual thing:

    <!-- test: skip REASON -->      not run; the reason is for readers of the source
    <!-- test: elsewhere PATH -->   not run here: PATH is the test that does
    <!-- test: dry-run -->          run with --dry-run
    <!-- test: output -->           run, ends with the output shown below each `$ command`
    <!-- test: profile -->          YAML of a Snakemake profile, not of a study
    <!-- test: file PATH -->        what a reader saves as PATH; tests find it there
    <!-- test: file PATH over BASE -->   the same, where sections of a study replace those of BASE
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

SHELL = ("", "console", "bash", "sh", "shell")
"""What a fenced block is called that holds commands; output and everything else has a name of its own."""

SAFE = ("cat", "cp", "cut", "export", "head", "ls", "mkdir", "printf", "sort", "tail", "zstdcat")
"""Programs of every system that a command may begin with."""

_MARK = re.compile(r"<!--\s*test:\s*(\S+)\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, what it is called, and what its mark says."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command line of a block, its comment, and the output that the page shows for it."""

    block: Block
    text: str
    comment: str
    output: str

    @property
    def words(self) -> list[str]:
        """Its words, without settings of variables and without the folder of the environment."""
        words = shlex.split(self.text)
        while words and re.match(r"[A-Z][A-Z0-9_]*=", words[0]):
            words.pop(0)
        return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else words

    @property
    def treatment(self) -> str:
        """What a test does with it: run, dry-run, make, module, skip, elsewhere; or unknown, which fails."""
        if self.block.mark in ("skip", "elsewhere", "dry-run"):
            return self.block.mark
        program = self.words[0]
        if program == "snakemake" and "--report" in self.words:
            return "run"  # it trains nothing
        if program == "python" and self.words[1] == "-m":
            return "module"
        usual = {"make": "make", "snakemake": "dry-run", "downlaw": "run"}
        return usual.get(program, "run" if program in SAFE else "unknown")


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    """Every block of code of a page; an indented one is called `indented`."""
    tokens = _tokens(page)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type not in ("fence", "code_block"):
            continue
        found = _MARK.match(before.content) if before and before.type == "html_block" else None
        mark, reason = found.groups() if found else ("", "")
        language = token.info.split()[0] if token.info.split() else ""
        yield Block(
            page.relative_to(ROOT).as_posix(),
            token.map[0] + 1,
            "indented" if token.type == "code_block" else language,
            token.content,
            mark,
            reason,
        )


def saved_file(block: Block) -> tuple[str, str]:
    """(path, content) of a block that is to be saved."""
    path, _, base = block.reason.partition(" over ")
    if not base:
        return path, block.text
    study = yaml.safe_load((ROOT / base).read_text()) | yaml.safe_load(block.text)
    return path, yaml.safe_dump(study, sort_keys=False)


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block: lines that begin with `$`, or, where none does, every line."""
    if block.language not in SHELL:
        return
    lines = block.text.replace("\\\n", " ").splitlines()
    with_prompt = any(line.startswith("$ ") for line in lines)
    found: list[tuple[str, str, list[str]]] = []
    for line in lines:
        if with_prompt and not line.startswith("$ "):
            if found:
                found[-1][2].append(line)
            continue
        command, *comment = re.split(r"(?:^|\s+)#\s", line.removeprefix("$ "), maxsplit=1)
        if command.strip():
            found.append((command.strip(), "".join(comment).strip(), []))
    for command, comment, output in found:
        yield Command(block, command, comment, "\n".join(output).strip())


def all_commands() -> list[Command]:
    return [command for block in all_blocks() for command in commands(block)]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    tokens, found = _tokens(page), {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            parts = inline.children or ()
            text = "".join(part.content for part in parts if part.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{n}" if n else slug for slug, last in found.items() for n in range(last + 1)}


def links(page: Path) -> list[tuple[int, str]]:
    """(line, target) of every link and picture of a page."""
    found = []
    for token in _tokens(page):
        for part in token.children or ():
            target = part.attrGet("href") if part.type == "link_open" else part.attrGet("src")
            if target:
                found.append((token.map[0] + 1 if token.map else 0, str(target)))
    return found


def inline_code(page: Path) -> list[str]:
    """The code within sentences and tables of a page."""
    parts = (part for token in _tokens(page) for part in token.children or ())
    return [part.content for part in parts if part.type == "code_inline"]
