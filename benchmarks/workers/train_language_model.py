"""Train a decoder-only model for a few updates with one method, in a process of its own, and time them.

Called with METHOD JOB.json RESULT.json. The job: width, layers, heads, vocabulary, block (pieces a sequence),
batch (sequences an update), warm (updates before the clock starts), updates (that are timed), device,
precision, data (prefix of the mmap dataset of sequences, with dict.txt beside it), folder (for checkpoints),
text (a file that a study can name), profile (whether to say where the time goes). The result: wall and cpu
seconds of the timed updates, and the rows of a profile. METHOD peak measures a matrix product instead.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Job = dict[str, Any]
PEAK_SECONDS = 1.0
PEAK_WIDTH = {"cpu": 1024, "cuda": 8192}
BETAS, RATE, CLIP = (0.9, 0.98), 1e-3, 1.0


class Stopwatch:
    """Times the updates from the end of the last warm one to the end of the last one."""

    def __init__(self, job: Job) -> None:
        self.job, self.done = job, 0
        self.result: dict[str, Any] = {}
        self.profiler = None

    def tick(self) -> None:
        """An update is over."""
        self.done += 1
        if self.done == self.job["warm"]:
            self._wait()
            if self.job["profile"]:
                import torch

                self.profiler = torch.profiler.profile()
                self.profiler.start()
            self.wall, self.cpu = time.perf_counter(), time.process_time()
        elif self.done == self.job["warm"] + self.job["updates"]:
            self._wait()
            seconds = {"wall": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}
            if self.profiler:
                self.profiler.stop()
                seconds["profile"] = rows(self.profiler.key_averages(), self.job["updates"])
            self.result = seconds

    def _wait(self) -> None:
        if self.job["device"] == "cuda":
            import torch

            torch.cuda.synchronize()


def rows(averages: Any, updates: int) -> list[tuple[str, float, float]]:
    """Name, seconds of its own and calls of each operation, both an update; the longest first.

    Seconds are of the GPU where there is one.
    """
    device = any(event.self_device_time_total for event in averages)
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for event in averages:
        own = event.self_device_time_total if device else event.self_cpu_time_total
        found[event.key][0] += own / 1e6 / updates
        found[event.key][1] += event.count / updates
    return sorted(((name, *values) for name, values in found.items()), key=lambda row: -row[1])


def train_fairseq(job: Job) -> dict[str, Any]:
    """fairseq-train, with the arguments of this project."""
    from downlaw.engine import commands, worker
    from downlaw.study import load_study
    from downlaw.study.grid import Cell

    worker.import_fairseq()
    import fairseq_cli.train
    from fairseq.trainer import Trainer

    stopwatch = Stopwatch(job)
    train_step = Trainer.train_step

    def timed(self: Any, *arguments: Any, **named: Any) -> Any:
        result = train_step(self, *arguments, **named)
        stopwatch.tick()
        return result

    Trainer.train_step = timed
    study, updates = load_study(config(job)), job["warm"] + job["updates"]
    cell = Cell("all", "model", 1, 1.0, 0, updates, 0, None, None, 0)
    stretch = commands.Stretch(updates)
    arguments = commands.language_modeling(
        study, cell, Path(job["data"]).parent, Path(job["folder"]), stretch, None
    )
    sys.argv = ["fairseq-train", *arguments]
    fairseq_cli.train.cli_main()
    return stopwatch.result


def config(job: Job) -> dict[str, Any]:
    """A study of one model, whose command line is what this project trains with."""
    return {
        "study": "benchmark",
        "track": "lm",
        "languages": ["en"],
        "corpora": {
            "text": {
                "source": "files",
                "kind": "monolingual",
                "files": [{"language": "en", "path": job["text"]}],
            }
        },
        "mixtures": {"all": {"shares": {"text.en": 1}}},
        "tokenizer": {"vocabulary": job["vocabulary"]},
        "overtrain": {
            "models": {"model": {name: job[name] for name in ("width", "layers", "heads")}},
            "multipliers": [1],
            "learning_rate": RATE,
            "block_pieces": job["block"],
            "blocks_per_update": job["batch"],
            "save_every_updates": 1_000_000,
        },
        "compute": {"device": job["device"], "precision": job["precision"]},
    }


def train_torch(job: Job) -> dict[str, Any]:
    """A plain loop around torch's own layers and scaled_dot_product_attention."""
    return _loop(job, plain_model(job))


def plain_model(job: Job) -> Any:
    """The architecture that fairseq trains here: pre-norm, sinusoids, GELU, tied embeddings. Its call takes
    what is read and gives logits."""
    import torch
    from torch import nn
    from torch.nn import functional

    width, heads = job["width"], job["heads"]

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
            self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, length, _ = x.shape
            parts = self.inputs(self.first(x)).view(n, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(*parts.unbind(0), is_causal=True)
            x = x + self.output(seen.transpose(1, 2).flatten(2))
            return x + self.narrow(functional.gelu(self.widen(self.second(x))))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(job["vocabulary"], width)
            nn.init.normal_(self.embedding.weight, std=width**-0.5)
            self.layers = nn.ModuleList(Layer() for _ in range(job["layers"]))
            self.last = nn.LayerNorm(width)
            rates = torch.exp(torch.arange(width // 2) * -(math.log(10_000) / (width // 2 - 1)))
            angles = torch.arange(2, 2 + job["block"])[:, None] * rates
            self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], dim=1))

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x = self.embedding(ids) * math.sqrt(width) + self.positions
            for layer in self.layers:
                x = layer(x)
            return functional.linear(self.last(x), self.embedding.weight)

    return Model()


def train_transformers(job: Job) -> dict[str, Any]:
    """The same loop around Hugging Face's GPT-2: learnt positions, tied embeddings, its own attention."""
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from transformers import GPT2Config, GPT2LMHeadModel

    settings = GPT2Config(
        vocab_size=job["vocabulary"],
        n_positions=job["block"],
        n_embd=job["width"],
        n_layer=job["layers"],
        n_head=job["heads"],
        activation_function="gelu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=2,
        attn_implementation="sdpa",
    )
    network = GPT2LMHeadModel(settings)
    return _loop(job, network, lambda ids: network(input_ids=ids).logits)


def _loop(job: Job, network: Any, logits: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    import torch
    from torch.nn import functional

    network.to(job["device"]).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, betas=BETAS)
    stopwatch = Stopwatch(job)
    for previous, targets in batches(job):
        optimizer.zero_grad(set_to_none=True)
        with precision(job):
            found = (logits or network)(previous).flatten(0, 1)
        loss = functional.cross_entropy(found.float(), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        loss.item()  # as fairseq does, which looks at every loss
        stopwatch.tick()
    return stopwatch.result


def precision(job: Job) -> contextlib.AbstractContextManager:
    import torch

    return torch.autocast(job["device"], torch.bfloat16, enabled=job["precision"] == "bf16")


def batches(job: Job) -> Iterator[tuple[Any, Any]]:
    """What is read and what is predicted, (batch, block) each, for every update."""
    import numpy as np
    import torch

    from downlaw.engine.layers import after_end
    from downlaw.engine.mmap import read_dataset

    blocks, batch = read_dataset(job["data"]), job["batch"]
    for update in range(job["warm"] + job["updates"]):
        ids = np.stack(blocks[update * batch : (update + 1) * batch]).astype(np.int64)
        targets = torch.from_numpy(ids).to(job["device"])
        yield after_end(targets), targets


def measure_peak(job: Job) -> dict[str, Any]:
    """Floating-point operations a second of a square matrix product, the fastest of a second's."""
    import torch

    width = PEAK_WIDTH[job["device"]]
    kind = torch.bfloat16 if job["precision"] == "bf16" else torch.float32
    one, two = (torch.randn(width, width, device=job["device"], dtype=kind) for _ in range(2))
    cuda, best = job["device"] == "cuda", math.inf
    end = time.perf_counter() + PEAK_SECONDS
    while time.perf_counter() < end:
        begun = time.perf_counter() if cuda else time.process_time()
        one @ two
        if cuda:
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() if cuda else time.process_time()) - begun)
    return {"peak": 2 * width**3 / best}


METHODS = {
    "fairseq": train_fairseq,
    "torch": train_torch,
    "transformers": train_transformers,
    "peak": measure_peak,
}


def main() -> None:
    """Run one job."""
    job = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    name, result = sys.argv[1], Path(sys.argv[3])
    import torch

    if job["device"] == "cpu":
        torch.set_num_threads(1)
    found = METHODS[name](job)
    if name != "peak":
        found["device"] = torch.cuda.get_device_name() if job["device"] == "cuda" else "cpu"
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
