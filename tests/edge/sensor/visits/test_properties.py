"""Random walks of people with gaps, missed frames and false faces, through the tracker and the book of visits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.schemas.taxonomy import ADS_8
from edge.sensor.geometry import Box
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import AttributeEstimate, Detection, Track, TrackState, VisitSummary
from edge.sensor.visits.book import VisitBook
from edge.sensor.visits.fusion import Fusion, Probs
from edge.settings.settings import Attention, Attributes, Tracking, Visits

PICTURE_HW = 2000, 2000
SCORE, FALSE_SCORE = 0.6, 0.73
MAX_GAP_S = 2.0
LANE_PX = 200.0
AHEAD = np.array([(-10, -10), (10, -10), (0, 1), (-8, 10), (8, 10)], np.float32)
ASIDE = AHEAD + np.array([(0, 0), (0, 0), (14, 0), (0, 0), (0, 0)], np.float32)


def same(probs: Probs) -> Probs:
    return probs


def new_book(*, min_dwell_s: float = 0.0, max_dwell_s: float = 3600.0) -> VisitBook:
    return VisitBook(
        visits=Visits(min_dwell_s=min_dwell_s, max_dwell_s=max_dwell_s),
        attributes=Attributes(),
        attention=Attention(),
        minors="unknown",
        fusion=Fusion(ADS_8, same),
    )


@dataclass
class Person:
    """A face that walks at random in a lane of its own, and is out of sight during its gaps."""

    random: Random
    lane: int
    gaps: list[tuple[float, float]]
    x: float = 500.0
    speed: float = 0.0
    side: float = 40.0

    def step(self, at: float, step_s: float) -> Detection | None:
        self.speed = 0.9 * self.speed + self.random.gauss(0, 60) * step_s**0.5
        self.x += self.speed * step_s
        y = LANE_PX * (self.lane + 1) + self.random.gauss(0, 1)
        if any(start <= at < end for start, end in self.gaps) or self.random.random() < 0.05:
            return None
        score = self.random.choice((0.95, 0.9, 0.85, 0.5))
        x = self.x + self.random.gauss(0, 1)
        box = Box(x - self.side / 2, y - self.side / 2, x + self.side / 2, y + self.side / 2)
        pose = AHEAD if self.random.random() < 0.7 else ASIDE
        return Detection(box, score, pose + np.array((x, y), np.float32))


def false_face(random: Random) -> Detection:
    x, y, side = random.uniform(0, 1000), random.uniform(0, 1000), random.uniform(20, 60)
    return Detection(Box(x, y, x + side, y + side), random.uniform(0.3, FALSE_SCORE))


@dataclass(frozen=True)
class Walk:
    """A crowd's seed and shape."""

    seed: int
    fps: float
    people: int
    gaps: int
    false_rate: float

    def crowd(self) -> list[Person]:
        random = Random(self.seed)
        gaps: list[list[tuple[float, float]]] = [[] for _ in range(self.people)]
        for _ in range(self.gaps if self.people else 0):
            start = random.uniform(1, 15)
            random.choice(gaps).append((start, start + random.uniform(0.2, 6)))
        return [Person(random, lane, own) for lane, own in enumerate(gaps)]

    def frames(self, seconds: float = 20.0) -> Iterator[tuple[float, list[Detection]]]:
        random = Random(self.seed + 1)
        crowd = self.crowd()
        at = random.uniform(-1000, 1000)
        start = at
        while at < start + seconds:
            step_s = random.uniform(0.7, 1.3) / self.fps
            at += step_s
            seen = [person.step(at - start, step_s) for person in crowd]
            faces = [face for face in seen if face is not None]
            yield at, faces + ([false_face(random)] if random.random() < self.false_rate else [])


walks = st.builds(
    Walk,
    seed=st.integers(0, 10**6),
    fps=st.sampled_from((8.0, 12.5, 30.0)),
    people=st.integers(0, 4),
    gaps=st.integers(0, 4),
    false_rate=st.sampled_from((0.0, 0.1, 0.5)),
)
quick = settings(max_examples=40, deadline=None)


class Run:
    """What a walk leaves: summaries, tracks that were ever confirmed, and the book."""

    def __init__(self, walk: Walk, book: VisitBook) -> None:
        self.book = book
        self.confirmed: dict[int, Track] = {}
        self.summaries: list[VisitSummary] = []
        tracker = FaceTracker(Tracking(max_gap_s=MAX_GAP_S), SCORE)
        for at, detections in walk.frames():
            update = tracker.update(detections, at, PICTURE_HW)
            self.confirmed |= {t.track_id: t for t in update.active if t.state is TrackState.CONFIRMED}
            self.summaries += book.observe(update.active, at)
            for track in book.due(update.active, at):
                book.add(track.track_id, AttributeEstimate(None, np.array((0.5, 0.5), np.float32), track.score), at)
            self.summaries += book.end(update.ended, "left")
            assert book.opened == book.closed + len(book)
            assert len(book) <= sum(track.state is not TrackState.TENTATIVE for track in update.active)
        self.summaries += book.end(tracker.finish(), "source_ended")


@quick
@given(walks)
def test_there_are_never_more_visits_than_people_plus_gaps(walk: Walk) -> None:
    run = Run(walk, new_book())
    assert len(run.summaries) <= walk.people + sum(len(person.gaps) for person in walk.crowd())


def test_a_person_among_many_false_faces_is_one_visit() -> None:
    walk = Walk(seed=1576, fps=8.0, people=2, gaps=2, false_rate=0.5)
    assert len(Run(walk, new_book()).summaries) <= 4


@quick
@given(walks)
def test_everybody_who_is_there_without_a_gap_is_one_visit(walk: Walk) -> None:
    crowd = Walk(walk.seed, walk.fps, walk.people, 0, 0.0)
    assert len(Run(crowd, new_book()).summaries) == walk.people


@quick
@given(walks)
def test_there_is_no_visit_without_a_confirmed_track(walk: Walk) -> None:
    run = Run(walk, new_book())
    assert {summary.track_id for summary in run.summaries} == set(run.confirmed)


@quick
@given(walks, st.sampled_from((10.0, 12.0, 3600.0)))
def test_dwell_is_never_negative_and_attention_never_longer(walk: Walk, max_dwell_s: float) -> None:
    for summary in Run(walk, new_book(max_dwell_s=max_dwell_s)).summaries:
        assert 0 <= summary.attention_s <= summary.dwell_s + 1e-9
        assert (summary.glances > 0) == (summary.attention_s > 0)


@quick
@given(walks, st.sampled_from((10.0, 12.0, 3600.0)))
def test_every_visit_that_was_opened_is_closed_once(walk: Walk, max_dwell_s: float) -> None:
    run = Run(walk, new_book(max_dwell_s=max_dwell_s))
    assert run.book.opened == run.book.closed == len(run.summaries)
    assert len(run.book) == 0


@quick
@given(walks)
def test_cutting_long_visits_changes_no_time_in_front_of_the_screen(walk: Walk) -> None:
    whole, cut = Run(walk, new_book()).summaries, Run(walk, new_book(max_dwell_s=10)).summaries
    for track_id in {summary.track_id for summary in whole}:
        dwells = [sum(s.dwell_s for s in visits if s.track_id == track_id) for visits in (whole, cut)]
        assert abs(dwells[0] - dwells[1]) < 1e-6


@quick
@given(walks, st.floats(0.1, 5))
def test_no_visit_shorter_than_the_least_dwell_is_told(walk: Walk, min_dwell_s: float) -> None:
    run = Run(walk, new_book(min_dwell_s=min_dwell_s))
    assert all(summary.dwell_s >= min_dwell_s for summary in run.summaries)
    assert run.book.opened == run.book.closed


def standing(seed: int, fps: float, gap_s: float) -> Walk:
    """One person who stays near a place, and is out of sight once."""

    class Slow(Person):
        def step(self, at: float, step_s: float) -> Detection | None:
            found = super().step(at, step_s)
            self.x += 0.5 * (500.0 - self.x) * step_s
            return found

    class Standing(Walk):
        def crowd(self) -> list[Person]:
            return [Slow(Random(seed), 0, [(6.0, 6.0 + gap_s)])]

    return Standing(seed, fps, 1, 1, 0.0)


@quick
@given(
    seed=st.integers(0, 10**6),
    fps=st.sampled_from((8.0, 12.5, 30.0)),
    gap_s=st.one_of(st.floats(0.2, MAX_GAP_S - 0.7), st.floats(MAX_GAP_S + 0.7, 6)),
)
def test_a_face_away_for_less_than_the_gap_is_one_visit_and_for_longer_two(seed: int, fps: float, gap_s: float) -> None:
    assert len(Run(standing(seed, fps, gap_s), new_book()).summaries) == (1 if gap_s < MAX_GAP_S else 2)


def test_a_face_that_is_back_within_the_gap_is_one_visit_at_few_frames_too() -> None:
    assert len(Run(standing(4407, 8.0, 1.125), new_book()).summaries) == 1


@quick
@given(
    fps=st.sampled_from((10.0, 12.5, 30.0)),
    left_speed=st.floats(40, 160),
    right_speed=st.floats(40, 160),
    sides=st.tuples(st.floats(30, 50), st.floats(30, 50)),
    noise=st.integers(0, 1000),
)
def test_two_people_who_cross_keep_their_visits(
    fps: float, left_speed: float, right_speed: float, sides: tuple[float, float], noise: int
) -> None:
    random = Random(noise)
    tracker = FaceTracker(Tracking(), SCORE)
    book = new_book()
    where: dict[int, float] = {}
    for count in range(round(6 * fps)):
        at = count / fps
        starts = (500 - 3 * left_speed, 500 + 3 * right_speed)
        centres = (starts[0] + left_speed * at, starts[1] - right_speed * at)
        faces = []
        for x, side, y in zip(centres, sides, (100.0, 103.0), strict=True):
            x, y = x + random.gauss(0, 0.8), y + random.gauss(0, 0.8)
            faces.append(Detection(Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2), 0.9))
        if abs(centres[0] - centres[1]) < 0.6 * max(sides):
            faces = faces[:1]
        update = tracker.update(faces, at, PICTURE_HW)
        book.observe(update.active, at)
        where |= {track.track_id: track.box.centre[0] for track in update.active}
        assert not update.ended
    assert book.opened == 2
    assert where[1] > where[2]
