from __future__ import annotations

import pytest

from downlaw.study.matrix import BASELINE_START, Run, Segment, Start, runs, segment, segments, starts


def test_segments_chain_within_a_mixture_and_seed(toy_study):
    study = toy_study(pretrain__tokens=[100, 300, 1000], pretrain__seeds=[1, 2])
    # 64 tokens an update: what does not fill one is left out.
    chain = [(100, 1, 64, None), (300, 4, 256, 100), (1000, 15, 960, 300)]
    assert list(segments(study)) == [
        Segment(mixture, seed, asked, updates, tokens, previous)
        for mixture in ("en+de", "fr")
        for seed in (1, 2)
        for asked, updates, tokens, previous in chain
    ]


def test_a_segment_is_found_by_its_point(toy_study):
    assert segment(toy_study(), "fr", 1, 512) == Segment("fr", 1, 512, 8, 512, 256)


@pytest.mark.parametrize("point", [("fr", 1, 300), ("fr", 2, 512), ("de", 1, 512)])
def test_a_segment_that_is_not_asked_for_is_an_error(point, toy_study):
    with pytest.raises(KeyError, match=f"{point[0]}, seed {point[1]}, {point[2]} tokens"):
        segment(toy_study(), *point)


def test_starts_are_the_baseline_and_every_checkpoint(toy_study):
    assert starts(toy_study()) == [
        BASELINE_START,
        Start("en+de", 1, 256),
        Start("en+de", 1, 512),
        Start("fr", 1, 256),
        Start("fr", 1, 512),
    ]
    assert [start.is_baseline for start in starts(toy_study())] == [True, False, False, False, False]


def test_a_start_has_a_run_for_every_size_rate_and_seed(toy_study):
    study = toy_study(finetune__learning_rates=[0.1, 0.2, 0.3], finetune__seeds=[4, 5])
    found = runs(study, "en-de", Start("fr", 1, 256))
    assert len(found) == len(set(found)) == 2 * 3 * 2
    assert found[0] == Run("en-de", Start("fr", 1, 256), 100, 0.1, 4)
    assert {(run.pairs, run.learning_rate, run.seed) for run in found} == {
        (pairs, rate, seed) for pairs in (100, 300) for rate in (0.1, 0.2, 0.3) for seed in (4, 5)
    }
