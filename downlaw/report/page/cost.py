"""What a study took, and what was planned beside it."""

from __future__ import annotations

import pandas as pd

from .blocks import Column, Names, Section, Table, Text, count, duration, fixed, said
from .other_charts import cost_chart
from .tables import Results


def cost_table(costs: pd.DataFrame) -> pd.DataFrame:
    """Costs by stage: jobs, seconds, tokens, tokens a second, lost updates, peak memory in MB."""
    numbers = costs.copy()
    for column in ("seconds", "tokens", "lost_updates", "max_rss_mb"):
        numbers[column] = pd.to_numeric(numbers[column], errors="coerce")
    rows = []
    for stage, here in numbers.groupby("stage", sort=True):
        seconds, tokens = here["seconds"].sum(), here["tokens"].sum()
        rows.append(
            {
                "stage": str(stage),
                "jobs": len(here),
                "seconds": seconds,
                "tokens": tokens or None,
                "tokens_per_second": tokens / seconds if tokens and seconds else None,
                "lost_updates": here["lost_updates"].sum() if here["lost_updates"].notna().any() else None,
                "max_rss_mb": here["max_rss_mb"].max(),
            }
        )
    names = ["stage", "jobs", "seconds", "tokens", "tokens_per_second", "lost_updates", "max_rss_mb"]
    return pd.DataFrame(rows, columns=names)


def cost_section(results: Results, names: Names) -> Section:
    """What the study took, and what was planned beside it."""
    costs, plan = results.get("costs"), results.get("plan")
    blocks = []
    if costs is not None and len(costs):
        stages = cost_table(costs)
        rules = stages[stages["stage"].str.startswith("rule ")]
        whole = (rules if len(rules) else stages)["seconds"].sum()
        blocks.append(
            Text(
                [
                    f"All jobs together took {duration(whole)}. A training stands twice: by its job (rule …),"
                    " with start-up and memory, and by itself, with tokens a second."
                ]
            )
        )
        chart = cost_chart(rules if len(rules) else stages, names)
        blocks += [chart] if chart else []
        columns = (
            Column("stage", "stage"),
            Column("jobs", "jobs", numeric=True),
            Column("seconds", "time", duration, numeric=True),
            Column("tokens", "tokens", count, numeric=True),
            Column("tokens_per_second", "tokens/s", fixed(0), numeric=True),
            Column("lost_updates", "lost updates", fixed(0), numeric=True),
            Column("max_rss_mb", "peak memory (MB)", fixed(0), numeric=True),
        )
        blocks.append(Table(names.unused("costs"), "Cost by stage", stages, columns, "costs.csv"))
    if plan is not None and len(plan):
        columns = tuple(
            Column(
                name,
                name.replace("_", " "),
                count if "tokens" in name else (duration if "seconds" in name else said),
                name != "rule",
            )
            for name in plan.columns
            if plan[name].notna().any()
        )
        blocks.append(Table(names.unused("plan"), "Plan beside actual", plan, columns, "plan.csv"))
    return Section("cost", "Cost", blocks)
