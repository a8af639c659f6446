"""Which visit belongs to which stay: by boxes where the truth has them, else by time alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge.sensor.geometry import Box, iou
from edge.sensor.tracking.assignment import ALONE, assign
from edge.sensor.types import VisitSummary
from training.evaluation.counts.identity import IdentityCounts, Named, Overlaps
from training.evaluation.counts.truth import Interval, Stay, Truth, durations, interval_at
from training.evaluation.counts.watching import Observed

SAME_FACE_IOU = 0.3
"""A labelled face and a detected one that overlap as much are the same."""
SWALLOWED_S = 0.5
"""Somebody without a visit was seen by others' visits from this time on; below it, missed."""
MOSTLY = 0.5
LaidOn = dict[int | None, float]
"""Seconds for which the face of a visit lay on each stay, and on nobody (None)."""


@dataclass(frozen=True, slots=True)
class Matching:
    """owners: of each visit, the stay that it belongs to, None for nobody's. swallowed: stays without a visit of their
    own that were seen within visits of others. identity: None where the truth has no boxes.
    """

    owners: Sequence[int | None]
    swallowed: frozenset[int]
    identity: IdentityCounts | None


def match_by_boxes(truth: Truth, stays: Sequence[Stay], observed: Observed) -> Matching:
    """A visit belongs to whoever its face lay on longest; nobody counts as one of them.

    Faces that cannot be seen own visits too, but for the identities they are as if neither labelled nor found.
    """
    lay_on: list[LaidOn] = [defaultdict(float) for _ in observed.visits]
    overlaps = Overlaps()
    for compared, seconds in zip(compare(truth, stays, observed), durations(observed.times_s), strict=True):
        for visit, stay in compared.lies_on:
            lay_on[visit][stay] += seconds
        overlaps.add(compared.labelled, compared.found, SAME_FACE_IOU)
    owners = [_longest(each) for each in lay_on]
    return Matching(owners, _swallowed(owners, lay_on), overlaps.counts())


class Compared(NamedTuple):
    """A frame. lies_on: each visit in it, and the stay that its face lies on. labelled, found: without what is hidden,
    by stay and by visit.
    """

    lies_on: Sequence[tuple[int, int | None]]
    labelled: Sequence[Named]
    found: Sequence[Named]


def compare(truth: Truth, stays: Sequence[Stay], observed: Observed) -> Iterator[Compared]:
    """Compare every frame of a truth with boxes."""
    assert truth.frames is not None
    places = {(stay.person, stay.interval): number for number, stay in enumerate(stays)}
    for at, faces, sights in zip(observed.times_s, truth.frames, observed.sights, strict=True):
        here = [places[face.person, interval_at(truth.people[face.person], at)] for face in faces]
        pairs = pair_boxes([face.box for face in faces], [sight.box for sight in sights])
        stay_of = {column: here[row] for row, column in pairs}
        hidden = {column for row, column in pairs if not faces[row].visible}
        yield Compared(
            [(sight.visit, stay_of.get(column)) for column, sight in enumerate(sights)],
            [(stay, face.box) for stay, face in zip(here, faces, strict=True) if face.visible],
            [(sight.visit, sight.box) for column, sight in enumerate(sights) if column not in hidden],
        )


def pair_boxes(faces: Sequence[Box], sights: Sequence[Box]) -> list[tuple[int, int]]:
    """Pairs of faces and sights that overlap, each once, so that they overlap most together."""
    if not faces or not sights:
        return []
    shared = [[iou(face, sight) for sight in sights] for face in faces]
    return assign([[1.0 - each if each >= SAME_FACE_IOU else ALONE for each in row] for row in shared])


def _longest(lay_on: LaidOn) -> int | None:
    """The stay with most seconds, of equals the first; None without any or where nobody has more."""
    rounded = {stay: round(seconds, 6) for stay, seconds in lay_on.items()}
    best = max(sorted(stay for stay in rounded if stay is not None), key=rounded.__getitem__, default=None)
    return None if best is None or rounded.get(None, 0.0) > rounded[best] else best


def _swallowed(owners: Sequence[int | None], lay_on: Sequence[LaidOn]) -> frozenset[int]:
    within: LaidOn = defaultdict(float)
    for owner, each in zip(owners, lay_on, strict=True):
        for stay, seconds in each.items() if owner is not None else ():
            within[stay] += seconds
    return frozenset(
        stay for stay, seconds in within.items()
        if stay is not None and stay not in owners and seconds >= SWALLOWED_S - 1e-9
    )  # fmt: skip


def match_by_time(stays: Sequence[Stay], visits: Sequence[VisitSummary]) -> Matching:
    """Pair stays and visits so that their times overlap most, one of each.

    A visit left over belongs to the stay whose time it fills where that one's own visit was not running (so the stay is
    split). A stay left over was swallowed by a visit that runs through its time where that one's own stay is not.
    """
    there: list[Interval] = [(stay.start_s, stay.end_s) for stay in stays]
    seen: list[Interval] = [(visit.first_seen, visit.last_seen) for visit in visits]
    pairs = assign([[_cost(a, b) for b in seen] for a in there]) if there and seen else []
    visit_of, stay_of = dict(pairs), {visit: stay for stay, visit in pairs}
    owners = [
        stay_of[number] if number in stay_of
        else _filled(time, {stay: (there[stay], seen[visit]) for stay, visit in pairs})
        for number, time in enumerate(seen)
    ]  # fmt: skip
    taken = {visit: (seen[visit], there[stay]) for stay, visit in pairs}
    left = [number for number in range(len(stays)) if number not in visit_of]
    swallowed = frozenset(number for number in left if _filled(there[number], taken) is not None)
    return Matching(owners, swallowed, None)


def _filled(time: Interval, pairs: dict[int, tuple[Interval, Interval]]) -> int | None:
    """The first whose time holds most of this one outside of its partner's; None without such."""
    length = max(time[1] - time[0], 1e-9)
    for number, (own, partner) in pairs.items():
        inside = max(time[0], own[0]), min(time[1], own[1])
        free = _shared_s(time, own) - _shared_s(inside, partner)
        if free >= MOSTLY * length:
            return number
    return None


def _cost(a: Interval, b: Interval) -> float:
    shared = _shared_s(a, b)
    whole = max(a[1], b[1]) - min(a[0], b[0])
    return 1.0 - shared / whole if shared > 0 else ALONE


def _shared_s(a: Interval, b: Interval) -> float:
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
