"""Translate a test set with one method, model after model, in a process of its own.

Called with METHOD JOB.json RESULT.json. The job: models (paths of checkpoints), data (prefix of the sources'
mmap dataset), fairseq_data (a folder that fairseq-generate reads), languages, beam, max_length_ratio,
length_penalty, device, batch (sources a batch; None, for downlaw alone: what it would take). The result: for
each model the hypotheses by the number of their source, and wall and processor seconds, from opening the
checkpoint on.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAD, END = 1, 2
Job = dict[str, Any]
Hypotheses = dict[int, list[int]]


def prepare_downlaw() -> Callable[[Path, Job], Hypotheses]:
    from downlaw.engine import decoding, transformer
    from downlaw.engine.mmap import read_dataset

    def translate(model: Path, job: Job) -> Hypotheses:
        found = decoding.translate(
            transformer.load(model, job["device"]),
            read_dataset(job["data"]),
            job["beam"],
            job["max_length_ratio"],
            job["length_penalty"],
            job["batch"],
        )
        return dict(enumerate(found))

    return translate


def prepare_fairseq() -> Callable[[Path, Job], Hypotheses]:
    # Only checkpoints of this pipeline are read; they hold fairseq's own classes.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch
    from fairseq_cli.generate import cli_main

    def translate(model: Path, job: Job) -> Hypotheses:
        torch.set_num_threads(1)
        options = {
            "path": model,
            "source-lang": job["languages"][0],
            "target-lang": job["languages"][1],
            "gen-subset": "test",
            "dataset-impl": "mmap",
            "beam": job["beam"],
            "max-len-a": job["max_length_ratio"],
            "max-len-b": 10,
            "lenpen": job["length_penalty"],
            "batch-size": job["batch"],
            # By default it leaves out a last batch whose size is no multiple of 8, the longest sources.
            "required-batch-size-multiple": 1,
        }
        sys.argv = ["fairseq-generate", job["fairseq_data"]]
        sys.argv += [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        sys.argv += ["--no-progress-bar", *(["--cpu"] if job["device"] == "cpu" else [])]
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            cli_main()
        return read_fairseq(said.getvalue(), Path(job["fairseq_data"]) / f"dict.{job['languages'][1]}.txt")

    return translate


def read_fairseq(output: str, dictionary: Path) -> Hypotheses:
    """Hypotheses in the output of fairseq-generate, as ids."""
    lines = dictionary.read_text(encoding="utf-8").splitlines()
    ids = {line.rsplit(" ", 1)[0]: number for number, line in enumerate(lines, start=4)}
    ids |= {"<s>": 0, "<pad>": PAD, "</s>": END, "<unk>": 3}
    found = {}
    for line in output.split("\n"):
        if line.startswith("H-"):
            number, _, pieces = line[2:].split("\t")
            found[int(number)] = [ids[piece] for piece in pieces.split(" ") if piece]
    return found


def prepare_transformers() -> Callable[[Path, Job], Hypotheses]:
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    import torch
    from transformers import M2M100ForConditionalGeneration  # noqa: F401  loads the modules once

    from downlaw.engine.decoding import batches
    from downlaw.engine.mmap import read_dataset

    def translate(model: Path, job: Job) -> Hypotheses:
        torch.set_num_threads(1)
        network, longest = hugging_face(model)
        network.to(job["device"])
        sources, found = read_dataset(job["data"]), {}
        for batch in batches([len(source) for source in sources], 8192, job["batch"]):
            width = max(len(sources[i]) for i in batch)
            ids = torch.full((len(batch), width), PAD)
            for row, i in enumerate(batch):
                ids[row, : len(sources[i])] = torch.from_numpy(sources[i].astype("int64"))
            ids = ids.to(job["device"])
            bound = min(int(job["max_length_ratio"] * width + 10), longest - 1)
            made = network.generate(
                input_ids=ids,
                attention_mask=(ids != PAD).long(),
                num_beams=job["beam"],
                do_sample=False,
                max_new_tokens=bound + 1,
                min_new_tokens=1,
                suppress_tokens=[PAD],
                early_stopping=True,
                length_penalty=job["length_penalty"],
            )
            for i, row in zip(batch, made[:, 1:].tolist(), strict=True):
                found[i] = row[: row.index(END)] if END in row else row[:bound]
        return found

    return translate


def hugging_face(path: Path):
    """A model of ours in Hugging Face's classes, with the same weights, and the pieces it takes.

    M2M100 is fairseq's pre-norm transformer with sinusoidal positions there.
    """
    import torch
    from transformers import GenerationConfig, M2M100Config, M2M100ForConditionalGeneration

    with torch.serialization.safe_globals([Namespace]):
        state = torch.load(path, map_location="cpu", weights_only=True)
    settings, weights = state["cfg"]["model"], state["model"]
    config = M2M100Config(
        vocab_size=len(weights["encoder.embed_tokens.weight"]),
        max_position_embeddings=settings.max_source_positions,
        d_model=settings.encoder_embed_dim,
        encoder_layers=settings.encoder_layers,
        decoder_layers=settings.decoder_layers,
        encoder_ffn_dim=settings.encoder_ffn_embed_dim,
        decoder_ffn_dim=settings.decoder_ffn_embed_dim,
        encoder_attention_heads=settings.encoder_attention_heads,
        decoder_attention_heads=settings.decoder_attention_heads,
        scale_embedding=True,
        decoder_start_token_id=END,
    )
    network = M2M100ForConditionalGeneration(config).eval()
    network.generation_config = GenerationConfig(
        bos_token_id=0, pad_token_id=PAD, eos_token_id=END, decoder_start_token_id=END
    )
    renamed = {f"model.{name}": weight for name, weight in weights.items() if not name.endswith(".version")}
    renamed["lm_head.weight"] = renamed.pop("model.decoder.output_projection.weight")
    renamed["model.shared.weight"] = renamed["model.encoder.embed_tokens.weight"]
    network.load_state_dict(renamed)
    return network, settings.max_target_positions


METHODS = {
    "downlaw": prepare_downlaw,
    "fairseq": prepare_fairseq,
    "transformers": prepare_transformers,
}


def run(method: str, job: Job) -> list[dict[str, Any]]:
    """Every model's hypotheses and seconds; imports are not counted."""
    translate = METHODS[method]()
    found = []
    for model in job["models"]:
        wall, cpu = time.perf_counter(), time.process_time()
        hypotheses = translate(Path(model), job)
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        found.append({**seconds, "hypotheses": sorted(hypotheses.items())})
    return found


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    Path(sys.argv[3]).write_text(json.dumps(run(sys.argv[1], job)), encoding="utf-8")
