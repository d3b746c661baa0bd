"""Multiple-choice tasks as folders of ids, which an evaluation reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from downlaw.corpora.choices import builtin
from downlaw.corpora.choices.drawing import require
from downlaw.corpora.choices.encode import encode, fits
from downlaw.corpora.choices.items import Item, read_items, write_items
from downlaw.corpora.segments import read_rows
from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine.mmap import id_type, write_dataset
from downlaw.files import sha256_of_file, write_json
from downlaw.metrics.choices import chance_error
from downlaw.study import LmStudy
from downlaw.study.overtrain import FileTask, TextTask, TranslationTask

ITEMS, CONTEXT, CHOICE = "items.jsonl", "context", "choice"


def write_choices(
    items: Sequence[Item], tokenizer: Tokenizer, folder: Path, longest: int, key: str
) -> dict[str, Any]:
    """Write a task's items, their ids, and what they are, into `folder`.

    `items.jsonl` has the text; `context.{bin,idx}` the ids of one context an item, and `choice.{bin,idx}`
    those of all choices of the first item, then of the second, and so on; none has start or end marks.

    Args:
        longest: the model's window in pieces: a start mark, a context and any of its choices fit in.
        key: the config key of the task, for messages.

    Returns:
        the manifest, also written to `folder`/manifest.json, last: `items`; `choices` and `answers`, of each
        item; `chance_error`; `truncated_contexts`, those that lost their beginning; `encoded_alike`, items
        whose right choice has the ids of a wrong one; `longest`; `vocabulary`; `sha256` of each file.

    Raises:
        ChoicesError: where an item does not fit into the window or a text has no pieces.
    """
    encoded = encode(items, tokenizer, longest, key)
    dtype = id_type(tokenizer.vocabulary)
    write_items(folder / ITEMS, items)
    write_dataset(folder / CONTEXT, encoded.contexts, dtype)
    write_dataset(folder / CHOICE, encoded.choices, dtype)
    files = [ITEMS, *(f"{name}.{end}" for name in (CONTEXT, CHOICE) for end in ("bin", "idx"))]
    manifest = {
        "items": len(items),
        "choices": encoded.counts,
        "answers": [item.answer for item in items],
        "chance_error": chance_error(encoded.counts),
        "truncated_contexts": encoded.truncated,
        "encoded_alike": encoded.alike,
        "longest": longest,
        "vocabulary": tokenizer.vocabulary,
        "sha256": {name: sha256_of_file(folder / name) for name in files},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def write_task_choices(name: str, study: LmStudy, source: Path, model: Path, folder: Path) -> dict[str, Any]:
    """Make the items of one of the study's tasks, or read them, and write them as `write_choices` does.

    Items that are made, and do not fit into the model's window, are left out; a user's items are not.

    Args:
        source: the user's file of items, or the held-out text that they are made from.
        model: the SentencePiece model.

    Returns:
        the manifest.

    Raises:
        ChoicesError: naming the file and line, or the config key, of what cannot be used.
    """
    task, key = study.evaluate.tasks[name], f"evaluate.tasks.{name}"
    tokenizer, longest = Tokenizer(model), study.overtrain.block_pieces
    if isinstance(task, FileTask):
        return write_choices(read_items(source), tokenizer, folder, longest, key)
    made = [item for item in _made(task, source, study.seed, key) if fits(item, tokenizer, longest)]
    what = f"choices of at most {longest - 2} pieces (overtrain.block_pieces)"
    return write_choices(require(made, key, what)[: task.items], tokenizer, folder, longest, key)


def _made(task: TextTask | TranslationTask, source: Path, seed: int, key: str) -> list[Item]:
    """More items than are asked for, as some may be too long; fewer of them would be a prefix."""
    languages, rows = read_rows(source)
    how = {"seed": seed, "key": key, "items": 4 * task.items, "choices": task.choices}
    if isinstance(task, TranslationTask):
        sides = [languages.index(language) for language in (task.source, task.target)]
        return builtin.translation(rows, *sides, **how)
    return {"continuation": builtin.continuation, "cloze": builtin.cloze, "gloss": builtin.gloss}[task.kind](
        rows, **how
    )
