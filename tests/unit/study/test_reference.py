"""docs/config.md says what the models that check a study file say, of every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from downlaw.study import TRACKS
from downlaw.study.reference import LM_PART, PARTS, TRANSFER_PART, config_reference

PAGE = Path(__file__).resolve().parents[3] / "docs" / "config.md"


def test_the_page_is_what_the_models_say():
    assert PAGE.read_text(encoding="utf-8") == config_reference(), (
        "downlaw schema --markdown > docs/config.md"
    )


@pytest.mark.parametrize(("track", "other"), [("transfer", LM_PART), ("lm", TRANSFER_PART)])
def test_every_key_of_the_top_has_a_place(track, other):
    placed = {key for part, keys in PARTS.items() if part != other for key in keys}
    assert placed == set(TRACKS[track].model_fields)


@pytest.mark.parametrize("track", TRACKS)
def test_every_mapping_and_key_has_a_meaning(track):
    schema = TRACKS[track].model_json_schema()
    for name, model in schema["$defs"].items():
        assert model.get("description"), f"{name} has no docstring"
        for key, said in model["properties"].items():
            assert said.get("description") or "$ref" in str(said), f"{name}.{key}"


def test_a_key_shows_its_values_its_default_and_its_meaning():
    page = config_reference()
    row = "| `min_letters` | number above 0, at most 1 | `0.55` | share of letters among the characters"
    assert row in page
    assert "| `tokens` | list of whole numbers above 0 | **required** | Dp in pieces" in page
    assert "| `document` | text or `null` | `url` |" in page
    assert "### `corpora.NAME`, `source: files`, `kind: parallel`" in page
