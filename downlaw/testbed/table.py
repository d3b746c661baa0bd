"""The testbed of Gadre et al. 2024 as one table, one row a run."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from .errors import TestbedError

TRAINING_SETS = {"c4_original": "C4", "rpj": "RedPajama", "rw_original": "RefinedWeb"}
"""Training sets by the archive's names, and what people call them."""

MODELS = {
    "d=96_l=8_h=4": "0.011B",
    "d=512_l=8_h=4": "0.079B",
    "d=576_l=24_h=8": "0.154B",
    "d=1024_l=24_h=8": "0.411B",
    "open_lm_1b": "1.4B",
    "open_lm_7b": "6.9B",
}
"""The paper's name of each model by the archive's name of its configuration."""

EVALUATION_SETS = {
    "openlm": "openlm",
    "c4_val": "c4_val",
    "paloma_c4_en": "paloma_c4_en",
    "paloma_dolma_100_programing_languages": "paloma_100_programming_languages",
    "paloma_falcon-refinedweb": "paloma_refinedweb",
    "paloma_ptb": "paloma_ptb",
    "paloma_redpajama": "paloma_redpajama",
    "de-en": "de_en",
}
"""Names of the validation sets in columns, by the folder of their files in the archive."""

N_TASKS = 46
TASKS_17 = (
    "arc_easy",
    "bigbench_cs_algorithms",
    "bigbench_dyck_languages",
    "bigbench_novel_concepts",
    "bigbench_operators",
    "bigbench_qa_wikidata",
    "boolq",
    "commonsense_qa",
    "copa",
    "coqa",
    "hellaswag",
    "hellaswag_zeroshot",
    "lambada_openai",
    "piqa",
    "pubmed_qa_labeled",
    "squad",
    "winograd",
)
"""The paper's subset of tasks, those that small models already do better than by chance."""

DESIGN = [
    "run",
    "training_set",
    "model",
    "params",
    "params_without_embedding",
    "tokens",
    "multiplier",
    "flops",
]
"""Columns that are known before a run is trained."""

TOKENS_A_PARAMETER = 20
"""A file's suffix counts in units of so many tokens a parameter: 16.0 is M = 320."""


def read_runs(members: dict[str, bytes]) -> pd.DataFrame:
    """The table of all runs from the files of an archive, by path as in archive.Archive.

    Columns: DESIGN (params N with embeddings, params_without_embedding without the input embedding, which
    does no arithmetic, tokens D, multiplier M = D / N, flops C = 6ND); for each evaluation set NAME
    `loss_NAME`, nats per token, with `loss_NAME_low` and `loss_NAME_high`, a 95% interval over test
    sequences; `accuracy_TASK` for 46 tasks; `error_46` and `error_17`, average top-1 errors over all tasks
    and over TASKS_17. Rows are sorted by training set, params and tokens.

    Raises TestbedError naming the file and key for a file that is missing or not what it should be, an
    unknown training set, model or suffix, and a run that is there twice.
    """
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(members):
        if not path.startswith("models/"):
            continue
        row = _model_row(path, _json(path, members[path]))
        if row["run"] in rows:
            raise TestbedError(f"{path}: the run {row['run']} is there twice")
        evals = f"evals/evaluation_{row['run']}_heavy.json"
        if evals not in members:
            raise TestbedError(f"{evals} is missing, the evaluation of {path}")
        row |= _task_columns(evals, _json(evals, members[evals]))
        rows[row["run"]] = row
    known = {f"evals/evaluation_{run}_heavy.json" for run in rows}
    for path in members:
        if path.startswith("evals/") and path not in known:
            raise TestbedError(f"{path} belongs to no run of models/")
    table = pd.DataFrame(list(rows.values()))
    tasks = table.filter(like="accuracy_")
    if tasks.shape[1] != N_TASKS or tasks.isna().any(axis=None):
        raise TestbedError(f"evals/: runs do not all have the same {N_TASKS} tasks")
    design = ["training_set", "model", "multiplier"]
    if table.duplicated(design).any():
        twice = table.loc[table.duplicated(design), "run"].iloc[0]
        raise TestbedError(f"models/{twice}.json: another run has its training set, model and multiplier")
    return table.sort_values(["training_set", "params", "tokens"], ignore_index=True)


def _model_row(path: str, content: Any) -> dict[str, Any]:
    name, training_set = (_get(path, content, key, str) for key in ("name", "dataset_name"))
    if path != f"models/{name}.json":
        raise TestbedError(f"{path}: its name is {name!r}, not that of the file")
    if training_set not in TRAINING_SETS:
        raise TestbedError(f"{path}: dataset_name {training_set!r} is none of {', '.join(TRAINING_SETS)}")
    model, _, suffix = name.removeprefix(f"{training_set}-").rpartition("-")
    if model not in MODELS:
        raise TestbedError(f"{path}: its model {model!r} is none of {', '.join(MODELS)}")
    settings = _get(path, content, "hyperparameters", dict)
    params, bare, tokens = (_positive(path, settings, key) for key in ("params", "params_no_embed", "tokens"))
    try:
        multiplier = TOKENS_A_PARAMETER * float(suffix)
    except ValueError:
        raise TestbedError(f"{path}: unknown suffix {suffix!r}; it should be tokens / (20 params)") from None
    if not math.isclose(multiplier, tokens / params, rel_tol=0.01):
        raise TestbedError(
            f"{path}: unknown suffix {suffix!r}; its tokens and params make it"
            f" {tokens / params / TOKENS_A_PARAMETER:g}"
        )
    row = {
        "run": name,
        "training_set": training_set,
        "model": MODELS[model],
        "params": int(params),
        "params_without_embedding": int(bare),
        "tokens": int(tokens),
        "multiplier": multiplier,
        "flops": 6.0 * params * tokens,
    }
    return row | _loss_columns(path, _get(path, content, "results", list))


def _loss_columns(path: str, results: list[Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, result in enumerate(results):
        where = f"{path}: results[{number}]"
        files = _get(where, result, "val_data", list)
        folders = {part for file in files for part in str(file).split("/")}
        names = [name for folder, name in EVALUATION_SETS.items() if folder in folders]
        if len(names) != 1:
            raise TestbedError(f"{where}: val_data {files} is no evaluation set that is known")
        column = f"loss_{names[0]}"
        if column in found:
            raise TestbedError(f"{path}: two results on {names[0]}")
        loss, low, high = (
            _positive(where, result, key)
            for key in ("loss", "loss_sequences_lower_95", "loss_sequences_upper_95")
        )
        if not low <= loss <= high:
            raise TestbedError(f"{where}: the loss {loss:g} is outside its interval {low:g} to {high:g}")
        found |= {column: loss, f"{column}_low": low, f"{column}_high": high}
    for name in EVALUATION_SETS.values():
        if f"loss_{name}" not in found:
            raise TestbedError(f"{path}: no result on {name}")
    return {
        f"loss_{name}{end}": found[f"loss_{name}{end}"]
        for name in EVALUATION_SETS.values()
        for end in ("", "_low", "_high")
    }


def _task_columns(path: str, content: Any) -> dict[str, float]:
    tasks = _get(path, _get(path, content, "eval_metrics", dict), "icl", dict)
    for task in tasks:
        value = tasks[task]
        if not _is_number(value) or not 0 <= value <= 1:
            raise TestbedError(f"{path}: {task} is {value!r}, not an accuracy between 0 and 1")
    missing = [task for task in TASKS_17 if task not in tasks]
    if missing or len(tasks) != N_TASKS:
        lacks = f", without {missing[0]}" if missing else ""
        raise TestbedError(f"{path} has {len(tasks)} tasks{lacks}; {N_TASKS} are needed")
    return {
        **{f"accuracy_{task}": float(tasks[task]) for task in sorted(tasks)},
        "error_46": 1 - sum(tasks[task] for task in sorted(tasks)) / N_TASKS,
        "error_17": 1 - sum(tasks[task] for task in TASKS_17) / len(TASKS_17),
    }


def _json(path: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise TestbedError(f"{path} is no JSON: {error}") from None


def _get(where: str, content: Any, key: str, kind: type) -> Any:
    if not isinstance(content, dict) or not isinstance(content.get(key), kind):
        names = {str: "a text", dict: "an object", list: "a list"}
        raise TestbedError(f"{where}: {key} is missing or not {names[kind]}")
    return content[key]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _positive(where: str, content: Any, key: str) -> float:
    value = content.get(key) if isinstance(content, dict) else None
    if not _is_number(value) or value <= 0:
        raise TestbedError(f"{where}: {key} is {value!r}, not a positive number")
    return value
