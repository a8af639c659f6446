"""Which faces of a clip count: those that YuNet finds at the picture's full size."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from edge.catalog.lookup import open_catalog
from edge.sensor.assemble import open_networks
from edge.sensor.geometry import iou
from edge.sensor.types import Detection as Face
from edge.sensor.types import Image
from edge.settings.settings import Attributes, Detection, Models, Settings

REFERENCE = "best"
REFERENCE_SCORE = 0.7
SAME_FACE_IOU = 0.5


def reference_faces(settings: Settings, images: Sequence[Image]) -> list[list[Face]]:
    """Faces of each image by YuNet at full size, score at least 0.7."""
    wanted = replace(
        settings,
        models=Models(set=REFERENCE, targets=settings.models.targets),
        attributes=Attributes(enabled=False),
        detection=Detection(width_px=-1, low_score=REFERENCE_SCORE),
    )
    detector = open_networks(wanted, open_catalog()).detector
    found = []
    for image in images:
        detector.start(image)
        found.append(list(detector.wait()))
    return found


def count_found(reference: Sequence[Sequence[Face]], seen: Sequence[Sequence[Face]]) -> int:
    """Faces of the reference that overlap a seen face of the same frame by at least half; each seen one counts once."""
    return sum(_matches(wanted, found) for wanted, found in zip(reference, seen, strict=True))


def _matches(wanted: Sequence[Face], found: Sequence[Face]) -> int:
    left = list(found)
    count = 0
    for face in wanted:
        best = max(left, key=lambda other: iou(face.box, other.box), default=None)
        if best is not None and iou(face.box, best.box) >= SAME_FACE_IOU:
            left.remove(best)
            count += 1
    return count
