"""A real Slurm on this machine: munged, slurmctld and some slurmd, in a folder of their own.

`python tests/slurm/cluster.py` starts one, says where, and stops it on Ctrl-C. Each node is one slurmd with a
name and a port of its own. GPUs are devices that nothing can compute on: Slurm counts them and sets
CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from processes import alive, kill, kill_jobs, read_pid

CONFIG = Path("/etc/slurm/slurm.conf")  # steps lose SLURM_CONF, so that it must be found here
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "sinfo", "squeue", "scontrol", "scancel")
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
ADMIN_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
START_SECONDS = 60
DEVICE_NULL = os.makedev(1, 3)

SLURM_CONF = """\
ClusterName=downlaw
SlurmctldHost={host}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/run/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# Memory is enforced without cgroups: a job that uses more than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/log/jobs.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
DefMemPerCPU=500
# An impossible request is refused at once instead of waiting for ever.
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
# squeue shows finished jobs long enough, so that nothing needs sacct.
MinJobAge=3600
MaxJobCount=20000
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,sched_min_interval=200000,bf_interval=5,batch_sched_delay=0
KillWait=30
OverTimeLimit=0
InactiveLimit=0
SlurmdTimeout=20
ReturnToService=2
PropagateResourceLimits=NONE
JobRequeue=0
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=1-00:00:00 DefaultTime=10 State=UP
PartitionName=gpu Nodes={gpu_nodes} MaxTime=02:00:00 DefaultTime=10 State=UP
"""


class SlurmError(RuntimeError):
    """Why no Slurm can be started here."""


@dataclass(frozen=True)
class Node:
    """What one slurmd offers."""

    name: str
    cpus: int = 4
    memory_mb: int = 8000
    gpus: int = 2
    gpu_model: str = "a100"


def why_not() -> str | None:
    """Why this machine cannot start one, None where it can."""
    if os.geteuid() != 0:
        return "a Slurm of one's own is started by root only"
    missing = [name for name in PROGRAMS if shutil.which(name, path=ADMIN_PATH) is None]
    if missing:
        return f"{', '.join(missing)} not installed: make slurm-test installs {', '.join(PACKAGES)} on Debian"
    if CONFIG.exists() or CONFIG.is_symlink():
        folder = _ours(CONFIG)
        if folder is None:
            return f"{CONFIG} belongs to another Slurm, which is left alone"
        if (pid_file := folder / "run/slurmctld.pid").exists() and alive(read_pid(pid_file)):
            return f"another one runs in {folder}; `python tests/slurm/cluster.py stop` ends it"
    return None


def _ours(config: Path) -> Path | None:
    """The folder of a cluster of ours that this links to, alive or not."""
    folder = config.readlink().parent if config.is_symlink() else Path()
    return folder if folder.name.startswith("downlaw-slurm-") else None


@dataclass
class Cluster:
    """A running Slurm; a context manager that stops it and removes what it left."""

    nodes: Sequence[Node] = (Node("node1"), Node("node2", gpu_model="h100"))
    folder: Path = field(default_factory=Path, init=False)

    def __enter__(self) -> Cluster:
        if reason := why_not():
            raise SlurmError(reason)
        self.folder = Path(tempfile.mkdtemp(prefix="downlaw-slurm-", dir="/tmp"))
        try:
            self._configure()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _configure(self) -> None:
        self.folder.chmod(0o755)
        for name in ("run", "log", "state", "dev", *(f"spool/{node.name}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        for number in range(max(node.gpus for node in self.nodes)):
            os.mknod(self.folder / f"dev/gpu{number}", 0o666 | stat.S_IFCHR, DEVICE_NULL)
        ports = _free_ports(2 + len(self.nodes))
        lines = [
            f"NodeName={node.name} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs={node.cpus} RealMemory={node.memory_mb}"
            + (f" Gres=gpu:{node.gpu_model}:{node.gpus}" if node.gpus else "")
            for node, port in zip(self.nodes, ports[2:], strict=True)
        ]
        with_gpus = ",".join(node.name for node in self.nodes if node.gpus) or "ALL"
        text = SLURM_CONF.format(
            host=socket.gethostname(),
            ports=ports,
            folder=self.folder,
            nodes="\n".join(lines),
            gpu_nodes=with_gpus,
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text(
            "".join(
                f"NodeName={node.name} Name=gpu Type={node.gpu_model} "
                f"File={self.folder}/dev/gpu[0-{node.gpus - 1}] Flags=nvidia_gpu_env\n"
                for node in self.nodes
                if node.gpus
            )
        )
        CONFIG.unlink(missing_ok=True)
        CONFIG.parent.mkdir(exist_ok=True)
        CONFIG.symlink_to(self.folder / "slurm.conf")

    def _start(self) -> None:
        run, log = self.folder / "run", self.folder / "log"
        self._daemon(
            *("munged", f"--key-file={self.folder}/munge.key", f"--socket={run}/munge.socket"),
            *(f"--pid-file={run}/munged.pid", f"--log-file={log}/munged.log"),
            f"--seed-file={self.folder}/munge.seed",
        )
        self._daemon("slurmctld", "-i", "-f", str(self.folder / "slurm.conf"))
        for node in self.nodes:
            self.start_node(node.name)
        deadline = time.monotonic() + START_SECONDS
        while set(states := self.node_states().values()) != {"idle"}:
            if time.monotonic() > deadline:
                raise SlurmError(f"nodes are {', '.join(states)} after {START_SECONDS} s: logs in {log}")
            time.sleep(0.2)

    def _daemon(self, *command: str) -> None:
        done = subprocess.run(
            command, env=os.environ | {"PATH": ADMIN_PATH}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SlurmError(f"{command[0]} did not start: {done.stderr.strip() or done.stdout.strip()}")

    def start_node(self, name: str) -> None:
        """Start the slurmd of one node."""
        self._daemon("slurmd", "-N", name, "-f", str(self.folder / "slurm.conf"))

    def kill_node(self, name: str, *, jobs_too: bool = True) -> None:
        """Kill one node's slurmd as a power failure would, with all that runs on the node.

        With `jobs_too=False` only Slurm's own daemon dies, and what it started goes on, as where a node loses
        its network.
        """
        kill(read_pid(self.folder / f"run/slurmd-{name}.pid"))
        if jobs_too:
            kill_jobs(number for number, job in self.jobs("RUNNING").items() if job["node"] == name)

    def node_states(self) -> dict[str, str]:
        """What sinfo says of each node: idle, mixed, down, ..."""
        done = self.call("sinfo", "--Node", "--noheader", "--format=%N %T", check=False)
        return dict(line.split() for line in done.splitlines() if len(line.split()) == 2)

    def call(self, *command: str, check: bool = True) -> str:
        """The output of one of Slurm's commands."""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise SlurmError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def jobs(self, *states: str) -> dict[int, dict[str, str]]:
        """Jobs by number, with state, node, folder and comment, which names the rule; all by default."""
        wanted = [f"--states={','.join(states) or 'all'}"]
        lines = self.call("squeue", "--noheader", *wanted, "--format=%i|%T|%N|%k|%P|%Z").splitlines()
        names = ("state", "node", "comment", "partition", "folder")
        return {
            int(number): dict(zip(names, values, strict=True))
            for number, *values in (line.split("|") for line in lines)
        }

    def stop(self) -> None:
        """Cancel all jobs, stop the daemons, and remove the folder and the link to its configuration."""
        if self.folder == Path():
            return
        with contextlib.suppress(SlurmError, OSError):
            kill_jobs(self.jobs())
        for pid_file in [*sorted(self.folder.glob("run/slurm*.pid")), self.folder / "run/munged.pid"]:
            if pid_file.exists():
                kill(read_pid(pid_file), signal.SIGTERM)
        if CONFIG.is_symlink() and CONFIG.readlink() == self.folder / "slurm.conf":
            CONFIG.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def main() -> None:
    """Start a cluster for a person to try things on, until Ctrl-C; or stop one that was left."""
    if sys.argv[1:] == ["stop"]:
        if folder := _ours(CONFIG):
            cluster = Cluster()
            cluster.folder = folder
            cluster.stop()
        return
    try:
        with Cluster() as cluster:
            print(f"Slurm runs in {cluster.folder}; Ctrl-C stops it\n{cluster.call('sinfo')}", flush=True)
            signal.pause()
    except SlurmError as error:
        sys.exit(f"no Slurm: {error}")
    except KeyboardInterrupt:
        print("\nstopped")


if __name__ == "__main__":
    main()
