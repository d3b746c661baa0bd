from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from downlaw.metrics import Translations, count_segments, scores_row, text_metrics
from downlaw.metrics.bleu import Bleu
from downlaw.metrics.chrf import Chrf
from downlaw.metrics.ter import Ter

TEXT = Translations(["a b c", "d e"], ["a b d", "d"], ["a b c", "d e"], "en", "de")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of metrics in the order in which they counted anything."""
    found: list[str] = []
    for metric in (Bleu, Chrf, Ter):
        real = metric.count

        def spy(self, translations, real=real):
            found.append(self.name)
            return real(self, translations)

        monkeypatch.setattr(metric, "count", spy)
    return found


def test_what_was_counted_once_is_not_counted_again(tmp_path: Path, calls: list[str]):
    first = count_segments(text_metrics(["bleu", "chrf"]), TEXT, kept=tmp_path)
    again = count_segments(text_metrics(["bleu", "chrf"]), TEXT, kept=tmp_path)
    assert calls == ["bleu", "chrf"]
    assert {name: counts.tolist() for name, counts in again.items()} == {
        name: counts.tolist() for name, counts in first.items()
    }
    assert count_segments(text_metrics(["bleu", "chrf"]), TEXT)["bleu_matches_1"].tolist() == [2, 1]


def test_a_new_metric_alone_is_counted(tmp_path: Path, calls: list[str]):
    count_segments(text_metrics(["bleu"]), TEXT, kept=tmp_path)
    count_segments(text_metrics(["bleu", "ter"]), TEXT, kept=tmp_path)
    assert calls == ["bleu", "ter"]


def test_another_signature_is_counted_and_the_earlier_counts_stay(tmp_path: Path, calls: list[str]):
    count_segments(text_metrics(["bleu"]), TEXT, kept=tmp_path)
    count_segments(text_metrics(["bleu"], "char"), TEXT, kept=tmp_path)
    count_segments(text_metrics(["bleu"]), TEXT, kept=tmp_path)
    assert calls == ["bleu", "bleu"]


@pytest.mark.parametrize("damage", ["cut", "other", "pickle"])
def test_damaged_counts_are_made_anew(tmp_path: Path, calls: list[str], damage: str):
    first = count_segments(text_metrics(["ter"]), TEXT, kept=tmp_path)
    (path,) = tmp_path.iterdir()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        np.save(path, np.array([{}], dtype=object) if damage == "pickle" else np.zeros((3, 2)))
    again = count_segments(text_metrics(["ter"]), TEXT, kept=tmp_path)
    assert calls == ["ter", "ter"]
    assert again["ter_edits"].tolist() == first["ter_edits"].tolist()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_metric_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(self, translations):
        raise RuntimeError("no")

    monkeypatch.setattr(Ter, "count", fail)
    with pytest.raises(RuntimeError):
        count_segments(text_metrics(["chrf", "ter"]), TEXT, kept=tmp_path)
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == ["chrf"]


def test_all_metrics_whose_columns_are_there_are_scored_by_default():
    statistics = count_segments(text_metrics(["ter"]), TEXT) | {"comet_sum": np.array([0.5, -0.25])}
    statistics["scored_segments"] = np.ones(2)
    row = scores_row(statistics, bootstrap=50)
    assert row["comet"] == pytest.approx(0.125) and row["comet_low"] < row["comet"] < row["comet_high"]
    assert "ter" in row and "bleu" not in row


def test_one_resample_is_no_bootstrap():
    with pytest.raises(ValueError, match="at least 2 resamples"):
        scores_row(count_segments(text_metrics(["ter"]), TEXT), bootstrap=1)
