"""One process of a training: fairseq's command line, which saves and ends when a signal asks it to.

Forked by a job for a training of one process; started by torchrun as `python -m downlaw.engine.worker` for
one of several.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from downlaw.engine import scratch
from downlaw.engine.log import OUTCOME

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
STOPPED, DIVERGED, DISK_FULL = 75, 76, 77
PARENT = "DOWNLAW_PARENT"
"""The variable that names the process which started this one, and which it must not outlive."""
_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PR_SET_PDEATHSIG = 1


class _Asked(BaseException):
    """Ends a worker that was asked to stop, after it has saved."""


def import_fairseq() -> None:
    """Import what every child needs, once.

    The first optimizer would import `torch._dynamo`: seconds in every child, if it were not here.
    """
    logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.ERROR)  # it asks for tensorboardX
    import fairseq.sequence_generator  # noqa: F401
    import fairseq_cli.train  # noqa: F401
    import torch._dynamo  # noqa: F401


def hold_back_signals() -> None:
    """Keep signals that ask to stop waiting, here and in all that this starts, for a training to take."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def die_with(parent: int) -> None:
    """End this process when its parent ends, whatever ends it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def outcome(work: Callable[[], None], threads: int) -> int:
    """Do the work of a child process; its exit code. What goes wrong is printed."""
    # fairseq's checkpoints hold its own classes; only checkpoints of this pipeline are ever loaded.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch

    torch.set_num_threads(threads)
    code = 0
    try:
        work()
    except _Asked:
        code = STOPPED
    except BaseException as error:
        code = _code_of(error)
        with contextlib.suppress(OSError):  # the log may lie on the same full disk
            traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    return code


def _code_of(error: BaseException | None) -> int:
    """What went wrong, wherever it stands in the chain of exceptions.

    On gradients that are not finite fairseq runs the batch again under hooks that say where, and these hooks
    fail in turn.
    """
    while error is not None:
        if isinstance(error, FloatingPointError):
            return DIVERGED
        if isinstance(error, OSError) and error.errno in _DISK_FULL_ERRORS:
            return DISK_FULL
        error = error.__cause__ or error.__context__
    return 1


def train(arguments: Sequence[str]) -> None:
    """fairseq-train, which saves at the next update after SIGTERM or SIGUSR1, and ends there."""
    logging.basicConfig(
        format="%(asctime)s | %(levelname)s | %(name)s | %(message)s",
        level=logging.INFO,
        force=True,
        stream=sys.stdout,
    )
    import fairseq_cli.train

    scratch.read_copies()
    stopped = _save_when_asked(fairseq_cli.train)
    sys.argv = ["fairseq-train", *arguments]
    fairseq_cli.train.cli_main()
    if stopped():
        raise _Asked


def _save_when_asked(fairseq_train: Any) -> Callable[[], bool]:
    """Have fairseq's loop end after the update in which a signal came; whether it did so."""
    asked = stopped = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    for number in STOP_SIGNALS:
        signal.signal(number, ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    as_usual = fairseq_train.validate_and_save

    def validate_and_save(cfg: Any, trainer: Any, *others: Any) -> tuple[list[float | None], bool]:
        nonlocal stopped
        last = cfg.optimization.max_update and trainer.get_num_updates() >= cfg.optimization.max_update
        if _any_process(asked) and not last:
            stopped = True
            # fairseq's own way to end early: it has trained for longer than it may. A validation now would be
            # one more than in an undisturbed training, and could choose another best checkpoint.
            cfg.optimization.stop_time_hours = 1e-9
            cfg.dataset.disable_validation = True
        return as_usual(cfg, trainer, *others)

    fairseq_train.validate_and_save = validate_and_save
    return lambda: stopped


def _any_process(asked: bool) -> bool:
    """Whether any process of the training was asked: all of them must end after the same update."""
    import torch
    import torch.distributed as distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return asked
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    flag = torch.tensor([int(asked)], device=device)
    distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
    return bool(flag.item())


def process_arguments(environment: dict[str, str], cuda: bool) -> list[str]:
    """fairseq's arguments that differ between the processes of a training.

    fairseq would infer them from torchrun's variables, but divides by the number of GPUs, 0 on a CPU, and
    shares a model by a wrapper that asks for one.
    """
    return [
        *("--distributed-init-method", "env://", "--distributed-no-spawn"),
        *("--distributed-rank", environment["RANK"]),
        *("--device-id", environment["LOCAL_RANK"] if cuda else "0"),
        *(("--distributed-backend", "nccl") if cuda else ("--distributed-backend", "gloo")),
        *(() if cuda else ("--ddp-backend", "legacy_ddp")),
    ]


def main() -> None:
    """Run as one of torchrun's processes: the number of threads, then fairseq's arguments."""
    die_with(int(os.environ[PARENT]))
    threads, arguments = int(sys.argv[1]), sys.argv[2:]
    arguments += process_arguments(dict(os.environ), cuda="--cpu" not in arguments)
    import_fairseq()
    code = outcome(lambda: train(arguments), threads)
    if code:
        os.write(1, f"\n{OUTCOME}{code}\n".encode())  # in one piece, beside what the others say
    # All processes stop alike, and torchrun reports a failure for any other code.
    os._exit(0 if code == STOPPED else code)


if __name__ == "__main__":
    main()
