"""Who was in front of a camera, when and where: the truth that counts are scored against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.schemas.taxonomy import Taxonomy
from edge.sensor.geometry import Box
from edge.workbench.labelled.samples import Gender

Interval = tuple[float, float]
"""Start and end, seconds from the beginning of the clip."""
SEEN_S = 1.5
"""Somebody whose face is in view for less is not expected to be counted."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a truth. intervals: when the person is there, in order; empty where only frames say it.

    age: years. bracket: label of a taxonomy's bracket, where no age is known.
    """

    person_id: str
    intervals: tuple[Interval, ...] = ()
    gender: Gender | None = None
    age: float | None = None
    bracket: str | None = None

    def bracket_in(self, taxonomy: Taxonomy) -> int | None:
        """Index of the person's bracket; None where it is not known."""
        if self.age is not None:
            return taxonomy.bracket_of(self.age)
        labels = [bracket.label for bracket in taxonomy.brackets]
        return labels.index(self.bracket) if self.bracket in labels else None


@dataclass(frozen=True, slots=True)
class TruthFace:
    """A face in a frame: index of its person, box px, and whether it can be seen (inside the frame, not covered)."""

    person: int
    box: Box
    visible: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of a clip. frames: the faces of every frame, or None where boxes are not known.

    fps and size_wh (px) are those of the clip that the boxes were made for, None where the file does not say.
    """

    people: tuple[Person, ...]
    frames: tuple[tuple[TruthFace, ...], ...] | None = None
    fps: float | None = None
    size_wh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """One time that a person is there, which is one visit to count.

    person, interval: their numbers. start_s, end_s: when the face is first and last visible. seen_s: seconds for which
    it is visible in between.
    """

    person: int
    interval: int
    start_s: float
    end_s: float
    seen_s: float

    @property
    def expected(self) -> bool:
        """Whether it is long enough to be counted."""
        return self.seen_s >= SEEN_S - 1e-9

    @property
    def dwell_s(self) -> float:
        """Seconds from first to last sight, as a visit has them."""
        return self.end_s - self.start_s


def stays_of(truth: Truth, times_s: Sequence[float]) -> list[Stay]:
    """The stays of every person, in the order of the people. times_s: of the clip's frames.

    With frames, what is visible in them decides, and a person without intervals stays once; otherwise the intervals.
    """
    if truth.frames is None:
        return [
            Stay(number, place, start, end, end - start)
            for number, person in enumerate(truth.people)
            for place, (start, end) in enumerate(person.intervals)
        ]
    seen: dict[tuple[int, int], list[int]] = {}
    for frame, faces in enumerate(truth.frames):
        for face in faces:
            shown = seen.setdefault((face.person, interval_at(truth.people[face.person], times_s[frame])), [])
            if face.visible:
                shown.append(frame)
    shown_s = durations(times_s)
    return [_stay(person, place, frames, times_s, shown_s) for (person, place), frames in sorted(seen.items())]


def _stay(
    person: int, interval: int, frames: Sequence[int], times_s: Sequence[float], shown_s: Sequence[float]
) -> Stay:
    if not frames:
        return Stay(person, interval, 0.0, 0.0, 0.0)
    return Stay(person, interval, times_s[frames[0]], times_s[frames[-1]], sum(shown_s[frame] for frame in frames))


def interval_at(person: Person, at_s: float) -> int:
    """Number of the interval that a time belongs to, the nearest one outside of all; 0 for a person without any."""
    away = [max(start - at_s, at_s - end, 0.0) for start, end in person.intervals]
    return away.index(min(away)) if away else 0


def durations(times_s: Sequence[float]) -> list[float]:
    """Seconds for which each frame is shown; the last one as long as the one before it."""
    steps = [after - before for before, after in pairwise(times_s)]
    return [*steps, steps[-1] if steps else 0.0]
