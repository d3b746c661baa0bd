from __future__ import annotations

import json

import pytest

from downlaw.plan import PlanError, read_throughput, write_throughput
from downlaw.plan.throughput import NUMBERS, throughput_of


def written(tmp_path, text: str):
    path = tmp_path / "speeds.json"
    path.write_text(text)
    return path


def test_one_speed_holds_for_all_trainings(tmp_path):
    speed = read_throughput(written(tmp_path, '{"flops_per_second": 1.2e14, "start_seconds": 9}'))
    assert {speed.training_speed(rule) for rule in ("pretrain", "finetune", "overtrain")} == {1.2e14}
    assert speed.start_seconds == 9
    assert "unit_seconds" in speed.assumed and "start_seconds" not in speed.assumed


def test_a_speed_of_its_own_goes_before_that_of_all():
    found = throughput_of({"flops_per_second": 2e9, "finetuning_flops_per_second": 1e9}, "here")
    assert (found.training_speed("pretrain"), found.training_speed("finetune")) == (2e9, 1e9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"flops_per_secnd": 1e9}', "flops_per_secnd: no such key; known are .*flops_per_second"),
        ('{"flops_per_second": "fast"}', "flops_per_second: 'fast' is no number"),
        ('{"flops_per_second": true}', "flops_per_second: True is no number"),
        ('{"flops_per_second": NaN}', "flops_per_second: nan is no number"),
        ('{"flops_per_second": null}', "flops_per_second: None is no number"),
        ('{"flops_per_second": -1}', "flops_per_second: -1 must be above 0"),
        (f'{{"flops_per_second": 1{"0" * 400}}}', "flops_per_second: is too large a number"),
        ('{"unit_seconds": 0}', "unit_seconds: 0 must be above 0"),
        ("{}", "states no speed"),
        ("[1]", "an object is needed"),
        ('{"about": 3, "flops_per_second": 1}', "about: an object is needed"),
        ("{", "is no JSON"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_the_key(tmp_path, text, said):
    path = written(tmp_path, text)
    with pytest.raises(PlanError, match=said) as error:
        read_throughput(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PlanError, match=r"none\.json: No such file"):
        read_throughput(tmp_path / "none.json")


def test_a_speed_that_is_not_known_is_asked_for():
    with pytest.raises(PlanError, match=r"rule finetune.*finetuning_flops_per_second or flops_per_second"):
        throughput_of({"pretraining_flops_per_second": 1e9}, "here").training_speed("finetune")


def test_speeds_are_read_as_they_were_written(tmp_path):
    speed = throughput_of({"flops_per_second": 1e9, "update_seconds": 0, "about": {"device": "cpu"}}, "here")
    path = tmp_path / "plan/calibration.json"
    write_throughput(path, speed)
    assert read_throughput(path) == speed
    assert set(json.loads(path.read_text())) <= {*NUMBERS, "about"}
