"""The faces of photographs: found in one call, taken as aligned, or the one that a label means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from edge.sensor.geometry import Box
from edge.sensor.imaging import TEMPLATES
from edge.sensor.ports import Detector
from edge.sensor.types import Detection, Image

FindFaces = Callable[[Image], Sequence[Detection]]
"""Faces of a uint8 (H, W, 3) BGR image, best first, in its px."""


def find_with(detector: Detector, least_score: float) -> FindFaces:
    """A function that gives the faces with at least this score (0-1)."""

    def find(image: Image) -> Sequence[Detection]:
        detector.start(image)
        return [face for face in detector.wait() if face.score >= least_score]

    return find


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


def nearest_centre(faces: Sequence[Detection], image: Image) -> Detection | None:
    """The face whose centre is nearest the picture's; None without a face."""
    height, width = image.shape[:2]
    return min(faces, key=lambda face: abs(complex(*face.box.centre) - complex(width / 2, height / 2)), default=None)
