"""Studies from files and the ones that come along; what decides weights, and what jobs ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from downlaw.study import Study, StudyError, load_study
from downlaw.study.compute import JobResources
from downlaw.study.training import Laws

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"study: [unclosed", "not valid YAML"),
        (b"- a\n- list\n", "a study is a mapping of keys, found list"),
        (b"", "a study is a mapping of keys, found NoneType"),
        (b"study: caf\xe9", "not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_study_is_refused_with_its_name(text, message, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(text)
    with pytest.raises(StudyError) as refused:
        load_study(path)
    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(StudyError) as refused:
        load_study(tmp_path / "none.yaml")
    assert str(refused.value) == f"{tmp_path / 'none.yaml'}: No such file or directory"


def test_the_default_study_is_valid():
    study = load_study(ROOT / "config.yaml")
    assert len(study.pretrain.tokens) >= 6
    assert len(study.mixtures) >= 3


def test_a_study_from_a_file_equals_one_from_a_mapping(tmp_path, toy_config):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(toy_config()))
    assert load_study(tmp_path / "study.yaml") == load_study(toy_config())


def test_a_study_cannot_be_changed(toy_study):
    with pytest.raises(ValueError, match="frozen"):
        toy_study().seed = 2


def test_the_json_schema_names_every_key_and_refuses_others():
    schema = Study.model_json_schema()
    json.dumps(schema)
    assert set(schema["properties"]) == set(Study.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Pretrain"]["properties"]["tokens"]["items"]["exclusiveMinimum"] == 0


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_that_comes_along_is_valid(path):
    assert load_study(path).study == path.stem


def test_what_laws_are_asked_for_is_kept_and_has_defaults(toy_study):
    asked = {"budgets": [1000, 4000], "targets": {"bleu": [5, 10.5]}, "interval_level": 0.8}
    laws = toy_study(laws=asked).laws
    assert (laws.budgets, laws.targets, laws.interval_level) == ([1000, 4000], {"bleu": [5, 10.5]}, 0.8)
    default = toy_study().laws
    assert (default.method, default.interval_level, default.bootstrap_samples) == ("fast", 0.9, 1000)
    assert default.budgets is None and default.targets is None


def test_every_key_of_laws_is_described_and_documented():
    documented = (ROOT / "docs/study.md").read_text()
    for key, field in Laws.model_fields.items():
        assert field.description, key
        assert f"`{key}`" in documented, key


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        (
            "pretrain",
            {"blocks_per_update": 9, "batches_per_update": 2},
            "not a multiple of batches_per_update 2",
        ),
        ("finetune", {"batches_per_update": 100}, "less than 8 tokens a batch"),
        ("resources", {"pretrain": {"processes": 2}}, "pretrain.batches_per_update must be a multiple"),
        ("resources", {"finetune": {"processes": 3, "nodes": 2}}, "over 2 nodes evenly"),
        ("resources", {"training": {}}, "unknown key"),
        ("resources", {"laws": {"minutes": 90, "most_minutes": 60}}, "60 is less than minutes, 90"),
        ("figures", {"formats": ["png", "png"]}, "names a value twice"),
        ("archive", {"checkpoints": "first"}, "archive.checkpoints"),
    ],
)
def test_hardware_that_does_not_fit_is_refused(section: str, change: dict, said: str):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config[section] = config.get(section, {}) | change
    with pytest.raises(StudyError, match=said):
        load_study(config)


def test_keys_that_change_nothing_are_not_part_of_what_decides_weights():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    before = load_study(config)
    config["pretrain"] |= {"keep_optimizer": "all", "batches_per_update": 1, "save_every_updates": 7}
    config["resources"] = {"pretrain": {"memory_mb": 9000}}
    same = load_study(config)
    assert same.pretrain.deciding() == before.pretrain.deciding()
    config["pretrain"]["batches_per_update"] = 2
    assert load_study(config).pretrain.deciding() == before.pretrain.deciding() | {"batches_per_update": 2}


def test_further_attempts_ask_for_more_up_to_a_limit():
    asks = JobResources(memory_mb=4000, minutes=60, most_minutes=100)
    assert [asks.at(attempt) for attempt in (1, 2, 3)] == [(4000, 60), (8000, 100), (12000, 100)]


def test_a_task_may_be_validated_and_tested_on_other_corpora(toy_study, toy_config):
    plain = toy_study().tasks["en-de"]
    assert plain.corpora() == {"train": "pairs", "valid": "pairs", "test": "pairs"}
    assert set(plain.deciding()) == {"source", "target", "corpus", "valid_segments", "test_segments"}
    same = toy_study(**{"tasks__en-de__test_corpus": "pairs"}).tasks["en-de"]
    assert same.deciding() == plain.deciding()
    other = {**toy_config()["corpora"]["pairs"]}
    task = toy_study(corpora__news=other, **{"tasks__en-de__test_corpus": "news"}).tasks["en-de"]
    assert task.corpora() == {"train": "pairs", "valid": "pairs", "test": "news"}
    assert task.deciding() == plain.deciding() | {"test_corpus": "news"}
