"""Public testbeds of scaling runs, and estimators scored on them.

Example:
    >>> from downlaw.testbed import render, run
    >>> scores = run(estimator="paper")  # fetches the testbed of Gadre et al. 2024, once
    >>> rich.print(render(scores))
"""

from .errors import TestbedError
from .estimators import ESTIMATORS
from .render import draw, render
from .score import Scores, run

__all__ = ["ESTIMATORS", "Scores", "TestbedError", "draw", "render", "run"]
