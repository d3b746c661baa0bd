"""What is scored with decoder-only models, kept in files, taken up again, and refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from language_model_toy import BLOCK, VOCABULARY

from downlaw.engine import language_model, lm_scoring, serving
from downlaw.engine.errors import EngineError
from downlaw.engine.mmap import read_dataset, write_dataset
from downlaw.files import write_json
from downlaw.metrics.choices import chance_error, errors


def drawn(draw: np.random.Generator, size: int) -> np.ndarray:
    return draw.integers(2, VOCABULARY, size)


def write(prefix: Path, items: list) -> None:
    write_dataset(prefix, [np.array(item) for item in items], np.dtype(np.uint16))


def write_items(folder: Path, contexts: list, choices: list[list]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "context", contexts)
    write(folder / "choice", [choice for item in choices for choice in item])
    write_json(folder / "manifest.json", {"choices": [len(item) for item in choices]})
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    """A set of 30 blocks, the last one short, and 300 items of 2 to 5 choices, drawn by chance."""
    folder, draw = tmp_path_factory.mktemp("texts"), np.random.default_rng(2)
    write(folder / "test", [*(drawn(draw, BLOCK) for _ in range(29)), drawn(draw, 5)])
    counts = draw.integers(2, 6, 300)
    contexts = [drawn(draw, draw.integers(0, 9)) for _ in counts]
    write_items(
        folder / "items",
        contexts,
        [[drawn(draw, draw.integers(1, 8)) for _ in range(count)] for count in counts],
    )
    return folder


def request(model: Path, texts: Path, kept: Path) -> lm_scoring.Request:
    return lm_scoring.Request(model, {"held_out": texts / "test"}, {"toy": texts / "items"}, kept)


def score(*requests: lm_scoring.Request) -> list[lm_scoring.Scored]:
    return lm_scoring.score_models(requests, 1)


@pytest.fixture(scope="module")
def scored(language_models, texts, tmp_path_factory) -> tuple[Path, lm_scoring.Scored]:
    """What is kept of `tied.pt`, and what was returned."""
    kept = tmp_path_factory.mktemp("kept")
    return kept, score(request(language_models / "tied.pt", texts, kept))[0]


def test_every_block_and_every_choice_has_its_own_likelihood(scored, language_models, texts):
    model = language_model.load(language_models / "tied.pt")
    blocks, contexts, choices = (
        read_dataset(texts / name) for name in ("test", "items/context", "items/choice")
    )
    counts = json.loads((texts / "items/manifest.json").read_text())["choices"]
    before = [contexts[i] for i in np.repeat(np.arange(len(counts)), counts)]
    _, found = scored
    for likelihoods, pairs in (
        (found.sets["held_out"], [(block[:0], block) for block in blocks]),
        (found.choices["toy"], list(zip(before, choices, strict=True))),
    ):
        with torch.inference_mode():
            alone = [model.negative_log_likelihoods([a], [b]).item() for a, b in pairs]
        assert likelihoods.nats == pytest.approx(alone, rel=1e-5)
        assert likelihoods.pieces.tolist() == [len(b) for _, b in pairs]
        assert (likelihoods.nats.dtype, likelihoods.pieces.dtype) == (np.float64, np.int64)


def test_batches_of_another_size_change_only_what_rounding_does(
    scored, language_models, texts, tmp_path, monkeypatch
):
    monkeypatch.setitem(serving.BATCH_TOKENS, "cpu", 40)
    (small,) = score(request(language_models / "tied.pt", texts, tmp_path))
    _, found = scored
    assert small.sets["held_out"].nats == pytest.approx(found.sets["held_out"].nats, rel=1e-5)
    assert small.choices["toy"].nats == pytest.approx(found.choices["toy"].nats, rel=1e-5)


def test_choices_drawn_by_chance_are_chosen_at_chance(scored, texts):
    _, found = scored
    counts = np.array(json.loads((texts / "items/manifest.json").read_text())["choices"])
    answers = np.random.default_rng(3).integers(0, counts)
    toy = found.choices["toy"]
    wrong = errors(-toy.nats, toy.pieces, counts, answers)
    chance = chance_error(counts)
    noise = 4 * np.sqrt(chance * (1 - chance) / len(counts))
    for each in (wrong.normalised, wrong.raw):
        assert each.mean() == pytest.approx(chance, abs=noise)


def test_one_child_serves_all_models_and_what_is_kept_is_not_made_again(
    language_models, texts, tmp_path, children
):
    requests = [
        request(language_models / f"{name}.pt", texts, tmp_path / name) for name in ("tied", "untied")
    ]
    first = score(*requests)
    assert children == [0]
    assert first[0].sets["held_out"].nats[0] != first[1].sets["held_out"].nats[0]
    files = sorted(path for path in tmp_path.rglob("*.jsonl"))
    assert [path.name for path in files] == ["held_out.scores.jsonl", "toy.choices.jsonl"] * 2
    before = [path.stat().st_mtime_ns for path in files]
    again = score(*requests)
    assert children == [0]
    assert [path.stat().st_mtime_ns for path in files] == before
    for one, two in zip(first, again, strict=True):
        assert (one.sets["held_out"].nats == two.sets["held_out"].nats).all()
        assert (one.choices["toy"].nats == two.choices["toy"].nats).all()


def test_a_partial_run_is_taken_up_where_it_ended(scored, language_models, texts, tmp_path, children):
    """The set was scored before; its file, with other numbers in it, is believed."""
    (tmp_path / "held_out.scores.jsonl").write_text("[1.5, 2]\n[NaN, 1]\n")
    (tmp_path / ".toy.choices.jsonl.1.part").write_text("[1.5")
    (taken_up,) = score(request(language_models / "tied.pt", texts, tmp_path))
    assert children == [0]
    assert taken_up.sets["held_out"].nats.tolist() == pytest.approx([1.5, np.nan], nan_ok=True)
    assert (taken_up.choices["toy"].nats == scored[1].choices["toy"].nats).all()
    assert (tmp_path / "toy.choices.jsonl").read_bytes() == (scored[0] / "toy.choices.jsonl").read_bytes()


def test_a_model_is_scored_on_sets_or_choices_alone_and_nothing_starts_no_child(
    language_models, texts, tmp_path, children
):
    assert score() == []
    asked = lm_scoring.Request(tmp_path / "missing.pt", {}, {}, tmp_path)
    assert score(asked) == [lm_scoring.Scored({}, {})]
    assert children == []
    (only,) = score(lm_scoring.Request(language_models / "tied.pt", {}, {"toy": texts / "items"}, tmp_path))
    assert (only.sets, list(only.choices), children) == ({}, ["toy"], [0])


def test_a_broken_model_is_an_error_with_the_last_words_and_keeps_what_was_made(
    language_models, texts, tmp_path
):
    (tmp_path / "broken.pt").write_bytes(b"PK nothing")
    requests = [
        request(language_models / "tied.pt", texts, tmp_path / "good"),
        request(tmp_path / "broken.pt", texts, tmp_path / "bad"),
    ]
    pattern = r"^scoring stopped with code 1: .*broken\.pt cannot be read as a model: .* \(.*scoring\.log\)$"
    with pytest.raises(EngineError, match=pattern):
        score(*requests)
    assert {path.name for path in (tmp_path / "good").iterdir()} == {
        "held_out.scores.jsonl",
        "toy.choices.jsonl",
        "scoring.log",
    }


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([[9] * 16, [9] * 17], r"test\.bin: block 2 has 17 pieces, the model was trained on blocks of 16"),
        ([[9], []], r"test\.bin: segment 2 is empty or of another vocabulary than the model's 60"),
        ([[9], [9], [60]], r"test\.bin: segment 3 is empty or of another vocabulary"),
    ],
)
def test_a_block_that_the_model_cannot_read_is_named(language_models, tmp_path, blocks, message):
    write(tmp_path / "test", blocks)
    asked = lm_scoring.Request(language_models / "tied.pt", {"a": tmp_path / "test"}, {}, tmp_path / "kept")
    with pytest.raises(EngineError, match=message):
        score(asked)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["scoring.log"]


@pytest.mark.parametrize(
    ("contexts", "choices", "message"),
    [
        ([[], [9] * 10], [[[9], [8]], [[9], [8] * 7]], r"toy: item 2 has a choice that ends 17 pieces after"),
        ([[60]], [[[9], [8]]], r"context\.bin: segment 1 is empty or of another vocabulary"),
        ([[9]], [[[9], []]], r"choice\.bin: segment 2 is empty"),
        ([[9], [9]], [[[9], [8]]], r"tells of 1 items with 2 choices, there are 2 contexts and 2 choices"),
    ],
)
def test_an_item_that_the_model_cannot_read_is_named(language_models, tmp_path, contexts, choices, message):
    folder = write_items(tmp_path / "toy", contexts, choices)
    asked = lm_scoring.Request(language_models / "tied.pt", {}, {"toy": folder}, tmp_path / "kept")
    with pytest.raises(EngineError, match=message):
        score(asked)


def test_how_far_a_long_scoring_is_stands_on_the_terminal_and_in_the_log(
    language_models, texts, tmp_path, monkeypatch, capfd
):
    monkeypatch.setitem(serving.BATCH_TOKENS, "cpu", 200)
    monkeypatch.setattr(serving.Progress.__init__, "__defaults__", (0.0,))
    score(request(language_models / "tied.pt", texts, tmp_path))
    said = capfd.readouterr().err.splitlines()
    assert said[-1].startswith("choose toy: ") and said[-1].endswith(" pieces/s, 0:00 left")
    assert any(line.startswith("score held_out: 469/469 pieces (100%), ") for line in said)
    assert said == (tmp_path / "scoring.log").read_text().splitlines()


def test_progress_is_said_after_seconds_alone(monkeypatch):
    now, said = [0.0], []
    monkeypatch.setattr(serving.time, "monotonic", lambda: now[0])
    progress = serving.Progress("score a", 4000, said.append)
    for second in (1, 9, 10, 11, 25):
        now[0] = second
        progress(100)
    assert said == [
        "score a: 300/4,000 pieces (8%), 30 pieces/s, 2:03 left",
        "score a: 500/4,000 pieces (12%), 20 pieces/s, 2:55 left",
    ]
