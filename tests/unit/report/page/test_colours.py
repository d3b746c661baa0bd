from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from downlaw.report.canvas import GREY
from downlaw.report.labels import mixture_styles
from downlaw.report.lm_shown import multiplier_styles
from downlaw.report.page.colours import DARK_PAPER, LIGHT_PAPER, contrast, on_dark, on_light, twins

# Machado, Oliveira and Fernandes 2009, severity 1.
SEEN_BY = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB, D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def styles(count: int):
    return mixture_styles(pd.DataFrame({"mixture": [f"m{place}" for place in range(count)]}))


def test_mixtures_differ_in_marker_and_stay_apart_for_colour_blind_readers():
    drawn = list(styles(6).values())
    assert len({style.marker for style in drawn}) == 6
    for twin in (lambda colour: colour, on_light, on_dark):
        for matrix in [np.eye(3), *map(np.array, SEEN_BY.values())]:
            seen = [lab(matrix @ linear(twin(style.colour))) for style in drawn]
            assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 9


def test_every_mark_is_seen_on_both_papers():
    multipliers = multiplier_styles(pd.DataFrame({"multiplier_asked": range(1, 9)})).values()
    used = {style.colour for style in (*styles(50).values(), *multipliers)} | {"#000000", "#444444", GREY}
    assert len(used) > 12
    for light, dark in twins(used).values():
        assert contrast(light, LIGHT_PAPER) >= 3 and contrast(dark, DARK_PAPER) >= 3
    assert contrast("#000000", LIGHT_PAPER) == 21 and on_dark("#E69F00") == "#E69F00"
    assert on_light("#0072B2") == "#0072B2" and on_light("#E69F00") != "#E69F00"
