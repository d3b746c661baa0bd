"""The workflow as a module of another one: the template, two studies side by side, and a few real jobs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SMALL, Workplace, make_workplace

from downlaw.study import Study, load_study

pytestmark = pytest.mark.pipeline

TWO_STUDIES = """
configfile: "config/config.yaml"

module first:
    snakefile: "../downlaw/Snakefile"
    config: config["first"]

module second:
    snakefile: "../downlaw/Snakefile"
    config: config["second"]

use rule * from first as first_*
use rule * from second as second_*

rule all:
    default_target: True
    input: first.OUTCOMES, second.OUTCOMES
"""


@pytest.fixture
def place(tmp_path) -> Workplace:
    """The template beside a clone, with the text of the tiny study."""
    place = make_workplace(tmp_path, **SMALL)
    shutil.copytree(ROOT / "template", tmp_path, dirs_exist_ok=True)
    (tmp_path / "downlaw").symlink_to(ROOT)
    return place


def write_config(place: Workplace, config: dict) -> None:
    (place.folder / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def snakemake(place: Workplace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As docs/module.md says."""
    profile = ("--workflow-profile", "downlaw/profiles/default")
    return place.run([str(ROOT / ".venv/bin/snakemake"), "--cores", "2", *profile, *arguments])


def planned(place: Workplace, *arguments: str) -> dict[str, int]:
    return place.announced(
        [str(ROOT / ".venv/bin/snakemake"), "--cores", "2", "--dry-run", "--quiet", "rules", *arguments]
    )


def test_the_template_holds_a_study():
    study = load_study(ROOT / "template/config/config.yaml")
    assert isinstance(study, Study)
    assert study.results == Path("results")


def test_the_template_plans_the_study_and_its_own_step(place):
    write_config(place, place.study)
    assert planned(place) == place.planned() | {"best": 1}


def test_text_that_is_not_there_is_refused_as_in_downlaw_itself(place):
    done = snakemake(place, "--dry-run")
    assert done.returncode == 1
    assert "the study cannot run:\n" in done.stderr + done.stdout
    assert "corpora.domain.files[0]: no such file: text/pairs.tsv" in done.stderr + done.stdout


def test_two_studies_in_one_workflow(place):
    (place.folder / "workflow/Snakefile").write_text(TWO_STUDIES)
    studies = {name: place.study | {"results": f"results/{name}"} for name in ("first", "second")}
    write_config(place, studies)
    alone = place.planned()
    expected = {f"{name}_{rule}": count for name in studies for rule, count in alone.items() if rule != "all"}
    assert planned(place) == expected | {"all": 1}


def test_scripts_of_the_importing_workflow_may_be_named_by_wildcards(place):
    """Rules of its own, beside those of the module."""
    snakefile = place.folder / "workflow/Snakefile"
    rule = 'rule own:\n    output: "own/{x}.txt"\n    script: "scripts/{wildcards.x}.py"\n'
    snakefile.write_text(f"{snakefile.read_text()}\n\n{rule}")
    (place.folder / "workflow/scripts").mkdir(exist_ok=True)
    for name in ("one", "two"):
        script = f"open(snakemake.output[0], 'w').write('{name}')\n"
        (place.folder / f"workflow/scripts/{name}.py").write_text(script)
    write_config(place, place.study)
    done = snakemake(place, "own/one.txt", "own/two.txt")
    assert done.returncode == 0, done.stderr
    assert [(place.folder / f"own/{name}.txt").read_text() for name in ("one", "two")] == ["one", "two"]


def test_jobs_of_a_module_find_their_scripts_their_study_and_what_comes_before_them(place):
    """The study is a part of the importing workflow's config."""
    snakefile = place.folder / "workflow/Snakefile"
    nested = snakefile.read_text().replace("        config\n", '        config["study"]\n')
    assert nested != snakefile.read_text()
    snakefile.write_text(nested)
    write_config(place, {"of_ones_own": 1, "study": place.study})
    done = snakemake(place, "results/subsets/tokenizer/sentencepiece.model")
    assert done.returncode == 0, done.stderr
    assert (place.folder / "results/corpora/pairs/de-en/manifest.json").exists()
    again = snakemake(place, "--dry-run", "results/subsets/tokenizer/sentencepiece.model")
    assert "Nothing to be done" in again.stderr + again.stdout
