"""What the Snakemake workflow catalog reads is as it reads it, and true."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalog_is_told_how_the_workflow_is_run():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"]["flags"] == []
    assert usage["software-stack-deployment"] == {"conda": True, "apptainer": False, "apptainer+conda": False}


def test_rules_have_the_environments_that_the_catalog_is_told_of():
    rules = sorted((ROOT / "rules").rglob("*.smk"))
    texts = [path.read_text(encoding="utf-8") for path in rules]
    assert sum(text.count("    script:\n") for text in texts) == sum(
        text.count("    conda:\n") for text in texts
    )


def test_the_catalog_finds_the_workflow():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme and "workflow" in readme
    assert (ROOT / "Snakefile").exists()
