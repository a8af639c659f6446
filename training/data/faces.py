"""Which face of a photograph its labels mean."""

from __future__ import annotations

from collections.abc import Sequence

from edge.sensor.types import Detection, Image


def nearest_centre(faces: Sequence[Detection], image: Image) -> Detection | None:
    """The face whose centre is nearest the picture's; None without a face."""
    height, width = image.shape[:2]
    return min(faces, key=lambda face: abs(complex(*face.box.centre) - complex(width / 2, height / 2)), default=None)
