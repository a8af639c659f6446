from __future__ import annotations

import numpy as np
import pytest

from edge.schemas.taxonomy import ADS_8
from edge.sensor.geometry import Box
from edge.sensor.types import AttributeEstimate, Track, TrackState
from edge.sensor.visits.book import VisitBook
from edge.sensor.visits.fusion import Fusion
from edge.sensor.visits.minors import Policy
from edge.settings.settings import Attention, Attributes, Visits

pytestmark = pytest.mark.privacy

AHEAD = np.array([(35, 40), (65, 40), (50, 54), (38, 66), (62, 66)], np.float32)
CONFIRMED, LOST, TENTATIVE = TrackState.CONFIRMED, TrackState.LOST, TrackState.TENTATIVE


def new_book(minors: Policy = "unknown", **attributes: float) -> VisitBook:
    return VisitBook(
        visits=Visits(min_dwell_s=0.5, max_dwell_s=60),
        attributes=Attributes(**attributes),  # type: ignore[arg-type]
        attention=Attention(),
        minors=minors,
        fusion=Fusion(ADS_8, lambda probs: probs),
    )


def track(track_id: int, seen: float, first: float = 0.0, state: TrackState = CONFIRMED, side: float = 100) -> Track:
    there = state is not LOST
    return Track(track_id, state, Box(0, 0, side, side), 0.9, AHEAD if there else None, first, seen, there)


def look(bracket: int = 3, p_female: float = 0.9, quality: float = 0.8) -> AttributeEstimate:
    brackets = np.full(8, 0.02, np.float32)
    brackets[bracket] = 0.86
    return AttributeEstimate(brackets, np.array((p_female, 1 - p_female), np.float32), quality)


def stay(book: VisitBook, track_id: int, seconds: float, step_s: float = 0.1) -> Track:
    for count in range(round(seconds / step_s) + 1):
        now = track(track_id, count * step_s)
        book.observe([now], count * step_s)
    return now


def test_a_tentative_track_opens_no_visit() -> None:
    book = new_book()
    book.observe([track(1, 0.0, state=TENTATIVE)], 0.0)
    assert (len(book), book.opened) == (0, 0)


def test_a_visit_says_what_was_seen() -> None:
    book = new_book()
    last = stay(book, 1, 5.0)
    book.add(1, look(quality=0.6), 1.0)
    book.add(1, look(quality=0.8), 2.0)
    (visit,) = book.end([last], "left")
    assert (visit.dwell_s, visit.attention_s, visit.glances) == (pytest.approx(5.0), pytest.approx(5.0), 1)
    assert (visit.samples, visit.quality, visit.end_reason) == (2, pytest.approx(0.7), "left")
    assert visit.gender is not None and visit.gender.label == "female"
    assert visit.age is not None and visit.age.bracket == 3


def test_a_visit_without_looks_says_nothing_of_the_person() -> None:
    book = new_book()
    (visit,) = book.end([stay(book, 1, 2.0)], "left")
    assert (visit.gender, visit.age, visit.samples, visit.quality) == (None, None, 0, 0.0)


def test_time_out_of_sight_at_the_end_is_no_dwell() -> None:
    book = new_book()
    stay(book, 1, 2.0)
    book.observe([track(1, 2.0, state=LOST)], 3.5)
    (visit,) = book.end([track(1, 2.0, state=TrackState.ENDED)], "left")
    assert visit.dwell_s == pytest.approx(2.0)


def test_a_short_visit_is_not_told() -> None:
    book = new_book()
    assert book.end([stay(book, 1, 0.4)], "left") == []
    assert (book.opened, book.closed) == (1, 1)


def test_a_visit_that_runs_too_long_is_cut_and_goes_on_with_its_looks() -> None:
    book = new_book()
    cut = []
    for count in range(1001):
        now = track(1, count * 0.1)
        cut += book.observe([now], count * 0.1)
        if count == 10:
            book.add(1, look(), 1.0)
    (rest,) = book.end([now], "left")
    assert [(s.end_reason, round(s.dwell_s, 1)) for s in (*cut, rest)] == [("too_long", 60.0), ("left", 40.0)]
    assert rest.first_seen == cut[0].last_seen
    assert rest.gender is not None and rest.gender.label == "female"


def test_a_face_is_due_once_an_interval_until_there_are_enough_looks_then_again_after_the_refresh() -> None:
    book = new_book(samples=3, interval_s=0.4, refresh_s=5.0)
    asked = []
    for count in range(100):
        now = track(1, count / 10)
        book.observe([now], count / 10)
        for due in book.due([now], count / 10):
            book.add(due.track_id, look(), count / 10)
            asked.append(count / 10)
    assert asked == pytest.approx([0.0, 0.4, 0.8, 5.8])


def test_a_look_that_was_not_taken_is_asked_for_again_soon_but_not_in_every_frame() -> None:
    book = new_book(interval_s=0.4)
    asked = []
    for count in range(32):
        now = track(1, count / 32)
        book.observe([now], count / 32)
        asked += [count for _ in book.due([now], count / 32)]
    assert asked == [0, 4, 8, 12, 16, 20, 24, 28]


def test_only_confirmed_large_faces_that_are_seen_now_are_due() -> None:
    book = new_book(min_face_px=20)
    tracks = [track(1, 1.0), track(2, 1.0, side=19), track(3, 0.5, state=LOST), track(4, 1.0, state=TENTATIVE)]
    book.observe(tracks, 1.0)
    assert [due.track_id for due in book.due(tracks, 1.0)] == [1]


def test_the_best_looks_are_kept() -> None:
    book = new_book(samples=2)
    last = stay(book, 1, 5.0)
    for at, quality in enumerate((0.9, 0.3, 0.8, 0.2)):
        book.add(1, look(quality=quality), float(at))
    (visit,) = book.end([last], "left")
    assert (visit.samples, visit.quality) == (2, pytest.approx(0.85))


def test_a_look_at_a_face_that_has_left_is_let_go() -> None:
    book = new_book()
    book.end([stay(book, 1, 1.0)], "left")
    book.add(1, look(), 1.0)
    assert len(book) == 0


def test_live_counts_who_is_here_now() -> None:
    book = new_book()
    gone, woman, man, somebody = track(1, 2.0), track(2, 9.9), track(3, 10.0, first=4.0), track(4, 10.0)
    away = Track(5, CONFIRMED, Box(0, 0, 50, 50), 0.9, None, 9.0, 10.0, True)
    for at in (9.9, 10.0):
        book.observe([gone, woman, man, somebody, away], at)
    book.add(2, look(bracket=3, p_female=0.9), 9.9)
    book.add(3, look(bracket=7, p_female=0.1), 10.0)
    counts = book.live(10.0)
    assert (counts.people, counts.female, counts.male, counts.unknown) == (4, 1, 1, 2)
    assert counts.watchers == 3
    assert counts.longest_dwell_s == pytest.approx(10.0)
    assert counts.brackets == (0, 0, 0, 1, 0, 0, 0, 1, 2)


def test_a_dropped_minor_is_neither_told_nor_counted() -> None:
    for policy, people in (("drop", 0), ("unknown", 1)):
        book = new_book(minors=policy)  # type: ignore[arg-type]
        last = stay(book, 1, 2.0)
        book.add(1, look(bracket=0), 1.0)
        assert book.live(2.0).people == people
        assert len(book.end([last], "left")) == people


def test_an_empty_book_counts_nobody() -> None:
    counts = new_book().live(5.0)
    assert (counts.people, counts.watchers, counts.longest_dwell_s, sum(counts.brackets)) == (0, 0, 0.0, 0)
