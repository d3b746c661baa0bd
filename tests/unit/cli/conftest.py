from __future__ import annotations

import math

import pytest
from typer.testing import CliRunner

from downlaw.cli import app, output

TOKENS = tuple(1_000_000 * 2**i for i in range(7))


@pytest.fixture
def run(monkeypatch):
    """The command as in a pipe."""
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def run_on_terminal(run, monkeypatch):
    """The command on a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    return run


@pytest.fixture
def bleu():
    """A score that follows the log-law, by pretraining tokens."""
    return {tokens: round(math.log(1e-4 * tokens**0.8) ** 1.6, 4) for tokens in TOKENS}


@pytest.fixture
def write(tmp_path):
    """Write a CSV table from a line of column names and rows; returns its path."""

    def write(header, rows, name="hand.csv"):
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


@pytest.fixture
def hand(write, bleu):
    """A table of two columns, as one types it."""
    return write("tokens,bleu", bleu.items())


@pytest.fixture
def study(write, bleu):
    """A table of runs with two mixtures and a baseline, the second mixture useless."""
    rows = [("en-de", 1000, "", 0, 2.0, 5.0, "")]
    for tokens, score in bleu.items():
        loss = 2 + 300 / tokens**0.4
        rows.append(("en-de", 1000, "good", tokens, score, loss, 1e6 * tokens))
        rows.append(("en-de", 1000, "bad", tokens, 2.0, 5.0, 1e6 * tokens))
    header = "task,finetune_pairs,mixture,pretrain_tokens,bleu,cross_entropy,pretrain_flops"
    return write(header, rows, "runs.csv")
