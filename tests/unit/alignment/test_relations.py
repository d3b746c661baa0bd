from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from made_alignment import made_alignment, made_runs, made_verdicts
from scipy.stats import kendalltau, spearmanr

from downlaw.alignment.measures import MEASURES
from downlaw.alignment.relations import RELATION_COLUMNS, relate_alignment

GAINS = [0.1, 0.4, 0.2, 0.9, 0.5, 0.3]


def of(table: pd.DataFrame, metric: str = "bleu") -> pd.DataFrame:
    return table[table["metric"] == metric].set_index("measure")


def test_correlations_are_those_of_scipy_turned_so_that_closer_is_better():
    alignment = made_alignment(6)
    table = relate_alignment(alignment, made_runs(GAINS))
    assert list(table.columns) == list(RELATION_COLUMNS)
    assert len(table) == len(MEASURES)
    for measure in MEASURES:
        sign = 1 if measure.higher_is_closer else -1
        row = of(table).loc[measure.name]
        assert row["spearman"] == pytest.approx(sign * spearmanr(alignment[measure.name], GAINS).statistic)
        assert row["kendall"] == pytest.approx(sign * kendalltau(alignment[measure.name], GAINS).statistic)
        assert row["closer"] == ("higher" if sign == 1 else "lower")


def test_p_is_the_share_of_all_orders_with_as_strong_a_correlation():
    alignment = made_alignment(4)
    gains = GAINS[:4]
    found = of(relate_alignment(alignment, made_runs(gains)))
    columns = [alignment[measure.name] for measure in MEASURES]
    strengths = np.array(
        [[abs(spearmanr(column, order).statistic) for column in columns] for order in permutations(gains)]
    )
    observed = strengths[0]
    assert found["p"].tolist() == pytest.approx((strengths >= observed - 1e-9).mean(axis=0).tolist())
    among_all = (strengths.max(axis=1)[:, None] >= observed - 1e-9).mean(axis=0)
    assert found["p_adjusted"].tolist() == pytest.approx(among_all.tolist())
    assert (found["p_adjusted"] >= found["p"]).all()


def test_a_perfect_measure_ranks_first_from_either_end():
    alignment = made_alignment(9, alignment_score=range(9), js_bigram_target=range(9, 0, -1))
    found = of(relate_alignment(alignment, made_runs(np.arange(9) / 10)))
    for name in ("alignment_score", "js_bigram_target"):
        assert found.loc[name, "spearman"] == pytest.approx(1)
        assert found.loc[name, "rank"] == 1
        assert found.loc[name, "p"] < 0.001 and found.loc[name, "p_adjusted"] < 0.01
    assert found["rank"].max() == len(MEASURES)
    assert set(found["decidable"]) == {"yes"} and found["reason"].isna().all()


def test_nothing_is_decidable_of_three_mixtures_however_well_they_rank():
    found = of(relate_alignment(made_alignment(3, alignment_score=[0, 1, 2]), made_runs([0.1, 0.2, 0.3])))
    row = found.loc["alignment_score"]
    assert (row["spearman"], row["p"]) == (pytest.approx(1), pytest.approx(1 / 3))
    assert set(found["decidable"]) == {"no"}
    assert row["reason"] == "not decidable: 3 mixtures, at least 8 are needed"


@pytest.mark.parametrize(("mixtures", "said"), [(1, "1 mixture,"), (2, "2 mixtures,"), (0, "")])
def test_one_mixture_or_two_have_no_correlation(mixtures, said):
    found = of(relate_alignment(made_alignment(mixtures), made_runs(GAINS[:mixtures])))
    assert found[["spearman", "kendall", "p", "p_adjusted", "rank"]].isna().all(axis=None)
    assert all(said in reason for reason in found["reason"])
    assert len(found) == (len(MEASURES) if mixtures else 0)


def test_a_measure_that_some_mixtures_lack_is_compared_on_the_others():
    lacking = [0.1, 0.2, math.nan, 0.9, 0.5, math.nan]
    table = of(relate_alignment(made_alignment(6, domain_distance_source=lacking), made_runs(GAINS)))
    row = table.loc["domain_distance_source"]
    known = [place for place, value in enumerate(lacking) if not math.isnan(value)]
    expected = -spearmanr([lacking[place] for place in known], [GAINS[place] for place in known]).statistic
    assert (row["n_mixtures"], row["spearman"]) == (4, pytest.approx(expected))
    assert math.isnan(row["p_adjusted"]) and 0 < row["p"] <= 1
    assert "not measured: m02, m05" in row["reason"]
    assert table.loc["alignment_score", "n_mixtures"] == 6


def test_a_measure_that_is_the_same_for_all_ranks_nothing():
    table = relate_alignment(made_alignment(9, alignment_score=[1.0] * 9), made_runs(np.arange(9) / 10))
    row = of(table).loc["alignment_score"]
    assert math.isnan(row["spearman"]) and pd.isna(row["rank"]) and row["decidable"] == "no"
    assert row["reason"] == "not decidable: all mixtures have the same measure or the same gain"
    same = of(relate_alignment(made_alignment(9), made_runs([0.0] * 9)))
    assert same["spearman"].isna().all() and set(same["decidable"]) == {"no"}


def test_agreement_with_verdicts_leaves_out_what_is_inconclusive():
    alignment = made_alignment(5, alignment_score=[5, 3, 3, 1, 9], js_unigram_source=[1, 3, 3, 5, 0])
    verdicts = made_verdicts(["aligned", "aligned", "misaligned", "saturated", "inconclusive"])
    runs = made_runs(GAINS[:5], metrics=["cross_entropy", "bleu"])
    table = relate_alignment(alignment, runs, verdicts)
    for name in ("alignment_score", "js_unigram_source"):
        row = of(table).loc[name]
        assert (row["n_aligned"], row["n_not_aligned"], row["auc"]) == (2, 2, pytest.approx(3.5 / 4))
    assert of(table, "cross_entropy")["auc"].isna().all()
    assert of(relate_alignment(alignment, made_runs(GAINS[:5])))["auc"].isna().all()


def test_without_a_baseline_or_a_finished_run_the_reason_is_said():
    bare = of(relate_alignment(made_alignment(3), made_runs(GAINS[:3], baseline=None)))
    assert bare["spearman"].isna().all()
    assert set(bare["n_mixtures"]) == {0}
    assert all("no finished baseline: m00, m01, m02" in reason for reason in bare["reason"])
    failed = of(relate_alignment(made_alignment(3), made_runs(GAINS[:3]).assign(status="diverged")))
    assert all("no finished run: m00, m01, m02" in reason for reason in failed["reason"])


def test_samples_of_different_size_are_said():
    table = of(relate_alignment(made_alignment(3, ngram_pieces=[10, 20, 20]), made_runs(GAINS[:3])))
    assert (
        "samples differ in size: ngram_pieces from 10 to 20"
        in table.loc["ngram_cross_entropy_source", "reason"]
    )
    assert "differ" not in table.loc["js_bigram_source", "reason"]
