from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

WORDS = np.array(["the", "file", "could", "not", "be", "opened", "again", "because"])


def made_up(kept: float, seed: int, segments: int = 60) -> list[str]:
    text, generator = np.random.default_rng(0), np.random.default_rng(seed)
    lines = [text.choice(WORDS, text.integers(5, 12)) for _ in range(segments)]
    return [
        " ".join(w if generator.random() < kept else generator.choice(WORDS) for w in each) for each in lines
    ]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    texts = {"ref": made_up(1.0, 0), "a": made_up(0.8, 1), "b": made_up(0.55, 2), "c": made_up(0.55, 3)}
    for name, lines in texts.items():
        (tmp_path / name).write_text("".join(line + "\n" for line in lines))
    return {name: tmp_path / name for name in texts}


@pytest.fixture
def compare(run, files):
    return lambda a, b, *options: run("paired", files[a], files[b], "--reference", files["ref"], *options)


def test_it_prints_the_scores_and_the_test_of_sacrebleu(compare, monkeypatch):
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    systems = [("b", made_up(0.55, 2)), ("a", made_up(0.8, 1))]
    theirs = PairedTest(systems, {"BLEU": BLEU(), "chrF2": CHRF()}, [made_up(1.0, 0)], "bs", 200)()[1]
    table = pd.read_csv(io.StringIO(compare("a", "b", "--samples", 200).stdout))
    for (_, row), name in zip(table.iterrows(), ("BLEU", "chrF2"), strict=True):
        assert row["score_b"] == pytest.approx(theirs[name][0].score)
        assert row["score_a"] == pytest.approx(theirs[name][1].score)
        assert f"{row['p_sacrebleu']:.4f}" == f"{theirs[name][1].p_value:.4f}"


def test_it_says_whether_systems_differ_and_why(compare):
    differ, equal = (
        pd.read_csv(io.StringIO(compare(*systems).stdout)).iloc[0] for systems in (("a", "b"), ("b", "c"))
    )
    assert differ["p_value"] < 0.05 < equal["p_value"]
    assert differ["low"] > 0 > equal["low"]
    assert differ["why"].startswith("more matching")
    parts = [differ[f"ln_precision_{order}"] for order in range(1, 5)]
    assert differ["ln_bleu_change"] == pytest.approx(differ["ln_brevity_penalty"] + sum(parts))


def test_people_see_two_tables(run_on_terminal, files):
    done = run_on_terminal("paired", files["a"], files["b"], "--reference", files["ref"])
    assert done.exit_code == 0
    assert "60 segments" in done.stdout
    assert "BLEU: more matching 3-grams and 4-grams" in done.stdout
    assert "p: two-sided" in done.stdout
    assert max(map(len, done.stdout.splitlines()[1:])) <= 100


def test_json_has_no_parts_where_bleu_is_0(compare, files):
    files["a"].write_text("xyz\n" * 60)
    bleu, chrf = json.loads(compare("a", "b", "--json").stdout)
    assert (bleu["score_a"], bleu["ln_bleu_change"], bleu["smoothed"]) == (0, None, None)
    assert bleu["why"] == "BLEU of a is 0, and has no logarithm"
    assert chrf["why"] is None


def test_ends_of_lines_and_a_last_line_without_one_change_nothing(compare, files):
    before = compare("a", "b").stdout
    files["a"].write_bytes(b"\xef\xbb\xbf" + files["a"].read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    assert compare("a", "b").stdout == before


def test_a_line_that_a_control_character_would_cut_stays_one(compare, files):
    lines = made_up(0.8, 1)
    files["a"].write_text("".join(line.replace(" ", "\u2028", 1) + "\n" for line in lines), newline="")
    assert compare("a", "b").exit_code == 0


def test_another_tokenizer_is_in_the_signature(compare):
    table = pd.read_csv(io.StringIO(compare("a", "b", "--tokenize", "char").stdout))
    assert "tok:char" in table["signature"][0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a", b"one line\n", "a has 1 lines, {folder}/ref has 60; each line needs the other"),
        ("b", b"", "b has 0 lines"),
        ("ref", b"", "ref: the file is empty"),
        ("ref", b"one\n \nthree\n", "ref, line 2: the reference is empty; take the line out of all files"),
        ("b", b"good\nb\xe4d\n", "b, line 2: not UTF-8; convert the file first"),
        ("a", None, "a: No such file or directory"),
    ],
    ids=["too few lines", "no lines", "no references", "an empty reference", "Latin-1", "missing"],
)
def test_files_that_cannot_be_compared_are_named(compare, files, name, text, message):
    if text is None:
        files[name].unlink()
    else:
        files[name].write_bytes(text)
    done = compare("a", "b")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert f"error: {files[name].parent}/{message.format(folder=files[name].parent)}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reference_that_is_a_document_is_refused(compare, files):
    lines = made_up(1.0, 0)
    files["ref"].write_text("".join(line + "\n" for line in [*lines[:-1], "word " * 3000]))
    done = compare("a", "b")
    assert done.exit_code == 1
    assert "reference 60 of 60 has 3,000 words" in done.stderr
