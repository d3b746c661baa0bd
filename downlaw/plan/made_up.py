"""Made-up data in the shape of a study's own: what a calibration trains on, decodes and cleans."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from downlaw.engine.mmap import id_type, write_dataset
from downlaw.engine.view import write_view
from downlaw.files import write_json
from downlaw.study import LmStudy, Study

FIRST_PIECE = 4
"""fairseq's own ids come before: begin, padding, end, unknown."""

_SYLLABLES = ("ba", "re", "ti", "lo", "mun", "ser", "da", "ka", "nel", "vor", "pi", "sta")


def write_dictionary(path: Path, vocabulary: int) -> None:
    """A `dict.txt` that gives fairseq `vocabulary` ids, its own included."""
    lines = [f"piece{number} 1" for number in range(vocabulary - FIRST_PIECE - 1)]
    path.write_text("\n".join([*lines, "<mask> 1"]) + "\n", encoding="utf-8")


def write_blocks(study: Study | LmStudy, blocks: int, folder: Path, generator: np.random.Generator) -> None:
    """A mixture of one pool with random pieces, as trainings read it."""
    folder.mkdir(parents=True)
    vocabulary, pieces = study.tokenizer.vocabulary, study.block_layout.pieces
    dtype = id_type(vocabulary)
    ids = generator.integers(FIRST_PIECE, vocabulary - 1, (blocks, pieces)).astype(dtype)
    pool = folder / "pool.bin"
    pool.write_bytes(ids.tobytes())
    record = {"blocks": blocks, "pieces": pieces, "type": str(dtype), "sha256": ""}
    write_view(folder / "train", [(pool, record)], np.zeros(blocks))
    write_dictionary(folder / "dict.txt", vocabulary)


def write_pairs(
    study: Study, task: str, pairs: int, tests: int, folder: Path, generator: np.random.Generator
) -> None:
    """A finetuning subset of a task and `tests` test segments, as long as sentences are: log-normal around 15
    pieces, and no longer than a batch takes."""
    folder.mkdir(parents=True)
    direction, vocabulary = study.tasks[task], study.tokenizer.vocabulary
    longest = min(study.model.max_pieces, study.finetune.tokens_per_batch)
    names = {"train": f"train.{direction.source}-{direction.target}", "test": "test"}
    for split, count in (("train", pairs), ("test", tests)):
        lengths = np.clip(generator.lognormal(np.log(15), 0.6, count), 3, longest - 1).astype(int)
        for language, side in ((direction.source, "source"), (direction.target, "target")):
            items = [
                np.append(generator.integers(FIRST_PIECE, vocabulary - 1, n), 2).astype(np.int64)
                for n in lengths
            ]
            name = f"{names[split]}.{language}" if split == "train" else f"test.{side}"
            write_dataset(folder / name, items, id_type(vocabulary))
            write_dictionary(folder / f"dict.{language}.txt", vocabulary)
    write_json(folder / "manifest.json", {"pairs": pairs, "vocabulary": vocabulary})


def sentences(count: int, generator: np.random.Generator) -> list[str]:
    """Lines of made-up words, 10 a line on average."""
    words = ["".join(parts) for parts in generator.choice(_SYLLABLES, (4000, 3))]
    lengths = generator.integers(4, 17, count)
    drawn = iter(generator.choice(words, int(lengths.sum())).tolist())
    return [" ".join(next(drawn) for _ in range(length)).capitalize() + "." for length in lengths]
