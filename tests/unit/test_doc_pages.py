"""The documentation holds together: links lead somewhere, fragments of studies have keys that there are, and
every command is one that a test runs, or that says why not (tests/pipeline/test_docs.py runs them)."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import doc_pages
import pytest
import yaml
from doc_pages import PAGES, ROOT, Block
from pydantic import TypeAdapter, ValidationError
from snakemake.cli import get_argument_parser

from downlaw.study import TRACKS, load_study

BLOCKS, COMMANDS = doc_pages.all_blocks(), doc_pages.all_commands()
MARKS = ("skip", "elsewhere", "dry-run", "output", "profile", "file")


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def by_place(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page: Path):
    lost = []
    for line, target in doc_pages.links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (heading and heading not in doc_pages.anchors(file)):
            lost.append(f"{page.name}, line {line}: {target}")
    assert not lost


def test_every_page_can_be_reached_from_the_readme():
    seen, front = set(), [PAGES[0]]
    while front:
        page = front.pop()
        seen.add(page)
        near = {(page.parent / target.partition("#")[0]).resolve() for _, target in doc_pages.links(page)}
        front += [found for found in near if found in PAGES and found not in seen]
    assert seen == set(PAGES)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.mark], ids=by_place)
def test_marks_say_what_is_done_and_why(block: Block):
    assert block.mark in MARKS
    if block.mark == "skip":
        assert len(block.reason.split()) >= 2, "a reason"
    if block.mark == "elsewhere":
        assert (ROOT / block.reason).exists()


def test_every_command_is_known():
    unknown = [f"{c.block.place}: {c.text}" for c in COMMANDS if c.treatment == "unknown"]
    assert not unknown, "give output a name (```text), or mark the block (tests/pipeline/doc_pages.py)"
    assert len(COMMANDS) > 80


def test_commands_that_take_long_or_need_a_cluster_say_so_to_the_reader():
    """Those that tests do not run in earnest."""
    words = re.compile(r"\b(seconds|minutes?|hours?|hour|long|cluster|GPUs|MB|GB)\b")
    asked = [c for c in COMMANDS if c.treatment in ("make", "module", "dry-run")]
    asked = [c for c in asked if "--dry-run" not in c.words]
    assert not [f"{c.block.place}: {c.text}" for c in asked if not words.search(c.comment)]


def test_no_command_hides_in_an_indented_or_unknown_block():
    known = (*doc_pages.SHELL, "text", "json", "yaml", "python", "indented")
    assert not [block.place for block in BLOCKS if block.language not in known]
    lines = [(block, line) for block in of("indented", "text") for line in block.text.splitlines()]
    hidden = r"(\$ |make |snakemake |downlaw |\.venv/)"
    assert not [f"{block.place}: {line}" for block, line in lines if re.match(hidden, line)]


@pytest.mark.parametrize("target", sorted({" ".join(c.words) for c in COMMANDS if c.treatment == "make"}))
def test_make_has_the_targets_that_pages_name(target: str):
    done = subprocess.run([*target.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", sorted({tuple(c.words[2:]) for c in COMMANDS if c.treatment == "module"}))
def test_modules_that_take_minutes_are_there_with_their_options(words: tuple[str, ...]):
    module, *arguments = words
    assert importlib.util.find_spec(module), module
    if module == "pytest":
        assert all((ROOT / path).exists() for path in arguments if not path.startswith("-"))
        return
    path = ROOT / module.replace(".", "/")
    found = [file for file in (path / "__main__.py", path.with_suffix(".py")) if file.exists()]
    source = "".join(file.read_text() for file in [*found, *path.glob("command.py")])
    assert "__main__" in source or found[0].name == "__main__.py"
    for option in (word for word in arguments if word.startswith("--")):
        name = option.removeprefix("--").replace("-", "_")
        assert re.search(rf'"{option}["/]', source) or re.search(rf"\b{name}: Annotated", source), option


@pytest.mark.parametrize("block", of("yaml"), ids=by_place)
def test_fragments_of_studies_and_profiles_have_keys_that_there_are(block: Block, tmp_path: Path):
    if block.mark == "skip":
        return
    content = yaml.safe_load(block.text)
    if block.mark == "profile":
        known = get_argument_parser()._option_string_actions
        assert not [key for key in content if f"--{key}" not in known]
    elif "study" in content:
        text = doc_pages.saved_file(block)[1] if block.mark == "file" else block.text
        (tmp_path / "study.yaml").write_text(text)
        load_study(tmp_path / "study.yaml")
    else:
        problems = {track: list(_problems(track, content)) for track in TRACKS}
        assert not min(problems.values(), key=len)


def _problems(track: str, content: dict) -> list[str]:
    """What is wrong with a fragment, but for keys that it leaves out."""
    fields, found = TRACKS[track].model_fields, []
    for key, value in content.items():
        if key not in fields:
            found.append(f"{key}: no such section")
            continue
        try:
            TypeAdapter(fields[key].annotation).validate_python(value)
        except ValidationError as error:
            found += [f"{key}.{e['loc']}: {e['msg']}" for e in error.errors() if e["type"] != "missing"]
    return found


@pytest.mark.parametrize("block", of("python"), ids=by_place)
def test_python_of_the_pages_parses(block: Block):
    if ">>>" not in block.text:
        ast.parse(block.text)


def test_make_has_the_targets_that_sentences_and_tables_name():
    named = {
        word
        for page in PAGES
        for text in doc_pages.inline_code(page)
        for word in re.findall(r"^make ([a-z-]+)", text)
    }
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named and named <= rules
