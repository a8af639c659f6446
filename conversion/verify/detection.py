"""Compares a detector with its float reference: does it find the same faces, in the same places?"""

from __future__ import annotations

from collections.abc import Sequence

from conversion.verify.networks import Outputs
from conversion.verify.verdict import Share
from edge.catalog.manifest import Manifest
from edge.sensor.detection.detector import read_faces
from edge.sensor.geometry import Box, iou

LEAST_FACE_PX = 20.0
"""Faces whose shorter side is less do not count; px of the photograph."""
SAME_FACE_IOU = 0.5

DETECTION_METRICS = ("faces", "recall", "precision", "mean_iou")
"""Metrics that a gate may name."""

Px = tuple[float, float]


class DetectionTally:
    """Counts the faces found, missed and invented, over all pictures."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._expected = self._recalled = self._found = self._right = 0
        self._overlaps = 0.0

    def add(self, reference: Outputs, artefact: Outputs, px: Px) -> None:
        """Add one picture's outputs. px: px of the photograph that one px of the input stands for, across and down."""
        wanted, given = _faces(self._manifest, reference, px), _faces(self._manifest, artefact, px)
        large, large_given = [box for box in wanted if _counts(box)], [box for box in given if _counts(box)]
        matched = _match(large, given)
        self._expected += len(large)
        self._recalled += len(matched)
        self._overlaps += sum(matched)
        self._found += len(large_given)
        self._right += len(_match(large_given, wanted))

    def shares(self) -> dict[str, Share]:
        """Wrong faces out of all, for the metrics that are a share of faces."""
        lost, invented = self._expected - self._recalled, self._found - self._right
        return {"recall": Share(lost, self._expected), "precision": Share(invented, self._found)}

    def metrics(self) -> dict[str, float]:
        """Recall and precision against the reference, mean IoU of matched faces, number of the reference's faces."""
        return {
            "faces": float(self._expected),
            "recall": self._recalled / self._expected if self._expected else 0.0,
            "precision": self._right / self._found if self._found else float(not self._expected),
            "mean_iou": self._overlaps / self._recalled if self._recalled else 0.0,
        }


def _faces(manifest: Manifest, outputs: Outputs, px: Px) -> list[Box]:
    """Boxes with at least the manifest's score, in px of the photograph."""
    hw = manifest.input.height_px, manifest.input.width_px
    score = manifest.thresholds.score if manifest.thresholds else 0.5
    return [face.box for face in read_faces(manifest, outputs, hw, px) if face.score >= score]


def _counts(box: Box) -> bool:
    return min(box.width, box.height) >= LEAST_FACE_PX


def _match(boxes: Sequence[Box], others: Sequence[Box]) -> list[float]:
    """IoU of each matched pair: best overlaps first, each box used once."""
    pairs = sorted(((iou(box, other), i, j) for i, box in enumerate(boxes) for j, other in enumerate(others)))
    used_boxes: set[int] = set()
    used_others: set[int] = set()
    found = []
    for overlap, i, j in reversed(pairs):
        if overlap >= SAME_FACE_IOU and i not in used_boxes and j not in used_others:
            used_boxes.add(i)
            used_others.add(j)
            found.append(overlap)
    return found
