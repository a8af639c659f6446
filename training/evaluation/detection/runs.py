"""Detectors over data sets and clips: the part of the evaluation that opens them one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge import __version__
from edge.catalog.lookup import Catalog
from edge.errors import BadInput
from edge.sensor.sources.opening import open_source
from edge.sensor.types import Detection, Image
from edge.settings.settings import Settings
from edge.terminal.progress import Progress
from edge.workbench.labelled.samples import Photographs
from training.data.boxes import BoxedPhotographs, keep_inside
from training.data.collection import LeftOut, Reading
from training.evaluation.detection.clip_scoring import score_clip
from training.evaluation.detection.detectors import OWN, DetectorSubject, InputSize, open_detector, parse_size
from training.evaluation.detection.records import (
    BoxResult,
    ClipResult,
    DetectionEvaluation,
    LandmarkResult,
    PortraitResult,
    WiderResult,
)
from training.evaluation.detection.scoring import as_found, landmark_errors, picture_result, score_boxes
from training.evaluation.detection.wider import LEVELS, Counted, average_precision

Faces = list[Detection]


@dataclass(frozen=True, slots=True)
class Work:
    """What is evaluated, and on what.

    detectors: names of model sets or folders; each is run at every size. references: model sets that decide where the
    faces of clips and the landmarks are; the first two give landmarks. clip_width_px: longer side of their input on
    clips. most_false: false positives per frame that are allowed at the best score.
    """

    detectors: Sequence[str]
    sizes: Sequence[InputSize]
    boxed: Sequence[BoxedPhotographs]
    portraits: Sequence[Photographs]
    clips: Sequence[str]
    references: Sequence[str]
    wider: dict[str, Counted]
    smallest_px: float
    smallest_in_clip_px: float
    clip_width_px: int
    most_false: float
    landmarks_from_px: float = 40.0


def evaluate_detectors(work: Work, settings: Settings, catalog: Catalog, progress: Progress) -> DetectionEvaluation:
    """Evaluate everything, one detector at a time. The caller adds the verdicts."""
    found = _Results()
    taught = {each.name: _reference_faces(each, work, settings, catalog, progress) for each in work.portraits}
    clips = {clip: _clip_references(clip, work, settings, catalog) for clip in work.clips}
    for name in work.detectors:
        for size in work.sizes:
            with open_detector(name, size, settings, catalog) as subject:
                _score_sets(subject, work, taught, found, progress)
        with open_detector(name, parse_size(str(work.clip_width_px)), settings, catalog) as subject:
            for clip, references in clips.items():
                found.clips.append(_score_clip(clip, subject, references, work, settings))
    return DetectionEvaluation(
        version=__version__,
        warnings=list(dict.fromkeys(found.warnings)),
        boxes=found.boxes,
        portraits=found.portraits,
        landmarks=found.landmarks,
        clips=found.clips,
        wider=found.wider,
        verdicts=[],
    )


class _Results:
    """What has been measured so far."""

    def __init__(self) -> None:
        self.boxes: list[BoxResult] = []
        self.portraits: list[PortraitResult] = []
        self.landmarks: list[LandmarkResult] = []
        self.clips: list[ClipResult] = []
        self.wider: list[WiderResult] = []
        self.warnings: list[str] = []


def _score_sets(
    subject: DetectorSubject, work: Work, taught: dict[str, list[list[Faces]]], found: _Results, progress: Progress
) -> None:
    for boxed in work.boxed:
        found.boxes.append(_score_boxed(subject, boxed, work, found, progress))
    for photographs in work.portraits:
        pictures = [subject.find(image) for image in _images(photographs, subject.name, found.warnings, progress)]
        seen = [any(face.score >= subject.score for face in faces) for faces in pictures]
        found.portraits.append(
            PortraitResult(
                data_set=photographs.name, detector=subject.name, photographs=len(seen),
                found=sum(seen) / max(len(seen), 1),
            )
        )  # fmt: skip
        found.landmarks.append(_score_landmarks(subject, photographs.name, pictures, taught[photographs.name], work))


def _score_boxed(
    subject: DetectorSubject, boxed: BoxedPhotographs, work: Work, found: _Results, progress: Progress
) -> BoxResult:
    progress.begin(f"{subject.name}: {boxed.name}", lambda: len(boxed.samples))
    reading, outside, pictures, by_path = Reading(boxed.photographs), LeftOut(), [], {}
    for sample, image in reading:
        faces = subject.find(image)
        by_path[sample.path] = as_found(faces)
        labels = keep_inside(boxed.faces[sample.path], image, sample.path, outside)
        pictures.append(picture_result(image, labels, faces))
        progress.tick()
    found.warnings += [*reading.left_out, *outside.lines(boxed.name)]
    if work.wider:
        precisions = {level: average_precision(work.wider[level], by_path) for level in LEVELS}
        found.wider.append(WiderResult(detector=subject.name, **precisions))
    return score_boxes(
        boxed.name, subject.name, subject.detector.target, pictures, score=subject.score, smallest_px=work.smallest_px
    )


def _images(photographs: Photographs, name: str, warnings: list[str], progress: Progress) -> Iterator[Image]:
    progress.begin(f"{name}: {photographs.name}", lambda: len(photographs.samples))
    reading = Reading(photographs)
    for _, image in reading:
        yield image
        progress.tick()
    warnings += reading.left_out


def _score_landmarks(
    subject: DetectorSubject,
    data_set: str,
    pictures: Sequence[Faces],
    references: Sequence[Sequence[Faces]],
    work: Work,
) -> LandmarkResult:
    errors = sorted(landmark_errors(pictures, references, score=subject.score, smallest_px=work.landmarks_from_px))
    return LandmarkResult(
        data_set=data_set,
        detector=subject.name,
        faces=len(errors),
        mean_error=sum(errors) / len(errors) if errors else None,
        error_90=errors[int(0.9 * (len(errors) - 1))] if errors else None,
    )


def _reference_faces(
    photographs: Photographs, work: Work, settings: Settings, catalog: Catalog, progress: Progress
) -> list[list[Faces]]:
    """For each photograph, the sure faces of the references that give landmarks, at the picture's own size."""
    with ExitStack() as opened:
        subjects = [
            opened.enter_context(open_detector(name, parse_size(OWN), settings, catalog))
            for name in work.references[:2]
        ]
        images = _images(photographs, "references", [], progress)
        return [[_sure(subject, image) for subject in subjects] for image in images]


def _clip_references(clip: str, work: Work, settings: Settings, catalog: Catalog) -> list[list[Faces]]:
    """For each frame, the sure faces of every reference, at the frame's own size."""
    with ExitStack() as opened:
        subjects = [
            opened.enter_context(open_detector(name, parse_size(OWN), settings, catalog)) for name in work.references
        ]
        return [[_sure(subject, image) for subject in subjects] for image in frames_of(clip, settings)]


def _score_clip(
    clip: str, subject: DetectorSubject, references: Sequence[Sequence[Faces]], work: Work, settings: Settings
) -> ClipResult:
    frames = [subject.find(image) for image in frames_of(clip, settings)]
    return score_clip(
        Path(clip).name, subject.name, frames, references, score=subject.score,
        smallest_px=work.smallest_in_clip_px, most_false=work.most_false,
    )  # fmt: skip


def frames_of(clip: str, settings: Settings) -> Iterator[Image]:
    """Pictures of a clip. Raises BadInput for a camera, and what opening raises."""
    source = open_source(clip, settings.camera, start_at=0.0)
    if source.live:
        source.close()
        raise BadInput(f"{clip}: a camera never ends; give a clip")
    try:
        while (frame := source.read()) is not None:
            yield frame.image
    finally:
        source.close()


def _sure(subject: DetectorSubject, image: Image) -> Faces:
    return [face for face in subject.find(image) if face.score >= subject.score]
