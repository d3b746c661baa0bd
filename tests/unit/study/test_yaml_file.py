from __future__ import annotations

import pytest
import yaml

from downlaw.study import StudyError, load_study, refuse_repeated_keys
from downlaw.study.yaml_file import repeated_keys

TWICE = """\
study: toy
corpora:
  mono:
    source: files
  pairs: &pairs
    source: files
    files:
      - {path: a, path: b}
  mono:
    source: pypi
tasks:
  a: {<<: *pairs, corpus: x}
seed: 1
"seed": 2
"""


def test_a_key_that_is_written_twice_is_named_with_both_lines(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(TWICE)
    lines = [
        f"corpora.pairs.files[0].path: written twice, in lines 8 and 8 of {path}",
        f"corpora.mono: written twice, in lines 3 and 9 of {path}",
        f"seed: written twice, in lines 13 and 14 of {path}",
    ]
    assert repeated_keys(path) == lines
    for refuse in (load_study, lambda path: refuse_repeated_keys([path])):
        with pytest.raises(StudyError) as refused:
            refuse(path)
        assert str(refused.value) == "\n".join(lines)


def test_a_good_study_is_read(tmp_path, toy_config):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(toy_config()))
    refuse_repeated_keys([path])
    assert load_study(path).study == "toy"


def test_what_another_reader_has_read_is_passed_over(tmp_path):
    path = tmp_path / "study.json"
    path.write_text('{\n\t"study": "toy"\n}')
    refuse_repeated_keys([path, tmp_path / "none.yaml"])
    path.write_text("{")
    refuse_repeated_keys([path])


def test_an_alias_of_itself_ends(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("a: &a\n  b: *a\n  b: 1\n")
    assert repeated_keys(path) == [f"a.b: written twice, in lines 2 and 3 of {path}"]
