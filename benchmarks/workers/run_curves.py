"""What the workers share: read curves, fit one after the other until the time is up, write what was found.

Workers run in environments of their own, with whatever Python a package asks for, and import nothing of
downlaw.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

Curve = dict[str, Any]


def run(package: str, fit: Callable[[Curve], dict[str, float]]) -> None:
    """Called with the arguments CURVES.json RESULTS.json: fit each curve, timing `fit` alone.

    A curve is a dictionary: name, inputs (an array (n, 2)), values (an array (n,)), delta (None for least
    squares) and what the task adds. Seconds are of the processor.
    """
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    fits, spent = [], 0.0
    for curve in task["curves"]:
        if spent > task["limit_s"]:
            break
        curve["inputs"], curve["values"] = np.array(curve["inputs"]), np.array(curve["values"])
        begun, failure, parameters = time.process_time(), "", {}
        try:
            parameters = {name: float(value) for name, value in fit(curve).items()}
        except Exception as error:  # another's code may raise anything, and one curve must not end the run
            failure = f"{type(error).__name__}: {error}"
        seconds = time.process_time() - begun
        spent += seconds
        fits.append({"name": curve["name"], "seconds": seconds, "parameters": parameters, "failure": failure})
    found = {"version": version(package), "python": platform.python_version(), "fits": fits}
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(found, file)
