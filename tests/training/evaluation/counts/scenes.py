"""Tiny truths and what a sensor might have made of them, one frame a second or ten, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.sensor.geometry import Box
from edge.sensor.types import AgeGuess, GenderGuess, VisitSummary
from training.evaluation.counts.truth import Person, Truth, TruthFace
from training.evaluation.counts.watching import Observed, Sight

FPS = 10.0
SIZE_WH = (640, 480)
PLACES = {"left": Box(0, 0, 100, 100), "right": Box(300, 0, 400, 100), "below": Box(0, 300, 100, 400)}

Frames = Mapping[int, str]
"""Frame -> the place where a face is then."""


def during(first: int, last: int, place: str) -> dict[int, str]:
    """At one place from one frame to another, both included."""
    return dict.fromkeys(range(first, last + 1), place)


def truth(
    *people: Frames, frames: int, hidden: Mapping[int, Sequence[int]] | None = None, persons: Sequence[Person] = ()
) -> Truth:
    """A truth with boxes. hidden: person -> frames in which the face cannot be seen."""
    rows = tuple(
        tuple(
            TruthFace(number, PLACES[person[frame]], frame not in (hidden or {}).get(number, ()))
            for number, person in enumerate(people)
            if frame in person
        )
        for frame in range(frames)
    )
    return Truth(tuple(persons) or tuple(Person(str(number)) for number in range(len(people))), rows, FPS, SIZE_WH)


def visit(first: int, last: int, gender: str = "unknown", bracket: int | None = None) -> VisitSummary:
    """A visit from one frame to another."""
    return VisitSummary(
        1, first / FPS, last / FPS, 0.0, 0, GenderGuess(gender, 0.9, 0.5), AgeGuess(bracket, 0.9, None), 1, 1.0, "left"
    )  # fmt: skip


def observed(*visits: Frames, frames: int, genders: Sequence[str] = (), shift_px: float = 0.0) -> Observed:
    """What a sensor sees: for each visit, where its face is in each frame, shifted to the right."""
    told = [*genders, *["unknown"] * (len(visits) - len(genders))]
    summaries = [visit(min(each), max(each), gender) for each, gender in zip(visits, told, strict=True)]
    sights = [
        [Sight(number, PLACES[each[frame]].shifted(shift_px, 0)) for number, each in enumerate(visits) if frame in each]
        for frame in range(frames)
    ]
    return Observed([frame / FPS for frame in range(frames)], SIZE_WH, summaries, sights)
