"""The faces of single photographs, one call for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.ports import Detector
from edge.types import Detection, Image

FindFaces = Callable[[Image], Sequence[Detection]]
"""Faces of a uint8 (H, W, 3) BGR image, best first, in its px."""


def find_with(detector: Detector, least_score: float) -> FindFaces:
    """A function that gives the faces with at least this score (0-1)."""

    def find(image: Image) -> Sequence[Detection]:
        detector.start(image)
        return [face for face in detector.wait() if face.score >= least_score]

    return find
