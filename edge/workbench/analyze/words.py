"""Faces and visits in words, for people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.schemas.analyze import AnalyzeError, AnalyzeLine, Face
from edge.schemas.interval import Interval, interval_of
from edge.schemas.taxonomy import Taxonomy
from edge.sensor.visits.attention import is_facing
from edge.sensor.visits.pose import estimate_pose
from edge.settings.settings import Attention
from edge.workbench.analyze.listening import Seen, Visited, Watched

UNKNOWN = "unknown"
UNTRAINED = "untrained"
"""Said instead of a label where the networks have random weights."""


class TextLines:
    """Writes lines for people; faces of footage are too many, so of that only visits. Implements `Listener`.

    Failures are left to stderr.
    """

    def __init__(self, write: Callable[[str], None], taxonomy: Taxonomy, *, untrained: bool) -> None:
        self._write, self._taxonomy, self._untrained = write, taxonomy, untrained

    def seen(self, seen: Seen) -> None:
        """Write a picture's faces, best first."""
        if not seen.moving:
            self._write("\n".join([_heading(seen.line), *(self._face(face) for face in seen.line.faces)]))

    def visited(self, visit: Visited) -> None:
        """Write a visit."""
        summary = visit.summary
        glances = f"{summary.glances} glance{'' if summary.glances == 1 else 's'}"
        stay = f"stayed {summary.dwell_s:5.1f} s, watched {summary.attention_s:5.1f} s ({glances})"
        self._write(f"  at {_clock(visit.since_s)}  {stay:45}  {self._visitor(visit)}")

    def failed(self, failure: AnalyzeError) -> None:
        """Write nothing."""

    def ended(self, watched: Watched) -> None:
        """Write what there was of footage."""
        rate = f"{watched.frames} frames, {watched.duration_s:.1f} s"
        visits = {0: "no visit", 1: "1 visit"}.get(watched.visits, f"{watched.visits} visits")
        self._write(f"{watched.source}: {watched.width}x{watched.height}, {rate}, {visits}")

    def _face(self, face: Face) -> str:
        width, height = face.box[2] - face.box[0], face.box[3] - face.box[1]
        place = f"{width:.0f}x{height:.0f} px at {face.box[0]:.0f}, {face.box[1]:.0f}"
        years = f" ({face.age.years:.0f} years)" if face.age and face.age.years is not None else ""
        return (
            f"  {', '.join(describe(face, untrained=self._untrained)) + years:42}  {place:28}  score {face.score:.2f}"
        )

    def _visitor(self, visit: Visited) -> str:
        gender, age = visit.summary.gender, visit.summary.age
        if gender is None and age is None:
            return "no look at the face"
        if self._untrained:
            return UNTRAINED
        words = [] if gender is None else [_sure("gender", gender.label, gender.confidence)]
        if age is not None:
            bracket = UNKNOWN if age.bracket is None else self._taxonomy.brackets[age.bracket].label
            words.append(_age(bracket, age.confidence, interval_of(self._taxonomy, age.interval)))
        return ", ".join(words)


def describe(face: Face, *, untrained: bool = False) -> list[str]:
    """Gender and bracket of a face with their confidences; nothing where nobody asked."""
    if face.gender is None and face.age is None:
        return []
    if untrained:
        return [UNTRAINED]
    words = [] if face.gender is None else [_sure("gender", face.gender.label, face.gender.confidence)]
    age = face.age
    return words + ([] if age is None else [_age(age.bracket, age.confidence, age.interval)])


def caption(face: Face, *, untrained: bool = False) -> list[str]:
    """As `describe`, in fewer words, for drawing beside a face: short lines of ASCII, known ones only if there are."""
    words = describe(face, untrained=untrained)
    known = [word for word in words if not word.endswith(UNKNOWN)]
    return known or ([UNKNOWN] if words else [])


def live_caption(face: Face, attention: Attention, *, untrained: bool = False) -> list[str]:
    """As `caption`, and the track with whether the face is turned to the screen now, where that is known."""
    pose = estimate_pose(np.array(face.landmarks, np.float32)) if face.landmarks else None
    words = [] if face.track_id is None else [f"#{face.track_id}"]
    if pose is not None:
        words.append("watching" if is_facing(pose, attention) else "looks away")
    return [*caption(face, untrained=untrained), *([" ".join(words)] if words else [])]


def _sure(what: str, label: str, confidence: float) -> str:
    return f"{what} unknown" if label == UNKNOWN else f"{label} {confidence:.0%}"


def _age(bracket: str, confidence: float, interval: Interval | None) -> str:
    """A bracket that is told, or else the interval."""
    if bracket == UNKNOWN and interval is not None:
        return f"age {interval.low}-{interval.high} {interval.coverage:.0%}"
    return _sure("age", bracket, confidence)


def _heading(line: AnalyzeLine) -> str:
    faces = {0: "no face", 1: "1 face"}.get(len(line.faces), f"{len(line.faces)} faces")
    return f"{line.source}: {line.width}x{line.height}, {faces}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
