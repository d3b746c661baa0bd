"""What a family of laws is: a formula, and how the fit searches it.

Every family here is linear in some of its parameters once one or two others, its *shapes*, are fixed. So a
family is written as columns: metric = w1 * column1 + w2 * column2 + ..., or the same for ln(metric). The
weights have a closed form for given shapes, and only the shapes are searched.

Columns are functions of scaled inputs: each input's coordinate (its logarithm, as a rule) is centred on the
fitted points and divided by its reach, the distance from the centre down to the smallest of them, which then
lies at -1. Shapes and weights so have the same size for a thousand tokens as for a trillion.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Link = Literal["log", "identity"]

COMPLEX_STEP = 1e-30


@dataclass(frozen=True)
class Parameter:
    """One parameter of a published formula.

    low, high: the range that a fit may give it. unit: of its value. fixed_by: what in the data fixes it, for
    people who ask whether to trust it. derived: it follows from the other parameters.
    """

    name: str
    low: float
    high: float
    unit: str
    fixed_by: str
    derived: bool = False


@dataclass(frozen=True)
class Shape:
    """A search coordinate that does not enter linearly: its bounds, and the grid that starts come from."""

    name: str
    low: float
    high: float
    grid: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Where the inputs of a fit are centred and how they are scaled: `centre` and `reach` of each input's
    coordinate, shape (inputs,) or (inputs, problems)."""

    centre: Floats
    reach: Floats

    def scaled(self, coordinates: Sequence[Floats]) -> tuple[Floats, ...]:
        """Coordinates, one array an input, (n,) or (n, problems), in units of the chart."""
        return tuple((x - c) / r for x, c, r in zip(coordinates, self.centre, self.reach, strict=True))


class Family(ABC):
    """A law for one metric of one or more inputs.

    name, formula, source: for people. inputs: the names of what it is a function of, all positive.
    rises: whether the metric grows with its first input, None where both can be. A metric that moves against
    its family is fitted best by a constant, which every family contains.
    link: whether the columns add up to the metric or to its logarithm.
    weight_names, weight_low: what each weight stands for, and its lower bound.
    shared_reach: whether all inputs are scaled alike.
    measured_inputs: whether inputs are measured, so that two points may happen to have the same.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]] = ("pretrain_tokens",)
    parameters: ClassVar[tuple[Parameter, ...]]
    rises: ClassVar[bool | None]
    link: ClassVar[Link] = "identity"
    weight_names: ClassVar[tuple[str, ...]]
    weight_low: ClassVar[tuple[float, ...]]
    shapes: ClassVar[tuple[Shape, ...]] = ()
    shared_reach: ClassVar[bool] = False
    measured_inputs: ClassVar[bool] = False

    @abstractmethod
    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        """The columns at scaled inputs and shapes that broadcast together, one array a weight.

        Must work for complex shapes (see slopes): exp, log1p and arithmetic do.
        """

    @abstractmethod
    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        """The parameters of the formula from what was fitted; not finite where they do not exist."""

    @abstractmethod
    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        """The formula at inputs that broadcast together, from its parameters that are not derived."""

    def coordinates(self, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        """What the columns are functions of, before scaling: the logarithm of each input."""
        return tuple(np.log(each) for each in inputs)

    def slopes(
        self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]
    ) -> tuple[tuple[NDArray | float, ...], ...]:
        """Derivatives of the columns to each shape: for each shape one array a column.

        By a complex step, exact to rounding (Squire and Trapp 1998, SIAM Review 40(1)).
        """
        found = []
        for moved in range(len(self.shapes)):
            stepped = [shape + 1j * COMPLEX_STEP if i == moved else shape for i, shape in enumerate(shapes)]
            found.append(tuple(np.imag(column) / COMPLEX_STEP for column in self.columns(inputs, stepped)))
        return tuple(found)

    @property
    def n_weights(self) -> int:
        return len(self.weight_low)

    @property
    def n_parameters(self) -> int:
        """How many numbers a fit has to find."""
        return self.n_weights + len(self.shapes)

    def chart(self, inputs: Sequence[Floats]) -> Chart:
        """The chart of fitted points, inputs (n,) or (n, problems) each. An input that does not vary gets
        the reach 1."""
        coordinates = self.coordinates(inputs)
        centre = np.array([x.mean(axis=0) for x in coordinates])
        reach = np.array([(x.mean(axis=0) - x.min(axis=0)) for x in coordinates])
        if self.shared_reach:
            reach = np.broadcast_to(reach.max(axis=0), reach.shape)
        return Chart(centre, np.where(reach > 1e-9, reach, 1.0))

    def predict(self, inputs: ArrayLike, parameters: Mapping[str, float]) -> Floats:
        """The metric at `inputs`, shape (n,) for one input, (n, inputs) for more: shape (n,).

        Values where the formula is undefined are NaN. Raises ValueError for inputs of another shape or that
        are not positive, and KeyError for a parameter that is missing.
        """
        parameters = {each.name: float(parameters[each.name]) for each in self.parameters if not each.derived}
        with np.errstate(all="ignore"):
            values = np.asarray(self.formula_at(self.split(inputs), parameters), dtype=float)
        return np.where(np.isfinite(values), values, math.nan)

    def split(self, inputs: ArrayLike) -> tuple[Floats, ...]:
        """Inputs (n,) or (n, inputs) as one array (n,) an input; raises ValueError where that cannot be."""
        table = np.asarray(inputs, dtype=float)
        if table.ndim <= 1:
            table = np.atleast_1d(table)[:, None]
        if table.ndim != 2 or table.shape[1] != len(self.inputs):
            raise ValueError(
                f"the {self.name} takes {len(self.inputs)} numbers a point ({', '.join(self.inputs)}),"
                f" not an array of shape {np.shape(inputs)}"
            )
        if not np.all(np.isfinite(table) & (table > 0)):
            raise ValueError(f"{', '.join(self.inputs)} must be positive and finite")
        return tuple(table.T)
