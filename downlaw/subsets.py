"""From corpora to what finetuning reads: tasks and their nested subsets; and whether there is text enough."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from downlaw.corpora.joined import in_order
from downlaw.corpora.mixing import SizeError
from downlaw.corpora.segments import read_text, text_batches
from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine.mmap import id_type, read_dataset, write_dataset, write_joined
from downlaw.files import read_json, sha256_of_file, write_aside, write_json
from downlaw.mixtures import copy
from downlaw.study import LmStudy, Study
from downlaw.study.grid import cells
from downlaw.study.overtrain import multiplier_name
from downlaw.study.task import Task


class _Side(NamedTuple):
    """One side of a task's pairs, with `</s>`: all ids one after the other, and how many each segment has."""

    ids: np.ndarray
    lengths: np.ndarray


def _encode(path: Path, language: str, tokenizer: Tokenizer) -> _Side:
    """2 or 4 bytes a piece and 4 a segment are held."""
    dtype = id_type(tokenizer.vocabulary)
    ids, lengths = [np.empty(0, dtype)], [np.empty(0, np.int32)]
    for sentences in text_batches(path, language):
        found, counts = tokenizer.encode_lines(sentences)
        ids.append(found.astype(dtype))
        lengths.append(counts.astype(np.int32))
    return _Side(np.concatenate(ids), np.concatenate(lengths))


def write_task(
    name: str, study: Study, text: Mapping[str, Path], model: Path, dictionary: Path, folder: Path
) -> dict[str, Any]:
    """Encode a task's pairs: all training pairs in one random order; validation and test segments.

    Writes `folder`/{train,valid,test}.{source,target}.{bin,idx}, the text of validation and test, a
    dictionary a side, and a manifest. A finetuning subset is a prefix of train.

    Args:
        text: the parquet of each of train, valid and test.
        dictionary: fairseq's `dict.txt`.

    Raises:
        SizeError: where no segment is left for one of the three.
    """
    task, tokenizer = study.tasks[name], Tokenizer(model)
    dtype = id_type(tokenizer.vocabulary)
    most = study.model.max_pieces
    longest = {"train": min(most, study.finetune.tokens_per_batch), "valid": most, "test": most}
    wanted = {"train": None, "valid": task.valid_segments, "test": task.test_segments}
    manifest: dict[str, Any] = {"task": name, "vocabulary": tokenizer.vocabulary, "splits": {}}
    for index, (split, path) in enumerate(sorted(text.items())):
        sides = [_encode(path, language, tokenizer) for language in (task.source, task.target)]
        fits = np.maximum(sides[0].lengths, sides[1].lengths) <= longest[split]
        kept = np.flatnonzero(fits)
        order = np.random.default_rng([study.seed, index]).permutation(kept)[: wanted[split]]
        if not len(order):
            key = f"{split}_corpus" if task.corpora()[split] != task.corpus else "corpus"
            raise SizeError(
                f"tasks.{name}.{key}: {task.corpora()[split]} has no {split} segments for {task.part}"
            )
        for side, encoded in zip(("source", "target"), sides, strict=True):
            write_joined(folder / f"{split}.{side}", in_order(*encoded, order), dtype)
        if split != "train":
            for side, language in (("source", task.source), ("target", task.target)):
                lines = read_text(path, language)
                with write_aside(folder / f"{split}.{side}.txt") as aside:
                    aside.write_text("".join(lines[i] + "\n" for i in order), encoding="utf-8")
        manifest["splits"][split] = {
            "segments": len(order),
            "available": len(kept),
            "longer_than_limit": int((~fits).sum()),
            "limit_pieces": longest[split],
            "source_tokens": int(sides[0].lengths[order].sum()),
            "target_tokens": int(sides[1].lengths[order].sum()),
            "sha256": {
                f"{side}.{end}": sha256_of_file(folder / f"{split}.{side}.{end}")
                for side in ("source", "target")
                for end in ("bin", "idx")
            },
        }
    for language in (task.source, task.target):
        copy(dictionary, folder / f"dict.{language}.txt")
    write_json(folder / "manifest.json", manifest)
    return manifest


def write_finetuning_subset(task: Task, pairs: int, prepared: Path, dictionary: Path, folder: Path) -> None:
    """The first `pairs` training pairs of a prepared task, with its validation set, named as fairseq wants.

    Args:
        prepared: the folder that `write_task` filled.
        dictionary: fairseq's `dict.txt`, copied for each side.
    """
    manifest = read_json(prepared / "manifest.json")
    dtype = id_type(manifest["vocabulary"])
    pair = f"{task.source}-{task.target}"
    tokens: dict[str, int] = {}
    for side, language in (("source", task.source), ("target", task.target)):
        train = read_dataset(prepared / f"train.{side}", pairs)
        write_dataset(folder / f"train.{pair}.{language}", train, dtype)
        write_dataset(folder / f"valid.{pair}.{language}", read_dataset(prepared / f"valid.{side}"), dtype)
        tokens[f"{side}_tokens"] = sum(map(len, train))
    for language in (task.source, task.target):
        copy(dictionary, folder / f"dict.{language}.txt")
    data = sorted(path for path in folder.iterdir() if path.suffix in (".bin", ".idx"))
    write_json(
        folder / "manifest.json",
        {
            "pairs": pairs,
            "vocabulary": manifest["vocabulary"],
            **tokens,
            "sha256": {path.name: sha256_of_file(path) for path in data},
        },
    )


def check_sizes(
    study: Study, mixtures: Mapping[str, Mapping[str, Any]], tasks: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Compare every Dp with its mixture and every Df with its corpus, once their sizes are known.

    Args:
        mixtures: the manifest of each mixture.
        tasks: the manifest of each task.

    Returns:
        epochs of each mixture at the largest Dp, and training pairs of each task.

    Raises:
        SizeError: one line a problem, each starting with the path of the key.
    """
    problems = []
    for index, tokens in enumerate(study.pretrain.tokens):
        for name, manifest in mixtures.items():
            if tokens > manifest["tokens"] and not study.pretrain.allow_repeats:
                problems.append(
                    f"pretrain.tokens[{index}]: {tokens:,} tokens are asked for, mixture {name} holds "
                    f"{manifest['tokens']:,}; lower it, give mixtures.{name} more text, or set "
                    "pretrain.allow_repeats: true"
                )
    for index, pairs in enumerate(study.finetune.pairs):
        for name, manifest in tasks.items():
            available = manifest["splits"]["train"]["segments"]
            if pairs > available:
                problems.append(
                    f"finetune.pairs[{index}]: {pairs:,} pairs are asked for, task {name} has {available:,} "
                    f"training pairs in corpus {study.tasks[name].corpus}; lower it or add text"
                )
    if problems:
        raise SizeError("\n".join(problems))
    largest = study.pretrain.tokens[-1]
    return {
        "epochs_at_largest_dp": {name: round(largest / m["tokens"], 4) for name, m in mixtures.items()},
        "training_pairs": {name: m["splits"]["train"]["segments"] for name, m in tasks.items()},
    }


def check_grid_sizes(study: LmStudy, mixtures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Compare every D with its mixture, once the sizes of mixtures are known.

    Args:
        mixtures: the manifest of each mixture.

    Returns:
        how often each mixture is read for its largest D.

    Raises:
        SizeError: one line a problem, each starting with the path of the key.
    """
    problems, epochs = [], dict.fromkeys(mixtures, 0.0)
    for cell in cells(study):
        if cell.mixture not in mixtures:
            continue
        held = mixtures[cell.mixture]["tokens"]
        epochs[cell.mixture] = max(epochs[cell.mixture], round(cell.tokens / held, 4))
        if cell.tokens > held and not study.overtrain.allow_repeats:
            problems.append(
                f"overtrain.models.{cell.model}: M = {multiplier_name(cell.multiplier)} asks for "
                f"{cell.tokens:,} tokens, mixture {cell.mixture} holds {held:,}; leave that multiplier out, "
                f"give mixtures.{cell.mixture} more text, or set overtrain.allow_repeats: true"
            )
    if problems:
        raise SizeError("\n".join(dict.fromkeys(problems)))
    return {"epochs_at_largest_d": epochs}
