"""What a shell offers for the values of options; imported when it asks."""

from __future__ import annotations


def family_names(incomplete: str) -> list[tuple[str, str]]:
    """Families whose names begin so, with their formulas."""
    from downlaw.laws import FAMILIES

    found = FAMILIES.items()
    return [(name, family.formula) for name, family in found if name.startswith(incomplete)]


def metric_names(incomplete: str) -> list[tuple[str, str]]:
    """Metrics of downlaw's tables whose names begin so; a table of one's own may have others."""
    from downlaw.report.labels import METRIC_LABELS

    found = METRIC_LABELS.items()
    return [(name, label.name) for name, label in found if name.startswith(incomplete)]


def estimator_names(incomplete: str) -> list[str]:
    """Estimators that a testbed can score."""
    from downlaw.testbed.estimators import ESTIMATORS

    return [name for name in ESTIMATORS if name.startswith(incomplete)]
