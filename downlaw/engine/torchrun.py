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
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from downlaw.engine import worker

_JOIN_SECONDS = 600
_SRUN_SECONDS = 10.0
_ASK_SECONDS = 0.5


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
        self._output, self._nodes = output, nodes
        host = "localhost" if nodes == 1 else socket.gethostname()
        start = command(arguments, processes, nodes, threads, f"{host}:{_free_port()}", str(os.getpid()))
        cuda = "--cpu" not in arguments
        self._command = [*(_on_every_node(processes, nodes, threads, cuda) if nodes > 1 else []), *start]
        root = str(Path(__file__).resolve().parents[2])
        paths = filter(None, (root, os.environ.get("PYTHONPATH")))
        self._environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        self._environment.pop(worker.PARENT, None)
        if nodes == 1:
            self._environment[worker.PARENT] = str(os.getpid())
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
        """Ask torchrun, or srun, which passes it on to the torchrun of each node."""
        self._process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """Kill torchrun, with which its workers die; srun kills those of all nodes at its second SIGINT."""
        if self._nodes > 1:
            for _ in range(2):
                self._process.send_signal(signal.SIGINT)
                if self.wait(0.3) is not None:
                    return
            if self.wait(_SRUN_SECONDS) is not None:
                return
        self._process.kill()
        self._process.wait()


def _on_every_node(processes: int, nodes: int, threads: int, cuda: bool) -> list[str]:
    """The beginning of a command line that starts the rest once on every node of this Slurm job."""
    each = processes // nodes
    return [
        *("srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"),
        f"--cpus-per-task={each * threads}",
        *([f"--gpus-per-node={each}"] if cuda else []),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def main() -> None:
    """torchrun with the arguments of this process."""
    worker.die_with(int(os.environ.get(worker.PARENT, os.getppid())))
    os.environ[worker.PARENT] = str(os.getpid())
    worker.hold_back_signals()
    threading.Thread(target=_pass_signals_on, daemon=True).start()
    from torch.distributed.run import main as torchrun

    torchrun(sys.argv[1:])


def _pass_signals_on() -> None:
    """Once asked to stop, ask the workers, and those that are only starting too."""
    signal.sigwait(worker.STOP_SIGNALS)
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if worker.__name__ in process.cmdline():
                    process.send_signal(signal.SIGUSR1)
        time.sleep(_ASK_SECONDS)


if __name__ == "__main__":
    main()
