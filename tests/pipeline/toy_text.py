"""Made-up languages: sentences of one grammar, spelt differently, that translate word by word."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

SYLLABLES = {
    "en": ["ba", "be", "bi", "bo", "bu", "da", "de", "di", "do", "du"],
    "de": ["kra", "kre", "kri", "kro", "kru", "schna", "schne", "schni", "schno", "schnu"],
    "fr": ["lou", "lai", "lui", "loi", "lau", "mou", "mai", "mui", "moi", "mau"],
}
SUBJECTS, VERBS, OBJECTS, PLACES = range(40), range(40, 70), range(70, 130), range(130, 160)


def word(language: str, index: int) -> str:
    syllables = SYLLABLES[language]
    return syllables[index % 10] + syllables[index // 10 % 10] + syllables[(index * 7 + 3) % 10]


def sentence(language: str, meaning: tuple[int, ...]) -> str:
    return " ".join(word(language, index) for index in meaning).capitalize() + "."


def meaning(generator: random.Random) -> tuple[int, ...]:
    slots = [SUBJECTS, VERBS, OBJECTS, PLACES, SUBJECTS, VERBS, OBJECTS]
    return tuple(generator.choice(slot) for slot in slots[: generator.choice([4, 5, 6, 7])])


def write_corpora(folder: Path, monolingual: int = 3000, pairs: int = 1200, seed: int = 7) -> None:
    """Write `folder`/mono.{en,de,fr}.txt and `folder`/pairs.de-en.tsv (German, English)."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in SYLLABLES:
        generator = random.Random(f"{seed} {language}")
        lines = [sentence(language, meaning(generator)) for _ in range(monolingual)]
        (folder / f"mono.{language}.txt").write_text(paragraphs(lines), encoding="utf-8")
    generator = random.Random(seed)
    meanings = [meaning(generator) for _ in range(pairs)]
    rows = [f"{sentence('de', m)}\t{sentence('en', m)}" for m in meanings]
    (folder / "pairs.de-en.tsv").write_text(paragraphs(rows), encoding="utf-8")


def study_sections(folder: str) -> dict[str, Any]:
    """The sections of a study file that read what `write_corpora` wrote to `folder`."""
    return {
        "languages": list(SYLLABLES),
        "corpora": {
            "mono": {
                "source": "files",
                "kind": "monolingual",
                "files": [{"language": code, "path": f"{folder}/mono.{code}.txt"} for code in SYLLABLES],
            },
            "pairs": {
                "source": "files",
                "kind": "parallel",
                "files": [{"languages": ["de", "en"], "tsv": f"{folder}/pairs.de-en.tsv"}],
            },
        },
        "mixtures": {
            "en+de": {"shares": {"mono.en": 0.5, "mono.de": 0.5}},
            "fr": {"shares": {"mono.fr": 1.0}},
        },
    }


def paragraphs(lines: list[str], each: int = 10) -> str:
    """Documents of `each` lines with an empty line between them."""
    return "\n\n".join("\n".join(lines[i : i + each]) for i in range(0, len(lines), each)) + "\n"
