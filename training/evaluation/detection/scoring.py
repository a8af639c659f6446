"""From the faces that a detector finds in labelled pictures to measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.sensor.geometry import Box, iou
from edge.sensor.imaging import brightness, grey_face
from edge.sensor.types import Detection, Image
from training.data.boxes import LabelledFace
from training.evaluation.detection.boxes import Curve, Found, Truth, make_curve, match, sides
from training.evaluation.detection.detectors import as_boxes
from training.evaluation.detection.records import BoxResult, CurvePoint, FaceSlice

SIZES_PX = ((8, 16), (16, 24), (24, 32), (32, 64), (64, 128), (128, 4096))
DARK, BRIGHT = 70.0, 150.0
"""Mean grey level, 0-255, below which a face is dark and from which on it is bright."""
CURVE_POINTS = 200


@dataclass(frozen=True, slots=True)
class PictureResult:
    """One picture: labels, what was found, and how bright each labelled face is (float64 (F,), 0-255)."""

    labels: Sequence[LabelledFace]
    found: Found
    brightness: NDArray[np.float64]


def picture_result(image: Image, labels: Sequence[LabelledFace], faces: Sequence[Detection]) -> PictureResult:
    """Put a picture's labels and detections side by side."""
    levels = [brightness(grey_face(image, label.box)) for label in labels]
    return PictureResult(labels, as_found(faces), np.array(levels, np.float64))


def as_found(faces: Sequence[Detection]) -> Found:
    """Detections as columns, best first."""
    return Found(as_boxes(faces), np.array([face.score for face in faces], np.float64))


def score_boxes(
    data_set: str, detector: str, target: str, pictures: Sequence[PictureResult], *, score: float, smallest_px: float
) -> BoxResult:
    """Measures of one detector on one set."""
    curve = make_curve([match(_truth(each, smallest_px), each.found, smallest_px=smallest_px) for each in pictures])
    return BoxResult(
        data_set=data_set,
        detector=detector,
        target=target,
        pictures=len(pictures),
        faces=curve.faces,
        smallest_px=smallest_px,
        score=score,
        ap50=curve.average_precision if curve.faces else None,
        precision=_precision_at(curve, score),
        recall=curve.recall_at(score) if curve.faces else None,
        false_positives=curve.false_positives_at(score),
        slices=_slices(pictures, score, smallest_px),
        curve=_thin(curve),
    )


def _truth(picture: PictureResult, smallest_px: float) -> Truth:
    boxes = _boxes(picture.labels)
    ignored = np.array([label.ignored for label in picture.labels], np.bool_)
    return Truth(boxes, ~ignored & (sides(boxes) >= smallest_px))


def _boxes(labels: Sequence[LabelledFace]) -> NDArray[np.float64]:
    return np.array([label.box.as_xyxy() for label in labels], np.float64).reshape(-1, 4)


def _slices(pictures: Sequence[PictureResult], score: float, smallest_px: float) -> list[FaceSlice]:
    """Recall by size of all faces, by state and brightness of those that are large enough."""
    hits = np.concatenate([_hits(each, score) for each in pictures] or [np.zeros(0, np.bool_)])
    labels = [label for each in pictures for label in each.labels]
    size = sides(_boxes(labels))
    light = np.concatenate([each.brightness for each in pictures] or [np.zeros(0)])
    states = np.array([label.state for label in labels], np.str_)
    counted = ~np.array([label.ignored for label in labels], np.bool_)
    large = counted & (size >= smallest_px)
    kinds: list[tuple[str, str, NDArray[np.bool_]]] = [
        ("size", f"{low}-{high} px" if high < 4096 else f"{low} px and more", counted & (size >= low) & (size < high))
        for low, high in SIZES_PX
    ]
    kinds += [("state", str(state), large & (states == state)) for state in np.unique(states) if state]
    kinds += [
        ("brightness", "dark", large & (light < DARK)),
        ("brightness", "middle", large & (light >= DARK) & (light < BRIGHT)),
        ("brightness", "bright", large & (light >= BRIGHT)),
    ]
    return [
        FaceSlice(by=by, name=name, faces=int(chosen.sum()), recall=float(hits[chosen].mean()))
        for by, name, chosen in kinds
        if chosen.any()
    ]


def _hits(picture: PictureResult, score: float) -> NDArray[np.bool_]:
    """Which labelled faces are found from that score on, bool (F,)."""
    hits = np.zeros(len(picture.labels), np.bool_)
    kept = picture.found.scores >= score
    everything = Truth(_boxes(picture.labels), np.ones(len(picture.labels), np.bool_))
    matched = match(everything, Found(picture.found.boxes[kept], picture.found.scores[kept]))
    hits[matched.of_found[matched.of_found >= 0]] = True
    return hits


def _precision_at(curve: Curve, score: float) -> float | None:
    count = int((curve.scores >= score).sum())
    return float(curve.precision[count - 1]) if count else None


def _thin(curve: Curve) -> list[CurvePoint]:
    """At most `CURVE_POINTS` points, evenly along the curve."""
    positions = np.unique(np.linspace(0, len(curve.scores) - 1, min(CURVE_POINTS, len(curve.scores))).astype(int))
    return [
        CurvePoint(
            score=float(curve.scores[each]), precision=float(curve.precision[each]), recall=float(curve.recall[each])
        )
        for each in positions.tolist()
    ]


def landmark_errors(
    found_faces: Iterable[Sequence[Detection]], references: Iterable[Sequence[Sequence[Detection]]], *,
    score: float, smallest_px: float,
) -> list[float]:  # fmt: skip
    """Mean distance of the five landmarks from the references' mean, as shares of the box's side, one per face.

    found_faces: for each picture, the detector's faces. references: for each picture, the faces of each reference; a
    face counts if all of them find it with landmarks.
    """
    errors = []
    for faces, others in zip(found_faces, references, strict=True):
        certain = [face for face in faces if face.score >= score and face.landmarks is not None]
        for first in others[0] if others else ():
            same = [_same_face(first.box, each) for each in others]
            found = _same_face(first.box, certain)
            points = [each.landmarks for each in same if each is not None and each.landmarks is not None]
            if len(points) == len(others) and found is not None and first.box.side >= smallest_px:
                assert found.landmarks is not None
                distances = np.linalg.norm(found.landmarks - np.mean(points, axis=0), axis=1)
                errors.append(float(distances.mean() / first.box.side))
    return errors


def _same_face(box: Box, faces: Sequence[Detection]) -> Detection | None:
    best = max(faces, key=lambda face: iou(box, face.box), default=None)
    return best if best is not None and iou(box, best.box) >= 0.5 else None
