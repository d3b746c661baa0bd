"""One step of preparing text, in a process of its own: `prepare_text.py STEP FOLDER TEXT [VOCABULARY]`."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from downlaw import pools
from downlaw.corpora.segments import BATCH_ROWS, Row, RowWriter
from downlaw.corpora.tokenizer import Tokenizer, train_tokenizer
from downlaw.engine.mmap import id_type, write_joined
from downlaw.engine.view import View, write_view
from downlaw.files import read_json
from downlaw.study import load_study
from downlaw.study.shared import BlockLayout
from downlaw.study.text import Tokenizer as TokenizerConfig

LAYOUT = BlockLayout(pieces=126, per_update=1, documents=False)
ALL_FILTERS = {
    "near_duplicates": {},
    "language_identifier": "fasttext",
    "boilerplate": True,
    "max_address_share": 0.3,
}


def study_of(text: Path, tests: Path):
    """A study that reads one file of text, with every filter, and tests on another."""
    return load_study(
        {
            "study": "text",
            "languages": ["en", "de"],
            "corpora": {
                "web": {
                    "source": "files",
                    "kind": "monolingual",
                    "files": [{"language": "en", "path": str(text)}],
                },
                "pairs": {
                    "source": "files",
                    "kind": "parallel",
                    "files": [{"languages": ["en", "de"], "tsv": str(tests)}],
                },
            },
            # made-up words are in no language: they are identified, and stay
            "cleaning": {"identify_language": True, **ALL_FILTERS},
            "mixtures": {"web": {"shares": {"web.en": 1.0}}},
            "tasks": {"en-de": {"source": "en", "target": "de", "corpus": "pairs"}},
            "pretrain": {"tokens": [100_000]},
            "finetune": {"pairs": [1]},
        }
    )


def lines_of(text: Path) -> Iterator[list[str]]:
    with text.open(encoding="utf-8") as stream:
        while batch := [line.rstrip("\n") for line in itertools.islice(stream, BATCH_ROWS)]:
            yield batch


def model(folder: Path, text: Path, vocabulary: str) -> None:
    lines = list(itertools.islice(itertools.chain.from_iterable(lines_of(text)), 20_000))
    config = TokenizerConfig(vocabulary=int(vocabulary), sentences_per_language=20_000)
    train_tokenizer({"en": lines}, config, 1, folder / "sentencepiece.model", folder / "dict.txt")


def binarize(folder: Path, text: Path) -> None:
    """Lines to a dataset of fairseq's, as `fairseq-preprocess` makes it."""
    tokenizer = Tokenizer(folder / "sentencepiece.model")
    (folder / "ours").mkdir(exist_ok=True)
    tokens = 0

    def batches():
        nonlocal tokens
        for lines in lines_of(text):
            ids, lengths = tokenizer.encode_lines(lines)
            tokens += len(ids)
            yield ids, lengths

    write_joined(folder / "ours/train", batches(), id_type(tokenizer.vocabulary))
    (folder / "binarize.json").write_text(json.dumps({"tokens": tokens}))


def clean(folder: Path, text: Path) -> None:
    """Extract, and every filter that looks at one segment."""
    from downlaw.corpora.cleaned import clean_part

    clean_part(study_of(text, folder / "tests.tsv"), "web", "en", folder, folder / "cleaned")


def table(folder: Path, text: Path) -> None:
    """Lines as a table of the corpora stage, not cleaned."""
    with RowWriter(folder / "train.parquet", ["en"]) as writer:
        for number, line in enumerate(itertools.chain.from_iterable(lines_of(text))):
            writer.add(Row(f"{number // 100}", (line,)))


def filter_text(folder: Path, text: Path) -> None:
    """The whole corpora stage: clean, split, near-duplicates, overlap with test text."""
    from downlaw.corpora.build import split_part
    from downlaw.corpora.decontaminate import decontaminate_part

    lines = next(lines_of(text))[:1000]
    (folder / "tests.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in zip(lines, lines[::-1], strict=True)))
    study = study_of(text, folder / "tests.tsv")
    split_part(study, "web", "en", folder, folder / "split")
    tests = folder / "tests.parquet"
    with RowWriter(tests, ["de", "en"]) as writer:
        for line, other in zip(lines, lines[::-1], strict=True):
            writer.add(Row("test", (other, line)))
    decontaminate_part(folder / "split", {"pairs/de-en": tests}, folder)


def tokenize(folder: Path, text: Path) -> None:
    pools.tokenize(folder / "train.parquet", "en", folder / "sentencepiece.model", folder / "tokens")


def shuffle(folder: Path, text: Path) -> None:
    pools.write_pool([folder / "tokens"], LAYOUT, 1, folder / "pool")


def pool(folder: Path, text: Path) -> None:
    """From lines in a table to a pool of shuffled blocks."""
    table(folder, text)
    tokenize(folder, text)
    shuffle(folder, text)


def mix(folder: Path, text: Path) -> None:
    """A mixture of the pool with itself, and all of it read once."""
    from downlaw.corpora.mixing import interleave

    record = read_json(folder / "pool.json")
    order = interleave([record["blocks"]] * 2, [0.5, 0.5])
    write_view(folder / "mixture", [(folder / "pool.bin", record)] * 2, order)
    assert sum(len(run) for run in View(folder / "mixture").runs()) == len(order)


STEPS = {
    "model": model,
    "binarize": binarize,
    "clean": clean,
    "table": table,
    "filter": filter_text,
    "tokenize": tokenize,
    "shuffle": shuffle,
    "pool": pool,
    "mix": mix,
}

if __name__ == "__main__":
    step, folder, text, *options = sys.argv[1:]
    STEPS[step](Path(folder), Path(text), *options)
