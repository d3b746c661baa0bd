from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from downlaw.contamination import (
    CONTAMINATION_COLUMNS,
    SCORES_COLUMNS,
    measure_contamination,
    score_without_seen,
)
from downlaw.corpora import needs
from downlaw.corpora.overlap import Decontamination
from downlaw.corpora.overlap import test_set as make_set
from downlaw.corpora.segments import Row, write_rows
from downlaw.metrics import METRICS, StatisticsError, segment_table

NINE = "open the file in a new folder and then"
LONG = f"{NINE} save it there again before you leave"
TEN = f"{NINE} twice"
SOURCES = [LONG, TEN, "Close the file!", "never seen at all"]
TARGETS = ["kein Wort davon steht irgendwo", "auch das hier nicht", "Datei schließen", "nie gesehen bisher"]
BASELINE = {
    **{"task": "en-de", "finetune_pairs": 100, "mixture": None, "pretrain_tokens": 0},
    **{"pretraining_seed": None, "finetuning_seed": 1},
}


class Place:
    """The test text of the toy task, and training text to look for it in."""

    def __init__(self, folder: Path, study: Any) -> None:
        self.study = study
        self.prepared = {"en-de": folder / "task"}
        self.prepared["en-de"].mkdir()
        self.text = {("mono", code): folder / f"{code}.parquet" for code in ("en", "de", "fr")}
        self.text["pairs", "de-en"] = folder / "pairs.parquet"
        self.test(SOURCES, TARGETS)
        for code in ("en", "de", "fr"):
            self.write(code, ["some other text"])
        write_rows(self.text["pairs", "de-en"], ("de", "en"), [Row("d", ("Datei schließen", "shut it now"))])

    def test(self, sources: list[str], targets: list[str]) -> None:
        for side, lines in (("source", sources), ("target", targets)):
            path = self.prepared["en-de"] / f"test.{side}.txt"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def write(self, code: str, texts: list[str]) -> None:
        write_rows(self.text["mono", code], (code,), [Row("d", (text,)) for text in texts])

    def measure(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return measure_contamination(self.study, self.prepared, self.text)


@pytest.fixture
def place(tmp_path: Path, toy_study) -> Place:
    return Place(tmp_path, toy_study())


def seen(table: pd.DataFrame, mixture: str | None, text: str, n: int) -> dict[str, int]:
    rows = table[table["mixture"].fillna("").eq(mixture or "") & (table["text"] == text) & (table["n"] == n)]
    return dict(zip(rows["side"], rows["seen"], strict=True))


def test_eight_words_thirteen_and_whole_short_segments(place: Place):
    # 9 words of the first two test segments in a row, the third whole, the fourth inside a longer segment.
    place.write("en", [f"{NINE} now", "close THE file", "we have never seen at all"])
    table, segments = place.measure()
    assert list(table.columns) == list(CONTAMINATION_COLUMNS)
    assert len(table) == (1 + 2 * 2) * 2 * 3
    assert seen(table, "en+de", "pretraining", 8) == {"source": 3, "target": 0, "either": 3}
    assert seen(table, "en+de", "pretraining", 13) == {"source": 1, "target": 0, "either": 1}
    assert seen(table, "fr", "pretraining", 8) == {"source": 0, "target": 0, "either": 0}
    assert seen(table, None, "finetuning", 8) == {"source": 0, "target": 1, "either": 1}
    assert seen(table, "fr", "either", 8) == {"source": 0, "target": 1, "either": 1}
    assert seen(table, "en+de", "either", 8) == {"source": 3, "target": 1, "either": 3}
    short = table.drop_duplicates(["n", "side"]).set_index(["n", "side"])
    assert short["short_test_segments"].to_dict() == {
        **{(8, "source"): 2, (8, "target"): 4, (8, "either"): 2},
        **{(13, "source"): 3, (13, "target"): 4, (13, "either"): 3},
    }
    assert short.loc[(8, "source"), "share_short"] == 0.5
    assert (table["share_seen"] == table["seen"] / 4).all()
    mixed = segments[(segments["mixture"] == "en+de") & (segments["text"] == "pretraining")]
    assert mixed["segment"].tolist() == [0, 1, 2, 3]
    assert mixed["source_8"].tolist() == [True, True, True, False]
    assert mixed["source_13"].tolist() == [False, False, True, False]
    assert not segments[["target_13"]].where(segments["text"] == "pretraining", False).any(axis=None)


def test_text_is_compared_with_test_text_of_its_own_language(place: Place):
    place.write("fr", SOURCES + TARGETS)
    place.write("de", SOURCES)
    table, _ = place.measure()
    assert table.loc[table["text"] == "pretraining", "seen"].sum() == 0


def statistics(run: dict[str, Any], losses: list[float]) -> pd.DataFrame:
    """Cross-entropy and BLEU of made-up segments, of ten pieces and ten words each, half of them matched."""
    count = len(losses)
    bleu = {
        **{"bleu_hypothesis_length": 10.0, "bleu_reference_length": 10.0},
        **{f"bleu_matches_{order}": 6.0 - order for order in range(1, 5)},
        **{f"bleu_ngrams_{order}": 11.0 - order for order in range(1, 5)},
    }
    columns = {name: np.full(count, value) for name, value in bleu.items()}
    columns |= {"negative_log_likelihood": np.array(losses) * 10, "target_tokens": np.full(count, 10.0)}
    return segment_table(run, columns)


def test_overlap_that_was_left_in_training_is_counted_and_scored(place: Place):
    # What `decontaminate: false` leaves in training text: 40 test segments, planted.
    names = [one + other for one in "abcdefghij" for other in "klmnopqrst"]
    sources = [f"{name} opens the file" for name in names[:40]]
    others = [f"{name} closes a folder" for name in names[40:]]
    place.test(sources + others, ["nichts davon wurde je gesehen"] * 100)
    train = ["some other text", *sources]
    for left, planted in (((), 0), (("train",), 40)):
        tests = {"en": [make_set("pairs/de-en", sources + others)]}
        goes = Decontamination(("en",), tests, left=left).scan("train", [[text] for text in train])
        place.write("en", [text for text, gone in zip(train, goes, strict=True) if not gone])
        table, segments = place.measure()
        assert seen(table, "en+de", "pretraining", 8) == {"source": planted, "target": 0, "either": planted}
    pretrained = {**BASELINE, "mixture": "en+de", "pretrain_tokens": 512, "pretraining_seed": 1}
    tables = [statistics(run, [gain] * 40 + [3.0] * 60) for run, gain in ((BASELINE, 3.0), (pretrained, 1.0))]
    scores = score_without_seen(tables, segments)
    assert list(scores.columns) == list(SCORES_COLUMNS)
    assert len(scores) == 2 * 2 * 2
    loss = scores[(scores["metric"] == "cross_entropy") & (scores["n"] == 8)].set_index("pretrain_tokens")
    assert loss["segments_seen"].to_dict() == {0: 0, 512: 40}
    assert loss.loc[0, ["score_all", "score_unseen", "difference", "note"]].tolist() == [
        3,
        3,
        0,
        "nothing seen",
    ]
    assert np.isnan(loss.loc[0, "score_seen"])
    assert loss.loc[512, ["score_all", "score_unseen", "score_seen"]].tolist() == pytest.approx([2.2, 3, 1])
    assert loss.loc[512, "difference"] == pytest.approx(0.8)
    assert loss.loc[512, "note"] == ""
    bleu = scores[scores["metric"] == "bleu"]
    expected = METRICS["bleu"].score(tables[0][[*METRICS["bleu"].columns]].to_numpy()[:1])[0]
    assert bleu["score_all"].tolist() == pytest.approx([expected] * 4)
    assert bleu["score_unseen"].tolist() == pytest.approx([expected] * 4)


def test_few_segments_are_said_to_be_too_few(place: Place):
    place.write("en", ["close THE file"])
    _, segments = place.measure()
    run = {**BASELINE, "mixture": "en+de", "pretrain_tokens": 512, "pretraining_seed": 1}
    scores = score_without_seen([statistics(run, [1, 2, 3, 4])], segments)
    assert set(scores["note"]) == {"1 seen and 3 unseen: too few to say"}
    place.write("en", SOURCES)
    _, segments = place.measure()
    scores = score_without_seen([statistics(run, [1, 2, 3, 4])], segments)
    assert set(scores["note"]) == {"4 seen and 0 unseen: too few to say"}
    assert scores["score_unseen"].isna().all() and scores["difference"].isna().all()


def test_a_run_scored_on_other_segments_is_refused(place: Place):
    _, segments = place.measure()
    with pytest.raises(
        StatisticsError,
        match=r"task en-de, mixture none: 5 test segments are scored, 4 were looked for in training text; "
        r"remove contamination_segments.parquet",
    ):
        score_without_seen([statistics(BASELINE, [1.0] * 5)], segments)
    other = {**BASELINE, "mixture": "new", "pretrain_tokens": 512}
    with pytest.raises(StatisticsError, match=r"mixture new: 4 test segments are scored, 0 were looked for"):
        score_without_seen([statistics(other, [1.0] * 4)], segments)


def test_tables_of_other_metrics_have_no_rows(place: Place):
    _, segments = place.measure()
    learned = segment_table(BASELINE, {"comet_sum": np.ones(4), "scored_segments": np.ones(4)})
    scores = score_without_seen([learned], segments)
    assert scores.empty and list(scores.columns) == list(SCORES_COLUMNS)


def test_text_that_stays_in_training_changes_nothing_before_the_removal(toy_study):
    usual, left = toy_study(), toy_study(decontaminate=False)
    assert usual.decontaminate and not left.decontaminate
    for place in needs.parts(usual):
        assert needs.identity(usual, *place) == needs.identity(left, *place)
    assert needs.trained_parts(usual) == [
        *(("mono", code) for code in ("de", "en", "fr")),
        ("pairs", "de-en"),
    ]
