"""A training of several processes: one torchrun a node, each with a process a GPU.

Run as a module, this is torchrun itself, which ends with the process that started it and leaves the signals
that ask a training to stop to the training.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from downlaw.engine import worker

_JOIN_SECONDS = 600


def command(
    arguments: Sequence[str], processes: int, nodes: int, threads: int, endpoint: str, run_id: str
) -> list[str]:
    """The command line of the torchrun of one node.

    Args:
        endpoint: host and port at which the nodes meet.
        run_id: keeps two trainings that meet at one endpoint apart.
    """
    return [
        *(sys.executable, "-m", __name__),
        *("--nnodes", str(nodes), "--nproc-per-node", str(processes // nodes)),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint, "--rdzv-id", run_id),
        *("--rdzv-conf", f"join_timeout={_JOIN_SECONDS}", "--max-restarts", "0"),
        *("--signals-to-handle", "SIGINT", "--shutdown-timeout", "5"),
        *("-m", worker.__name__, str(threads), *map(str, arguments)),
    ]


class Torchrun:
    """The processes of one training, on this node or on all nodes of a Slurm job."""

    def __init__(
        self, arguments: Sequence[str], output: Path, processes: int, nodes: int, threads: int
    ) -> None:
        self._output = output
        host = "localhost" if nodes == 1 else socket.gethostname()
        start = command(arguments, processes, nodes, threads, f"{host}:{_free_port()}", str(os.getpid()))
        self._command = [*_on_every_node(nodes), *start]
        root = str(Path(__file__).resolve().parents[2])
        paths = filter(None, (root, os.environ.get("PYTHONPATH")))
        self._environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._output.open("ab", buffering=0) as stream:
            self._process = subprocess.Popen(
                self._command,
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the job, which kills what it started
            )

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def ask_to_stop(self) -> None:
        """Tell the workers of this node; they tell those of the others."""
        for process in self._children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if worker.__name__ in process.cmdline():
                    process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        for process in [*self._children(), self._process]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
        self._process.wait()

    def _children(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []


def _on_every_node(nodes: int) -> list[str]:
    if nodes == 1:
        return []
    return ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def main() -> None:
    """torchrun with the arguments of this process."""
    worker.die_with(os.getppid())
    for number in worker.STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    from torch.distributed.run import main as torchrun

    torchrun(sys.argv[1:])


if __name__ == "__main__":
    main()
