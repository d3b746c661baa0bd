from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from made_lm_runs import lm_table

from downlaw.laws import fit_lm_runs, fit_runs, value_runs, verdict_runs
from downlaw.study import Study, load_study

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def study_file(tmp_path, toy_config):
    def write(**changes) -> Path:
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(toy_config(**changes)))
        return tmp_path / "study.yaml"

    return write


def test_plan_prints_a_table(run, study_file):
    done = run("plan", "--configfile", study_file())
    assert done.exit_code == 0
    rows = {row[0]: row[1:] for row in map(str.split, done.stdout.splitlines()) if row}
    assert rows["pretrain"][:4] == ["4", "4", "16", "1,024"]
    assert rows["finetune"][:4] == ["5", "10", "60", "≤15,360"]
    assert rows["tokenizer"] == ["1"]


def test_plan_prints_json(run, study_file):
    done = run("plan", "--json", "--configfile", study_file())
    assert done.exit_code == 0
    (pretrain,) = [stage for stage in json.loads(done.stdout)["rules"] if stage["rule"] == "pretrain"]
    assert (pretrain["jobs"], pretrain["tokens"], pretrain["updates"]) == (4, 1024, 16)


def test_plan_reads_the_study_of_the_folder(run, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert run("plan", "--json").exit_code == 0


def test_schema_describes_the_study_file(run):
    done = run("schema")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(json.dumps(Study.model_json_schema()))


def test_a_bad_study_ends_with_code_1_and_its_message(run, study_file):
    done = run("plan", "--configfile", study_file(model__width="wide", pretrain__tokns=[1]))
    assert done.exit_code == 1
    assert done.stdout == ""
    first, *problems = done.stderr.splitlines()
    assert first == "the study cannot run:"
    assert [line.split(":")[0] for line in problems] == ["model.width", "pretrain.tokns"]


def test_a_missing_study_ends_with_code_1_and_its_name(run, tmp_path):
    done = run("plan", "--configfile", tmp_path / "none.yaml")
    assert done.exit_code == 1
    assert f"{tmp_path / 'none.yaml'}: No such file or directory" in done.stderr


def test_the_schema_accepts_the_default_study():
    """What an editor would check: every key of the config stands in the schema."""
    schema = Study.model_json_schema()
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert set(config) <= set(schema["properties"])
    assert set(config["pretrain"]) <= set(schema["$defs"]["Pretrain"]["properties"])
    assert set(config["finetune"]) <= set(schema["$defs"]["Finetune"]["properties"])
    load_study(config)


def test_summary_shows_the_tables_of_a_results_folder(run, tmp_path):
    runs = pd.DataFrame(
        {
            "task": "en-de",
            "finetune_pairs": 100,
            "mixture": ["", *["en+de"] * 6],
            "pretrain_tokens": [0, 1000, 2000, 4000, 8000, 16_000, 32_000],
            "cross_entropy": [5.0, *(3 + 20 / tokens**0.4 for tokens in (1e3, 2e3, 4e3, 8e3, 16e3, 32e3))],
            "bleu": [2.0, *(4 * step**0.5 for step in range(1, 7))],
        }
    )
    runs.to_csv(tmp_path / "runs.csv", index=False)
    fit_runs(runs).to_csv(tmp_path / "laws.csv", index=False)
    assert run("summary", tmp_path).exit_code == 0, "a folder without verdicts and valuations"
    verdict_runs(runs, relative_noise=0.01).to_csv(tmp_path / "verdicts.csv", index=False)
    value_runs(runs, relative_noise=0.01).to_csv(tmp_path / "valuations.csv", index=False)
    done = run("summary", tmp_path)
    assert "aligned" in done.stdout or "inconclusive" in done.stdout
    assert done.exit_code == 0
    assert "no pretraining" in done.stdout
    assert "power law" in done.stdout
    assert "cross-entropy fell from 5.000" in done.stdout.replace("\n", " ")


def test_summary_shows_an_overtraining_study(run, tmp_path):
    runs = lm_table()
    runs.to_csv(tmp_path / "lm_runs.csv", index=False)
    found = fit_lm_runs(runs, samples=10)
    for table, name in ((found.laws, "laws"), (found.predictions, "predictions"), (found.tasks, "lm_tasks")):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    done = run("summary", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "news: held-out runs" in done.stdout
    assert "eta = 0.15" in done.stdout


def test_summary_of_an_overtraining_study_without_laws_names_the_missing_table(run, tmp_path):
    lm_table().to_csv(tmp_path / "lm_runs.csv", index=False)
    done = run("summary", tmp_path)
    assert done.exit_code == 1
    assert "laws.csv: No such file or directory; run the study first" in done.stderr


def test_summary_of_a_folder_without_tables_says_what_to_do(run, tmp_path):
    done = run("summary", tmp_path)
    assert done.exit_code == 1
    assert "neither runs.csv nor lm_runs.csv is here; run the study first" in done.stderr


def test_summary_of_a_table_that_is_none_names_the_column(run, tmp_path):
    (tmp_path / "runs.csv").write_text("a,b\n1,2\n")
    done = run("summary", tmp_path)
    assert done.exit_code == 1
    assert "runs.csv: column 'task' is missing" in done.stderr
