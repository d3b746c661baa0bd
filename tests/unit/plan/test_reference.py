from __future__ import annotations

from pathlib import Path

from downlaw.plan.graph import graph
from downlaw.plan.jobs import TRAINING_RULES
from downlaw.plan.reference import FIXED
from downlaw.study import load_study

ROOT = Path(__file__).resolve().parents[3]


def test_what_no_measured_study_runs_is_assumed():
    """Measured were the default study and prose-small; sizes are checked by one rule a track."""
    studies = [load_study(ROOT / path) for path in ("config.yaml", "studies/prose-small.yaml")]
    ran = {job.rule for study in studies for job in graph(study).values()}
    assert {rule for rule, fixed in FIXED.items() if fixed.assumed} == set(FIXED) - ran
    assert ran - set(FIXED) == ran & set(TRAINING_RULES)


def test_the_docs_name_what_is_assumed():
    text = (ROOT / "docs/plan.md").read_text(encoding="utf-8")
    assert all(
        f"`{rule}`" in text or (rule.startswith("lm_") and "`lm_*`" in text)
        for rule, fixed in FIXED.items()
        if fixed.assumed
    )
