"""Which COMET model a study may name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from downlaw.study import Study, StudyError

COMMIT = "2760a223ac957f30acfb18c8aa649b01cf1d75f2"
HUB = {
    **{"model": "Unbabel/wmt22-comet-da", "revision": COMMIT},
    **{"encoder": "xlm-roberta-large", "encoder_revision": "c" * 40},
}
OWN = {"model": "models/mine.ckpt", "encoder": "models/encoder"}

REFUSED = {
    "no commit": (HUB | {"revision": None}, "revision: Unbabel/wmt22-comet-da is a model of the hub"),
    "a branch": (HUB | {"revision": "main"}, "revision: 'main' is no commit of Unbabel/wmt22-comet-da: give"),
    "a short commit": (HUB | {"revision": COMMIT[:12]}, f"revision: '{COMMIT[:12]}' is no commit of"),
    "a branch of the encoder": (
        HUB | {"encoder_revision": "main"},
        "encoder_revision: 'main' is no commit of xlm-roberta-large",
    ),
    "a file with a commit": (OWN | {"revision": COMMIT}, "revision: a checkpoint file has none"),
    "a path as a name": (
        HUB | {"encoder": "../encoder"},
        "encoder: ../encoder has a revision, but is no name of the hub (owner/name)",
    ),
    "a long name": (HUB | {"model": "a/b/c"}, "model: a/b/c has a revision, but is no name of the hub"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_is_not_pinned_is_refused(toy_study: Callable[..., Study], name: str):
    section, says = REFUSED[name]
    with pytest.raises(StudyError) as caught:
        toy_study(evaluate__comet=section)
    assert str(caught.value).startswith("evaluate.comet: ")
    assert says in str(caught.value)


def test_no_encoder_is_guessed(toy_study: Callable[..., Study]):
    with pytest.raises(StudyError, match=r"evaluate\.comet\.encoder: this key is missing"):
        toy_study(evaluate__comet={"model": "models/mine.ckpt"})


MIXED = OWN | {"encoder": "xlm-roberta-large", "encoder_revision": COMMIT}


@pytest.mark.parametrize("section", [HUB, OWN, MIXED], ids=["hub", "files", "a file and a hub"])
def test_a_pinned_model_and_a_file_of_ones_own_are_accepted(
    toy_study: Callable[..., Study], section: dict[str, Any]
):
    comet = toy_study(evaluate__comet=section).evaluate.comet
    assert comet is not None
    assert comet.is_file == section["model"].endswith(".ckpt")
    assert comet.precision == "fp32"


def test_a_study_has_no_comet_unless_it_says_so(toy_study: Callable[..., Study]):
    assert toy_study().evaluate.comet is None
