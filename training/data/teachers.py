"""Faces that several trained detectors find: labels for photographs that have none, landmarks for those that have
boxes.

A pseudo-label keeps how sure the teachers were, as in Hinton et al., "Distilling the Knowledge in a Neural Network",
2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.catalog.lookup import Catalog
from edge.sensor.assemble import open_networks
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import Box, Points, iou
from edge.sensor.types import Detection, Image
from edge.settings.settings import Attributes, Settings
from training.data.boxes import LabelledFace

SAME_FACE_IOU = 0.4
"""Teachers draw different boxes around the same face."""
TOUCHING_IOU = 0.15
"""A box that overlaps a labelled one this much is the same face, drawn differently."""
FAINTEST = 0.3
"""Fainter detections of teachers are ignored."""
SURE = 0.8
"""From this score on, a single teacher is believed."""
NO_POINTS: Points = np.full((5, 2), np.nan, np.float32)


@dataclass(frozen=True, slots=True)
class TaughtFace:
    """A face of a picture, as used in training.

    score: 0-1, how sure labels and teachers are. points: float32 (5, 2) px, NaN where no teacher gave any. ignored:
    neither face nor background.
    """

    box: Box
    score: float
    points: Points
    ignored: bool
    state: str = ""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A detector: one with landmarks draws faces, one without only confirms them."""

    name: str
    detector: NetworkDetector
    draws: bool

    def find(self, image: Image) -> list[Detection]:
        """Faces of a picture, best first."""
        self.detector.start(image)
        return [face for face in self.detector.wait() if face.score >= FAINTEST]


@contextmanager
def open_teachers(names: Sequence[str], settings: Settings, catalog: Catalog) -> Iterator[list[Teacher]]:
    """Open the detectors of model sets, each at its best: those that accept any size get pictures at their own size.

    Raises what opening raises.
    """
    with ExitStack() as opened:
        teachers = []
        for name in names:
            alone = replace(
                settings,
                models=replace(settings.models, set=name),
                attributes=Attributes(enabled=False),
                detection=replace(settings.detection, width_px=-1, low_score=FAINTEST),
            )
            networks = open_networks(alone, catalog)
            opened.callback(networks.detector.close)
            draws = any(word.startswith("kps") for word in networks.manifests[0].outputs)
            teachers.append(Teacher(name, networks.detector, draws))
        yield teachers


def teach(image: Image, labels: Sequence[LabelledFace] | None, teachers: Sequence[Teacher]) -> list[TaughtFace]:
    """The faces of a picture. labels: None where the picture has none, which is not the same as no face.

    A labelled face keeps its box and has a score of 1. What only teachers find is ignored on labelled pictures; on
    others it is a face if two of them, or one for sure, find it, and ignored if they disagree.
    """
    seen = join_sights([(teacher.draws, teacher.find(image)) for teacher in teachers])
    if labels is None:
        return [_pseudo_label(sights) for sights in seen]
    return _with_landmarks(labels, [_pseudo_label(sights) for sights in seen])


Sight = tuple[bool, Detection]


def join_sights(looks: Sequence[tuple[bool, Sequence[Detection]]]) -> list[list[Sight]]:
    """Group the teachers' detections by face: at most one per teacher."""
    faces: list[list[Sight]] = []
    for draws, found in looks:
        before = len(faces)
        for detection in found:
            overlaps = [iou(detection.box, face[0][1].box) for face in faces[:before]]
            best = int(np.argmax(overlaps)) if overlaps else -1
            if best >= 0 and overlaps[best] >= SAME_FACE_IOU:
                faces[best].append((draws, detection))
            else:
                faces.append([(draws, detection)])
    return faces


def _pseudo_label(sights: Sequence[Sight]) -> TaughtFace:
    drawn = [face for draws, face in sights if draws] or [face for _, face in sights]
    scores = [face.score for _, face in sights]
    best = max(scores)
    agreed = len(sights) >= 2 and best >= 0.5
    points = [face.landmarks for face in drawn if face.landmarks is not None]
    box = Box(*_mean([face.box.as_xyxy() for face in drawn]).tolist())
    mean_points = np.mean(points, axis=0).astype(np.float32) if points else NO_POINTS
    sure = agreed or best >= SURE
    has_points = any(draws for draws, _ in sights)
    return TaughtFace(box, float(np.mean(scores)), mean_points, ignored=not (sure and has_points))


def _with_landmarks(labels: Sequence[LabelledFace], seen: Sequence[TaughtFace]) -> list[TaughtFace]:
    free, faces = list(seen), list[TaughtFace]()
    for label in labels:
        overlaps = [iou(label.box, face.box) for face in free]
        best = int(np.argmax(overlaps)) if overlaps else -1
        points = NO_POINTS
        if best >= 0 and overlaps[best] >= SAME_FACE_IOU:
            points = free.pop(best).points
        faces.append(TaughtFace(label.box, 1.0, points, label.ignored, label.state))
    unlabelled = [face for face in free if all(iou(face.box, label.box) < TOUCHING_IOU for label in labels)]
    return [*faces, *(TaughtFace(face.box, face.score, face.points, ignored=True) for face in unlabelled)]


def _mean(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return np.asarray(np.mean(np.array(rows, np.float64), axis=0))
