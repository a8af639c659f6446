"""A detector on a clip without labels, by the rule of a majority: a face is what two of the references agree on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.sensor.types import Detection
from training.evaluation.detection.boxes import Found, Matched, Truth, make_curve, match, overlap_matrix, sides
from training.evaluation.detection.detectors import as_boxes
from training.evaluation.detection.records import ClipResult

AGREEING = 2
SAME_FACE_IOU = 0.4
"""References draw different boxes around the same face."""
SEEN_IOU = 0.2
"""A detection that overlaps a reference's face this much is not a false positive."""


def agreed_faces(looks: Sequence[Sequence[Detection]]) -> NDArray[np.float64]:
    """Boxes of a frame that at least two of the references see, float64 (F, 4): the first one's box of each face."""
    boxes = [as_boxes(faces) for faces in looks]
    kept: list[NDArray[np.float64]] = []
    for number, own in enumerate(boxes):
        for box in own:
            others = [each for place, each in enumerate(boxes) if place != number]
            votes = 1 + sum(_touches(box, each, SAME_FACE_IOU) for each in others)
            if votes >= AGREEING and not any(_touches(box, each[None], SAME_FACE_IOU) for each in kept):
                kept.append(box)
    return np.array(kept, np.float64).reshape(-1, 4)


def score_clip(
    clip: str, detector: str, frames: Sequence[Sequence[Detection]],
    references: Sequence[Sequence[Sequence[Detection]]], *,
    score: float, smallest_px: float, most_false: float,
) -> ClipResult:  # fmt: skip
    """Recall and false positives of a detector's frames.

    references: for each frame, the faces of each reference at its own score. most_false: false positives per frame that
    are allowed at the best score.
    """
    curve = make_curve(
        [_match_frame(found, looks, smallest_px) for found, looks in zip(frames, references, strict=True)]
    )
    best = curve.score_for(most_false)
    return ClipResult(
        clip=clip,
        detector=detector,
        frames=len(frames),
        faces=curve.faces,
        smallest_px=smallest_px,
        score=score,
        recall=curve.recall_at(score) if curve.faces else None,
        false_positives=curve.false_positives_at(score),
        best_recall=curve.recall_at(best) if curve.faces else None,
        best_score=best,
    )


def _match_frame(found: Sequence[Detection], looks: Sequence[Sequence[Detection]], smallest_px: float) -> Matched:
    """Faces that only one reference sees, and small ones, do not count."""
    agreed = agreed_faces(looks)
    seen = np.concatenate([as_boxes(faces) for faces in looks])
    boxes = np.concatenate((agreed, seen))
    counted = np.zeros(len(boxes), np.bool_)
    counted[: len(agreed)] = sides(agreed) >= smallest_px
    own = Found(as_boxes(found), np.array([face.score for face in found], np.float64))
    matched = match(Truth(boxes, counted), own, same_iou=SAME_FACE_IOU)
    touching = (
        (overlap_matrix(own.boxes, seen) >= SEEN_IOU).any(axis=1) if len(seen) else np.zeros(len(found), np.bool_)
    )
    of_found = np.where((matched.of_found == -1) & touching, -2, matched.of_found)
    return Matched(of_found, matched.scores, matched.faces)


def _touches(box: NDArray[np.float64], others: NDArray[np.float64], least: float) -> bool:
    return bool(len(others)) and bool((overlap_matrix(box[None], others) >= least).any())
