"""Requirements that a detector must meet, as text: `ap50>=0.95`, `ap50@double>=0.93`, `clip_recall>=0.88`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.errors import UsageError, explain
from training.evaluation.bounds import is_within
from training.evaluation.detection.records import DetectionEvaluation, DetectionVerdict

_FORM = re.compile(r"\s*(\w+)\s*(?:@\s*([\w-]+)\s*)?(<=|>=)\s*(\d*\.?\d+)\s*")
MEASURES = (
    "ap50", "precision", "recall", "false_positives", "found", "landmark_error",
    "clip_recall", "clip_false_positives", "clip_best_recall", "wider_easy", "wider_medium", "wider_hard",
)  # fmt: skip
EXPECTED = "MEASURE[@SIZE]<=NUMBER or >=, such as ap50>=0.95 or ap50@double>=0.93"


@dataclass(frozen=True, slots=True)
class DetectionRequirement:
    """A bound on one measure. size: the input size of the detectors that it applies to, empty for all."""

    text: str
    measure: str
    size: str
    at_most: bool
    bound: float


def parse_detection_requirement(text: str) -> DetectionRequirement:
    """Read a requirement. Raises UsageError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UsageError(explain("not a requirement", where="--require", got=repr(text), expected=EXPECTED))
    measure, size, sign, number = found.groups()
    if measure not in MEASURES:
        raise UsageError(explain("no such measure", where="--require", got=measure, expected=", ".join(MEASURES)))
    return DetectionRequirement(text, measure, size or "", sign == "<=", float(number))


def judge_detectors(requirement: DetectionRequirement, evaluation: DetectionEvaluation) -> list[DetectionVerdict]:
    """A verdict for each detector and set that was measured; a single one, not met, where nothing was."""
    found = [
        DetectionVerdict(
            requirement=requirement.text,
            data_set=place,
            detector=name,
            value=value,
            met=is_within(value, requirement.bound, at_most=requirement.at_most),
        )
        for place, name, value in _values(requirement.measure, evaluation)
        if not requirement.size or name.endswith(f", {requirement.size}")
    ]
    missing = DetectionVerdict(requirement=requirement.text, data_set="", detector="", value=None, met=False)
    return found or [missing]


def _values(measure: str, evaluation: DetectionEvaluation) -> Iterator[tuple[str, str, float | None]]:
    """Data set or clip, detector and value of a measure, wherever it was taken."""
    if measure.startswith("clip_"):
        for clip in evaluation.clips:
            yield clip.clip, clip.detector, getattr(clip, measure.removeprefix("clip_"))
    elif measure.startswith("wider_"):
        for each in evaluation.wider:
            yield "WIDER FACE", each.detector, getattr(each, measure.removeprefix("wider_"))
    elif measure == "found":
        for portrait in evaluation.portraits:
            yield portrait.data_set, portrait.detector, portrait.found
    elif measure == "landmark_error":
        for landmark in evaluation.landmarks:
            yield landmark.data_set, landmark.detector, landmark.mean_error
    else:
        for result in evaluation.boxes:
            yield result.data_set, result.detector, getattr(result, measure)
