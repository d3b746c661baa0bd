"""The published code of Gadre et al. 2024 (github.com/mlfoundations/scaling), which a user fetches.

Only its file scaling/laws.py is loaded; it needs NumPy and SciPy. Written for commit
a003c4913793ac2ae7ef87b28ecb562955d026d5.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from .curves import Curve

NEEDED = ("curve_fit_powlaw_ours", "curve_fit_decay_ours")


class GadreCodeError(Exception):
    """The folder or file given is not the code that this adapter knows."""


def load(path: Path) -> ModuleType:
    """The module scaling/laws.py of a checkout, or a given laws.py.

    Raises GadreCodeError for anything else.
    """
    file = path / "scaling" / "laws.py" if path.is_dir() else path
    if not file.is_file():
        raise GadreCodeError(f"{file} is not there; give a checkout of mlfoundations/scaling")
    specification = importlib.util.spec_from_file_location("gadre_laws", file)
    if specification is None or specification.loader is None:
        raise GadreCodeError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except Exception as error:  # whatever someone else's file does when it is imported
        raise GadreCodeError(f"{file} cannot be imported: {error}") from error
    missing = [name for name in NEEDED if not callable(getattr(module, name, None))]
    if missing:
        raise GadreCodeError(f"{file} has no function {' and no '.join(missing)}")
    return module


def fitters(module: ModuleType) -> dict[str, Callable[[Curve], dict[str, float]]]:
    """For each law the published fit of one curve, giving the parameters by their names in the paper."""

    def overtraining_law(curve: Curve) -> dict[str, float]:
        compute, multiplier = curve.inputs.T
        params = np.sqrt(compute / (6 * multiplier))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            by_size, by_data, exponent, floor = module.curve_fit_powlaw_ours(
                np.array([params, multiplier]), curve.values
            )
        # Their law is by_size * N^b + by_data * 6^(b / 2) * (M * N)^b + E. With C = 6 * N^2 * M and
        # eta = -b / 2, the first term is a * M^eta * C^-eta for a = by_size * 6^eta, the second as it is.
        eta = -exponent / 2
        return {"a": by_size * 6**eta, "b": float(by_data), "eta": eta, "E": float(floor)}

    def error_law(curve: Curve) -> dict[str, float]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            scale, gamma, eps = module.curve_fit_decay_ours(curve.inputs, curve.values)
        if not scale > 0:
            raise ValueError(f"k is {scale:g}; the paper's law has a positive one")
        return {"eps": float(eps), "ln_k": math.log(scale), "gamma": float(gamma)}

    return {"overtraining_law": overtraining_law, "error_law": error_law}
