"""Looks at retaken, masked and boxed photographs, with the quality that the pipeline gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from edge.sensor.types import AttributeEstimate, Detection, Image, Track, TrackState
from edge.sensor.visits.quality import rate_look
from edge.workbench.faces import nearest_centre
from edge.workbench.labelled.samples import Sample
from training.data.boxes import LabelledFace, keep_inside
from training.data.collection import LeftOut, Reading
from training.evaluation.detection.boxes import overlap_matrix
from training.evaluation.detection.detectors import as_boxes
from training.evaluation.gate.retakes import CameraRange, retake
from training.evaluation.subject import Subject
from training.runs.masks import draw_mask

SAME_FACE_IOU = 0.4
Looks = list[AttributeEstimate | None]
Tick = Callable[[], None]


def retaken_looks(
    subject: Subject, reading: Reading, retakes: int, seed: int, tick: Tick
) -> tuple[list[Sample], list[AttributeEstimate]]:
    """A look at each photograph's face in each of its retaken pictures, where the detector finds one."""
    samples, looks = list[Sample](), list[AttributeEstimate]()
    for index, (sample, image) in enumerate(reading):
        random = np.random.default_rng((seed, index))
        for _ in range(retakes):
            look = _look_at_middle(subject, retake(image, random, CameraRange()))
            if look is not None:
                samples.append(sample)
                looks.append(look)
        tick()
    return samples, looks


def masked_looks(subject: Subject, reading: Reading, seed: int, tick: Tick) -> tuple[list[Sample], Looks, Looks]:
    """A look at each photograph in which a face is found, and one with a mask drawn over it."""
    samples, plain, masked = list[Sample](), Looks(), Looks()
    for index, (sample, image) in enumerate(reading):
        face = _middle_face(subject, image)
        if face is not None and face.landmarks is not None:
            samples.append(sample)
            plain.append(_look(subject, image, face))
            masked.append(_look_at_middle(subject, _with_mask(image, face, np.random.default_rng((seed, index)))))
        tick()
    return samples, plain, masked


def boxed_looks(
    subject: Subject, reading: Reading, faces: Mapping[str, Sequence[LabelledFace]], smallest_px: float,
    outside: LeftOut, tick: Tick,
) -> dict[str, Looks]:  # fmt: skip
    """A look at each labelled face that is large enough, None where it is not found, by what covers the face.

    Faces outside their picture are counted in `outside`.
    """
    found: dict[str, Looks] = {}
    for sample, image in reading:
        seen = _faces(subject, image)
        for label in keep_inside(faces[sample.path], image, sample.path, outside):
            if not label.ignored and label.box.side >= smallest_px:
                overlaps = overlap_matrix(np.array([label.box.as_xyxy()]), as_boxes(seen))[0]
                best = int(overlaps.argmax()) if len(overlaps) else -1
                face = seen[best] if best >= 0 and overlaps[best] >= SAME_FACE_IOU else None
                found.setdefault(label.state or "face", []).append(
                    None if face is None else _look(subject, image, face)
                )
        tick()
    return found


def _look_at_middle(subject: Subject, image: Image) -> AttributeEstimate | None:
    face = _middle_face(subject, image)
    return None if face is None else _look(subject, image, face)


def _middle_face(subject: Subject, image: Image) -> Detection | None:
    return nearest_centre(_faces(subject, image), image)


def _faces(subject: Subject, image: Image) -> Sequence[Detection]:
    assert subject.detector is not None
    subject.detector.start(image)
    return [face for face in subject.detector.wait() if face.score >= subject.least_score]


def _look(subject: Subject, image: Image, face: Detection) -> AttributeEstimate:
    """The estimate with the quality that a track's look of this face would have."""
    track = Track(0, TrackState.CONFIRMED, face.box, face.score, face.landmarks, 0.0, 0.0, detected=True)
    subject.estimator.start(image, [face], [rate_look(image, track)])
    (look,) = subject.estimator.wait()
    return look


def _with_mask(image: Image, face: Detection, random: np.random.Generator) -> Image:
    assert face.landmarks is not None
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1).float()
    draw_mask(picture, np.array(face.box.as_xyxy(), np.float32), face.landmarks, random)
    return np.ascontiguousarray(picture.round().clamp(0, 255).byte().permute(1, 2, 0).numpy())
