"""Families of scaling laws. To add one, write a class and name it in FAMILIES."""

from .base import Chart, Family, Floats, Parameter, Shape
from .losses import Chinchilla, ErrorLaw, JointLaw, OvertrainingLaw, PowerLaw, RectifiedLaw
from .scores import Constant, Exponential, LinearLog, LogLaw, PurePower, Sigmoid

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        LogLaw(),
        PowerLaw(),
        Chinchilla(),
        OvertrainingLaw(),
        ErrorLaw(),
        RectifiedLaw(),
        JointLaw(),
        Exponential(),
        LinearLog(),
        PurePower(),
        Sigmoid(),
        Constant(),
    )
}
"""Every family by its name, as in the `law` column of a table of laws."""

__all__ = ["FAMILIES", "Chart", "Family", "Floats", "Parameter", "Shape"]
