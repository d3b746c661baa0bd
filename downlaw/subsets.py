"""From corpora to what fairseq reads: the tokenizer, mixtures, and nested finetuning subsets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from downlaw.corpora.mixing import SizeError, alignment_score, blocks, holds, interleave
from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine.mmap import id_type, read_dataset, write_dataset
from downlaw.files import read_json, sha256_of_file, write_aside, write_json
from downlaw.study import Study
from downlaw.study.training import Mixture, Task


def read_text(path: Path | str, language: str) -> list[str]:
    """One language of a corpus part, in the order of the file."""
    return pq.read_table(path, columns=[language]).column(language).to_pylist()


def write_mixture(
    name: str,
    study: Study,
    text: Mapping[tuple[str, str], Path],
    model: Path,
    dictionary: Path,
    folder: Path,
) -> dict[str, Any]:
    """Tokenize, shuffle and interleave a mixture into `folder`/train.{bin,idx}, and say what it holds.

    Every item is one block of `pretrain.block_pieces` - 2 pieces of one component, and there are whole
    updates of them, so that tokens seen are counted to the piece.

    Args:
        text: the training parquet of each (corpus, language).
        model: the SentencePiece model.
        dictionary: fairseq's `dict.txt`, copied beside the data.

    Returns:
        the manifest, also written to `folder`/manifest.json.

    Raises:
        SizeError: where the mixture does not fill one update.
    """
    mixture, pretrain = study.mixtures[name], study.pretrain
    tokenizer = Tokenizer(model)
    pieces = pretrain.block_pieces - 2
    components = mixture.components()
    parts = [
        blocks(tokenizer.encode(read_text(text[corpus, language], language)), pieces, seed=study.seed + index)
        for index, (corpus, language, _) in enumerate(components)
    ]
    limit = mixture.max_tokens // pieces if mixture.max_tokens else None
    order = interleave([len(part) for part in parts], [share for *_, share in components], limit)
    order = order[: len(order) // pretrain.blocks_per_update * pretrain.blocks_per_update]
    if not len(order):
        raise SizeError(
            f"mixtures.{name}: its text does not fill one update of {pretrain.tokens_per_update:,} tokens"
        )
    within = np.empty(len(order), dtype=np.int64)
    for index in range(len(parts)):
        here = order == index
        within[here] = np.arange(here.sum())
    items = (parts[component][row] for component, row in zip(order, within, strict=True))
    write_dataset(folder / "train", items, id_type(tokenizer.vocabulary))
    _copy(dictionary, folder / "dict.txt")
    manifest = {
        "mixture": name,
        "tokens": len(order) * pieces,
        "blocks": len(order),
        "tokens_by_component": {
            f"{corpus}.{language}": int((order == index).sum()) * pieces
            for index, (corpus, language, _) in enumerate(components)
        },
        "tokens_available": {
            f"{corpus}.{language}": len(part) * pieces
            for (corpus, language, _), part in zip(components, parts, strict=True)
        },
        "tasks": describe_mixture(mixture, study.tasks),
        "vocabulary": tokenizer.vocabulary,
        "sha256": {end: sha256_of_file(folder / f"train.{end}") for end in ("bin", "idx")},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def describe_mixture(mixture: Mixture, tasks: Mapping[str, Task]) -> dict[str, Any]:
    """What a mixture holds of each task's languages, and its alignment score (Isik et al. 2024, Eq. 2)."""
    shares = mixture.language_shares()
    return {
        name: {
            "holds": holds(shares, task.source, task.target),
            "alignment_score": alignment_score(shares, task.source, task.target),
        }
        for name, task in tasks.items()
    }


def _encode_pairs(
    path: Path, task: Task, tokenizer: Tokenizer, limit: int
) -> tuple[list[np.ndarray], list[np.ndarray], list[int], int]:
    """Ids with `</s>` of both sides, the rows kept, and how many were longer than `limit` pieces."""
    end = np.array([2], dtype=np.int32)
    source = [np.concatenate([ids, end]) for ids in tokenizer.encode(read_text(path, task.source))]
    target = [np.concatenate([ids, end]) for ids in tokenizer.encode(read_text(path, task.target))]
    kept = [i for i, (s, t) in enumerate(zip(source, target, strict=True)) if max(len(s), len(t)) <= limit]
    return source, target, kept, len(source) - len(kept)


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
        source, target, kept, too_long = _encode_pairs(path, task, tokenizer, longest[split])
        order = np.random.default_rng([study.seed, index]).permutation(kept)[: wanted[split]]
        if not len(order):
            raise SizeError(f"tasks.{name}.corpus: {task.corpus} has no {split} segments for {task.part}")
        for side, ids in (("source", source), ("target", target)):
            write_dataset(folder / f"{split}.{side}", [ids[i] for i in order], dtype)
        if split != "train":
            for side, language in (("source", task.source), ("target", task.target)):
                lines = read_text(path, language)
                with write_aside(folder / f"{split}.{side}.txt") as aside:
                    aside.write_text("".join(lines[i] + "\n" for i in order), encoding="utf-8")
        manifest["splits"][split] = {
            "segments": len(order),
            "available": len(kept),
            "longer_than_limit": too_long,
            "limit_pieces": longest[split],
            "source_tokens": int(sum(len(source[i]) for i in order)),
            "target_tokens": int(sum(len(target[i]) for i in order)),
            "sha256": {
                f"{side}.{end}": sha256_of_file(folder / f"{split}.{side}.{end}")
                for side in ("source", "target")
                for end in ("bin", "idx")
            },
        }
    for language in (task.source, task.target):
        _copy(dictionary, folder / f"dict.{language}.txt")
    write_json(folder / "manifest.json", manifest)
    return manifest


def _copy(source: Path, destination: Path) -> None:
    with write_aside(destination) as aside:
        aside.write_bytes(source.read_bytes())


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
        train = read_dataset(prepared / f"train.{side}")[:pairs]
        write_dataset(folder / f"train.{pair}.{language}", train, dtype)
        write_dataset(folder / f"valid.{pair}.{language}", read_dataset(prepared / f"valid.{side}"), dtype)
        tokens[f"{side}_tokens"] = sum(map(len, train))
    for language in (task.source, task.target):
        _copy(dictionary, folder / f"dict.{language}.txt")
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
