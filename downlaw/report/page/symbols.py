"""Marks of a legend as small SVG images, the same as in the figures."""

from __future__ import annotations

_SHAPES = {
    "o": '<circle cx="7" cy="7" r="4.6"/>',
    "s": '<rect x="2.6" y="2.6" width="8.8" height="8.8"/>',
    "^": '<path d="M7 1.8 12.4 11.6H1.6z"/>',
    "v": '<path d="M7 12.2 12.4 2.4H1.6z"/>',
    ">": '<path d="M12.2 7 2.4 12.4V1.6z"/>',
    "<": '<path d="M1.8 7 11.6 12.4V1.6z"/>',
    "D": '<path d="M7 1 13 7 7 13 1 7z"/>',
    "P": '<path d="M5 1.6h4V5h3.4v4H9v3.4H5V9H1.6V5H5z"/>',
    "X": (
        '<path d="M3.4 1.2 7 4.8l3.6-3.6 2.2 2.2L9.2 7l3.6 3.6'
        '-2.2 2.2L7 9.2l-3.6 3.6-2.2-2.2L4.8 7 1.2 3.4z"/>'
    ),
    "x": '<path d="M2.6 2.6l8.8 8.8M11.4 2.6l-8.8 8.8" stroke="currentColor" stroke-width="2"/>',
    "": '<path d="M1 7h12" stroke="currentColor" stroke-width="2.4"/>',
}


SYMBOL_IDS = {marker: f"mark-{place}" for place, marker in enumerate(_SHAPES)}
"""The id of each mark in the sprite, by matplotlib's name."""


def sprite() -> str:
    """All marks, to be used by their ids, in the colour of the text around them."""
    marks = (
        f'<symbol id="{SYMBOL_IDS[name]}" viewBox="0 0 14 14">{shape}</symbol>'
        for name, shape in _SHAPES.items()
    )
    return f'<svg width="0" height="0" class="sprite" aria-hidden="true">{"".join(marks)}</svg>'
