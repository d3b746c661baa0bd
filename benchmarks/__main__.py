"""`python -m benchmarks`: see command.py."""

from __future__ import annotations

import os

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


def one_core() -> None:
    """Give this process and all that it starts one core and one thread."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"), MPLBACKEND="agg")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    """Run the command on one core."""
    one_core()
    from .command import app  # loads NumPy, which reads the environment once

    app(prog_name="python -m benchmarks")


if __name__ == "__main__":
    main()
