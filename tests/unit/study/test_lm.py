"""Studies of the over-training track: the grid, and every bad config refused with the path of its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from lm_toy import configured

from downlaw.study import LmStudy, Study, StudyError, load_study
from downlaw.study.grid import Cell, cell, cells

ROOT = Path(__file__).resolve().parents[3]
SMALL = {"width": 8, "layers": 1, "heads": 2}


def study(**changes) -> LmStudy:
    return load_study(configured(**changes))


def test_the_track_says_which_study_it_is(toy_config):
    assert isinstance(study(), LmStudy)
    assert isinstance(load_study(toy_config()), Study)
    assert isinstance(load_study(toy_config(track="transfer")), Study)
    with pytest.raises(StudyError, match="track: there are transfer and lm, found 'language'"):
        load_study(configured(track="language"))


def test_parameters_by_hand():
    # 200 x 8 embeddings; 4 (64 + 8) attention, 2 x 8 x 32 + 32 + 8 feed-forward, 2 norms of 16; the last norm
    small = 200 * 8 + (4 * 72 + 2 * 8 * 32 + 40 + 2 * 16) + 16
    assert study().parameters("small") == (small, small - 1600)
    assert study(overtrain__share_embeddings=False).parameters("small") == (small + 1600, small)
    wide = study(overtrain__models={"wide": SMALL | {"ffn_width": 64}})
    assert wide.parameters("wide").total == small + 2 * 8 * 32 + 32


def test_cells_of_a_trunk_branch_off_and_continue_each_other():
    toy = study(overtrain__models={"small": SMALL})
    n, per_update = toy.parameters("small").total, 64
    found = [each for each in cells(toy) if each.mixture == "fr"]
    ends = [multiplier * n // per_update for multiplier in (1, 2, 4)]
    trunks = [end - round(0.2 * end) for end in ends]
    assert found == [
        Cell("fr", "small", 1, 1.0, n, ends[0], ends[0] * per_update, trunks[0], None, 0),
        Cell("fr", "small", 1, 2.0, 2 * n, ends[1], ends[1] * per_update, trunks[1], 1.0, trunks[0]),
        Cell("fr", "small", 1, 4.0, 4 * n, ends[2], ends[2] * per_update, trunks[2], 2.0, trunks[1]),
    ]
    assert sum(each.trained_updates for each in found) == trunks[2] + sum(
        end - trunk for end, trunk in zip(ends, trunks, strict=True)
    )


def test_cosine_runs_stand_alone():
    for each in cells(study(overtrain__schedule="cosine")):
        assert (each.trunk_updates, each.previous, each.first_update) == (None, None, 0)
        assert each.trained_updates == each.updates


def test_sizes_have_multipliers_and_seeds_of_their_own():
    models = {"small": SMALL | {"multipliers": [1.5], "seeds": [7, 8]}, "large": SMALL | {"width": 16}}
    found = [
        (c.model, c.multiplier, c.seed) for c in cells(study(overtrain__models=models)) if c.mixture == "fr"
    ]
    assert found == [("small", 1.5, 7), ("small", 1.5, 8), *(("large", m, 1) for m in (1.0, 2.0, 4.0))]


def test_a_size_has_settings_and_multipliers_by_mixture_of_its_own():
    own = {"multipliers": {"fr": [1, 3]}, "blocks_per_update": 6, "learning_rate": 0.1, "warmup_updates": 2}
    toy = study(overtrain__models={"small": SMALL | own, "large": SMALL | {"width": 16}})
    assert [c.multiplier for c in cells(toy) if (c.model, c.mixture) == ("small", "fr")] == [1.0, 3.0]
    assert [c.multiplier for c in cells(toy) if (c.model, c.mixture) == ("small", "en+de")] == [1.0, 2.0, 4.0]
    small = toy.overtrain.of("small")
    assert (small.tokens_per_update, small.learning_rate, small.warmup_updates) == (96, 0.1, 2)
    assert toy.overtrain.of("large").tokens_per_update == 64
    assert toy.block_layout.per_update == 12  # so that whole updates of both sizes end with the text
    assert toy.loss_fit == {("small", 1.0), ("small", 3.0), ("small", 4.0)}


def test_a_cell_is_found_by_its_names():
    assert cell(study(), "fr", "small", 1, 2.0).multiplier == 2
    for names in (
        ("de", "small", 1, 2.0),
        ("fr", "tiny", 1, 2.0),
        ("fr", "small", 2, 2.0),
        ("fr", "small", 1, 3.0),
    ):
        with pytest.raises(KeyError, match="the study has no run"):
            cell(study(), *names)


def test_the_fit_is_the_papers_unless_it_is_said():
    models = {"c": SMALL | {"width": 16}, "a": SMALL, "b": SMALL | {"width": 12}}
    toy = study(overtrain__models=models, laws={"fit_error": {"c": [1]}})
    assert toy.loss_fit == {("a", 1.0), ("b", 1.0), ("a", 4.0)}
    assert toy.error_fit == toy.loss_fit | {("c", 1.0)}
    assert study(laws={"fit": {"small": [1, 2]}}).loss_fit == {("small", 1.0), ("small", 2.0)}


TASK = {"kind": "cloze", "text": "mono.en"}

REFUSED = {
    "an M of less than two updates": (
        {"overtrain__multipliers": [0.01, 1]},
        r"overtrain.multipliers[0]: M = 0.01 of small is 25 tokens, less than 2 updates of 64",
    ),
    "an M of a size of less than an update": (
        {"overtrain__models": {"small": SMALL | {"multipliers": [0.02]}}, "overtrain__schedule": "cosine"},
        "overtrain.models.small.multipliers[0]: M = 0.02 of small is 50 tokens, less than 1 update of 64",
    ),
    "multipliers that make no difference": (
        {"overtrain__multipliers": [1, 1.001]},
        "overtrain.multipliers[1]: M = 1.001 of small is no more updates than M = 1",
    ),
    "multipliers that fall": ({"overtrain__multipliers": [2, 1]}, "overtrain: multipliers must rise"),
    "a width that heads do not divide": (
        {"overtrain__models": {"odd": SMALL | {"width": 9}}},
        "overtrain.models.odd: width 9 is not a multiple of heads 2",
    ),
    "sizes alike": (
        {"overtrain__models": {"one": SMALL, "two": SMALL}},
        "overtrain.models.two: one has as many weights",
    ),
    "a warm-up longer than the trunk": (
        {"overtrain__warmup_updates": 35},
        "overtrain.warmup_updates: 35 updates of warm-up are not over when small at M = 1 begins to decay, "
        "at update 30; lower them, blocks_per_update or decay",
    ),
    "an unknown key": ({"overtrain__decya": 0.1}, "overtrain.decya: unknown key (did you mean 'decay'?)"),
    "a key of the other track": ({"finetune": {"pairs": [1]}}, "finetune: unknown key"),
    "an unknown mixture part": (
        {"mixtures": {"en": {"shares": {"mono.it": 1.0}}}},
        "mixtures.en.shares.mono.it: language 'it' is not in languages",
    ),
    "a set with a mixture's name": (
        {"evaluate__sets": {"fr": {"shares": {"mono.en": 1.0}}}},
        "evaluate.sets.fr: the held-out text of mixture fr has this name",
    ),
    "a task with a set's name": (
        {"evaluate__tasks": {"fr": TASK}},
        "evaluate.tasks.fr: an evaluation set has",
    ),
    "a task of an unknown kind": (
        {"evaluate__tasks": {"t": TASK | {"kind": "clozee"}}},
        "evaluate.tasks.t: Input tag 'clozee' found using 'kind' does not match",
    ),
    "a task on no corpus": (
        {"evaluate__tasks": {"t": TASK | {"text": "momo.en"}}},
        "evaluate.tasks.t.text: no corpus is called 'momo' (did you mean 'mono'?)",
    ),
    "a task with an unknown key": (
        {"evaluate__tasks": {"t": TASK | {"item": 3}}},
        "evaluate.tasks.t.item: unknown key (did you mean 'items'?)",
    ),
    "multipliers of no mixture": (
        {"overtrain__models": {"small": SMALL | {"multipliers": {"fr": [1], "ef": [2]}}}},
        "overtrain.models.small.multipliers.ef: no mixture is called so",
    ),
    "batches that are not equal": (
        {"overtrain__models": {"small": SMALL | {"batches_per_update": 3}}},
        "overtrain: models.small: blocks_per_update 4 is not a multiple of batches_per_update 3",
    ),
    "a translation from monolingual text": (
        {"evaluate__tasks": {"t": {"kind": "translation", "source": "en", "target": "de", "corpus": "mono"}}},
        "evaluate.tasks.t.corpus: corpus mono is monolingual; a task needs a parallel one",
    ),
    "a fit of no model": (
        {"laws": {"fit": {"smal": [1]}}},
        "laws.fit.smal: no model is called so (did you mean 'small'?)",
    ),
    "a fit of no run": (
        {"laws": {"fit_error": {"small": [1, 3]}}},
        "laws.fit_error.small[1]: the grid has no M = 3",
    ),
    "an error law of no set": (
        {"laws": {"error_loss": "frr"}},
        "laws.error_loss: no evaluation set is called 'frr' (did you mean 'fr'?)",
    ),
    "processes that cannot share an update": (
        {"resources": {"overtrain": {"processes": 2}}},
        "resources.overtrain.processes: 2 processes cannot share the 1 batches of an update",
    ),
}


@pytest.mark.parametrize("changes, message", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_study_is_refused_with_its_key(changes, message):
    with pytest.raises(StudyError) as refused:
        study(**changes)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["overtrain", "gadre2024"])
def test_the_studies_of_this_track_are_valid(name):
    assert isinstance(load_study(ROOT / f"studies/{name}.yaml"), LmStudy)


def test_the_cpu_study_stays_within_its_budget():
    overtrain = load_study(ROOT / "studies/overtrain.yaml")
    sizes = [overtrain.parameters(model).total for model in overtrain.overtrain.models]
    assert len(sizes) >= 4 and min(sizes) >= 18_000 and max(sizes) <= 250_000
    runs = list(cells(overtrain))
    assert len({run.multiplier for run in runs}) >= 3
    assert len(overtrain.mixtures) >= 2
    assert sum(6 * overtrain.parameters(run.model).total * run.tokens for run in runs) < 1e14
    assert not overtrain.overtrain.allow_repeats
    largest = max(overtrain.overtrain.models, key=lambda name: overtrain.parameters(name).total)
    assert largest not in {model for model, _ in overtrain.error_fit}
