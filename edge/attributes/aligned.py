"""A whole picture taken for one face that is aligned already."""

from __future__ import annotations

from typing import Final

from edge.geometry import Box
from edge.imaging import TEMPLATES
from edge.types import Detection

TEMPLATE: Final = "utkface-112"
"""Where the five landmarks lie in an aligned picture."""


def aligned_face(side: int, margin: float) -> Detection:
    """The face of an aligned square picture of `side` px.

    A network that wants a face by its landmarks gets those of the template the picture was aligned to, one that wants
    the surroundings of a box (margin, as in a manifest's crop) a box whose surroundings are the picture: each is fed
    what alignment would have given.
    """
    template_side, points = TEMPLATES[TEMPLATE]
    border = side * margin / (1 + 2 * margin)
    return Detection(Box(border, border, side - border, side - border), 1.0, points * (side / template_side))
