"""The result of an evaluation of detectors, as types: the JSON that `passerby evaluate detection --json` prints."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]


class _Record(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class CurvePoint(_Record, frozen=True, kw_only=True):
    """Precision and recall from one score on."""

    score: Share
    precision: Share
    recall: Share


class FaceSlice(_Record, frozen=True, kw_only=True):
    """Recall of some of the faces at the manifest's score."""

    by: Annotated[str, Meta(description="size, state or brightness.")]
    name: str
    faces: int
    recall: Share


class BoxResult(_Record, frozen=True, kw_only=True):
    """A detector on photographs whose faces all have boxes.

    ap50, precision, recall and false positives count faces of at least `smallest_px`; slices by size count all.
    """

    data_set: str
    detector: str
    target: str
    pictures: int
    faces: int
    smallest_px: float
    score: Share
    ap50: float | None
    precision: float | None
    recall: float | None
    false_positives: Annotated[float, Meta(ge=0, description="False positives per picture.")]
    slices: list[FaceSlice]
    curve: list[CurvePoint]


class PortraitResult(_Record, frozen=True, kw_only=True):
    """A detector on photographs of one person each."""

    data_set: str
    detector: str
    photographs: int
    found: Annotated[Share, Meta(description="Share with a face at the manifest's score.")]


class LandmarkResult(_Record, frozen=True, kw_only=True):
    """Landmarks against the mean of the references', as a share of the box's side."""

    data_set: str
    detector: str
    faces: int
    mean_error: float | None
    error_90: Annotated[float | None, Meta(description="Nine in ten faces have a smaller error.")]


class ClipResult(_Record, frozen=True, kw_only=True):
    """A detector on a clip, where a face is what two references agree on, and background is where none sees a face."""

    clip: str
    detector: str
    frames: int
    faces: int
    smallest_px: float
    score: Share
    recall: float | None
    false_positives: Annotated[float, Meta(ge=0, description="False positives per frame.")]
    best_recall: Annotated[
        float | None, Meta(description="Recall at the lowest score with no more than the allowed false positives.")
    ]
    best_score: float


class WiderResult(_Record, frozen=True, kw_only=True):
    """Average precision by WIDER FACE's own protocol."""

    detector: str
    easy: float
    medium: float
    hard: float


class DetectionVerdict(_Record, frozen=True, kw_only=True):
    """Whether a detector meets a requirement."""

    requirement: str
    data_set: str
    detector: str
    value: float | None
    met: bool


class DetectionEvaluation(_Record, frozen=True, kw_only=True):
    """A whole evaluation."""

    version: str
    warnings: list[str]
    boxes: list[BoxResult]
    portraits: list[PortraitResult]
    landmarks: list[LandmarkResult]
    clips: list[ClipResult]
    wider: list[WiderResult]
    verdicts: list[DetectionVerdict]
