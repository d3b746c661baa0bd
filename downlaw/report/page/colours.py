"""Colours on light and on dark paper."""

from __future__ import annotations

from collections.abc import Iterable

LIGHT_PAPER, DARK_PAPER = "#ffffff", "#16191f"
LEAST_CONTRAST, LEAST_ON_LIGHT = 3.6, 3.05
"""What a mark has on dark and on light paper, by the definition of WCAG 2.1; 3 is asked of graphics there."""

_STEP = 0.04
_ON_LIGHT = {"#E69F00": "#94723b", "#56B4E9": "#3296fa"}
"""Twins of mixtures' colours for light paper, chosen: merely darkened, they would come too near others for
colour-blind readers."""


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1, by WCAG 2.1."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def on_dark(colour: str) -> str:
    """The colour, lightened as far as it must be to be seen on dark paper."""
    return _until(colour, DARK_PAPER, LEAST_CONTRAST, 255)


def on_light(colour: str) -> str:
    """The colour, darkened as far as it must be to be seen on light paper."""
    return _ON_LIGHT.get(colour) or _until(colour, LIGHT_PAPER, LEAST_ON_LIGHT, 0)


def _until(colour: str, paper: str, least: float, end: int) -> str:
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    share = 0.0
    found = colour
    while contrast(found, paper) < least and share < 1:
        share += _STEP
        found = "#" + "".join(f"{round(each + share * (end - each)):02x}" for each in channels)
    return found


def twins(colours: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Each colour as it is on light and on dark paper."""
    return {colour: (on_light(colour), on_dark(colour)) for colour in sorted(set(colours))}
