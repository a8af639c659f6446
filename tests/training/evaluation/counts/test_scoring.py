"""Merges, splits, misses and ghosts of tiny scenes, worked out by hand; by boxes, and by time alone."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import BadInput
from edge.schemas.taxonomy import ADS_8, SIMPLE_4
from edge.sensor.geometry import Box, iou
from tests.training.evaluation.counts.scenes import during, observed, truth, visit
from training.evaluation.counts.identity import IdentityCounts, Overlaps
from training.evaluation.counts.matching import match_by_time
from training.evaluation.counts.scoring import Scores, add_up, as_result, score
from training.evaluation.counts.truth import Person, Stay, Truth, stays_of
from training.evaluation.counts.watching import Observed


def scored(there: Truth, seen: Observed) -> Scores:
    found = score("clip", there, seen, ADS_8)
    parts = found.expected - found.merged - found.missed + found.split + found.brief + found.ghosts
    assert found.visits == parts, "the parts of the error do not add up"
    return found


def parts(found: Scores) -> tuple[int, ...]:
    return found.merged, found.split, found.missed, found.brief, found.ghosts


TWO = truth(during(0, 39, "left"), during(20, 79, "right"), frames=80)


def test_two_people_with_a_visit_each_are_right_and_nothing_else() -> None:
    found = scored(TWO, observed(during(0, 39, "left"), during(20, 79, "right"), frames=80))
    assert (found.people, found.expected, found.visits) == (2, 2, 2)
    assert parts(found) == (0, 0, 0, 0, 0)
    assert found.identity == IdentityCounts(same=100, labelled=100, found=100)
    assert found.dwell_errors_s == pytest.approx((0, 0))
    result = as_result(found, ADS_8, boxes=1)
    assert (result.count_error_pct, result.idf1, result.matched_by) == (0, 1, "boxes")


def test_a_visit_that_goes_over_to_the_next_person_merges_them() -> None:
    one = {**during(0, 39, "left"), **during(40, 79, "right")}
    found = scored(TWO, observed(one, frames=80))
    assert parts(found) == (1, 0, 0, 0, 0)
    # Either person has 40 of the visit's 80 faces, of 100 labelled.
    assert found.identity == IdentityCounts(same=40, labelled=100, found=80)
    assert as_result(found, ADS_8).count_error_pct == -50
    assert found.dwell_errors_s == pytest.approx((7.9 - 3.9,))


def test_a_person_with_two_visits_is_split() -> None:
    seen = observed(during(0, 39, "left"), during(20, 49, "right"), during(55, 79, "right"), frames=80)
    found = scored(TWO, seen)
    assert parts(found) == (0, 1, 0, 0, 0)
    assert found.identity == IdentityCounts(same=70, labelled=100, found=95)
    assert found.dwell_errors_s == pytest.approx((0.0, 5.9 - 2.9)), "of a split stay, its longest visit"


def test_a_person_whom_no_visit_saw_is_missed() -> None:
    found = scored(TWO, observed(during(0, 39, "left"), frames=80))
    assert parts(found) == (0, 0, 1, 0, 0)
    assert found.identity == IdentityCounts(same=40, labelled=100, found=40)


@pytest.mark.parametrize(("frames", "swallowed"), [(4, False), (5, True)])
def test_a_person_whom_others_visits_saw_for_half_a_second_is_merged(frames: int, swallowed: bool) -> None:
    drifting = {**during(0, 39, "left"), **during(40, 39 + frames, "right")}
    assert parts(scored(TWO, observed(drifting, frames=80))) == ((1, 0, 0, 0, 0) if swallowed else (0, 0, 1, 0, 0))


def test_a_visit_that_lies_on_nobody_is_a_ghost() -> None:
    seen = observed(during(0, 39, "left"), during(20, 79, "right"), during(10, 49, "below"), frames=80)
    found = scored(TWO, seen)
    assert parts(found) == (0, 0, 0, 0, 1)
    assert found.identity == IdentityCounts(same=100, labelled=100, found=140)


def test_a_visit_of_somebody_who_was_hardly_in_view_is_neither_expected_nor_wrong() -> None:
    there = truth(during(0, 39, "left"), during(0, 13, "right"), frames=40)
    found = scored(there, observed(during(0, 39, "left"), during(0, 13, "right"), frames=40))
    assert (found.people, found.expected) == (1, 1)
    assert parts(found) == (0, 0, 0, 1, 0)


def test_fifteen_tenths_of_a_second_are_enough() -> None:
    assert scored(truth(during(5, 19, "left"), frames=40), observed(frames=40)).expected == 1
    assert scored(truth(during(5, 18, "left"), frames=40), observed(frames=40)).expected == 0


def test_faces_that_cannot_be_seen_count_neither_as_labelled_nor_as_found() -> None:
    there = truth(during(0, 39, "left"), frames=40, hidden={0: range(20, 40)})
    found = scored(there, observed(during(0, 29, "left"), frames=40))
    assert found.identity == IdentityCounts(same=20, labelled=20, found=20)
    assert parts(found) == (0, 0, 0, 0, 0)
    assert found.dwell_errors_s == pytest.approx((2.9 - 1.9,))


def test_boxes_must_overlap_by_three_tenths() -> None:
    there = truth(during(0, 39, "left"), frames=40)
    assert parts(scored(there, observed(during(0, 39, "left"), frames=40, shift_px=53)))[-1] == 0  # 47/153 = .307
    assert parts(scored(there, observed(during(0, 39, "left"), frames=40, shift_px=55)))[-1] == 1  # 45/155 = .290


def test_a_person_who_comes_back_is_one_person_and_two_visits() -> None:
    person = Person("7", ((0.0, 3.0), (6.0, 8.0)))
    there = truth({**during(0, 29, "left"), **during(60, 79, "left")}, frames=80, persons=[person])
    found = scored(there, observed(during(0, 29, "left"), during(60, 79, "left"), frames=80))
    assert (found.people, found.expected, found.visits) == (1, 2, 2)
    assert found.identity == IdentityCounts(same=50, labelled=50, found=50)
    once = scored(there, observed({**during(0, 29, "left"), **during(60, 79, "left")}, frames=80))
    assert parts(once) == (1, 0, 0, 0, 0)


def by_time(*intervals: tuple[float, float]) -> Truth:
    return Truth(tuple(Person(str(number), (each,)) for number, each in enumerate(intervals)))


def seen_during(*intervals: tuple[float, float], length_s: float = 20) -> Observed:
    times = [index / 10 for index in range(int(10 * length_s))]
    return Observed(times, (640, 480), [visit(round(10 * a), round(10 * b)) for a, b in intervals], [[]] * len(times))


@pytest.mark.parametrize(
    ("there", "seen", "expected"),
    [
        ([(0, 5), (4, 9)], [(0.2, 5), (4, 8.9)], (0, 0, 0, 0, 0)),
        ([(0, 5), (6, 12)], [(0, 12)], (1, 0, 0, 0, 0)),  # the second one's time, outside of the longer stay
        ([(0, 10)], [(0, 4), (4.5, 10)], (0, 1, 0, 0, 0)),
        ([(0, 5), (1, 5)], [(0, 5)], (0, 0, 1, 0, 0)),  # beside another: time cannot say who was not seen
        ([(0, 5)], [(0, 5), (12, 15)], (0, 0, 0, 0, 1)),
        ([(0, 5)], [(0, 5), (1, 4)], (0, 0, 0, 0, 1)),  # at the same time as the stay's own visit
        ([(0, 5), (8, 9)], [(0, 5), (8, 9)], (0, 0, 0, 1, 0)),
        ([], [(0, 3)], (0, 0, 0, 0, 1)),
        ([(0, 5)], [], (0, 0, 1, 0, 0)),
    ],
)  # fmt: skip
def test_without_boxes_time_alone_decides(
    there: list[tuple[float, float]], seen: list[tuple[float, float]], expected: tuple[int, ...]
) -> None:
    found = scored(by_time(*there), seen_during(*seen))
    assert parts(found) == expected
    result = as_result(found, ADS_8)
    assert (result.idf1, result.matched_by) == (None, "time")


def test_times_are_paired_so_that_they_overlap_most_together() -> None:
    stays = [Stay(number, 0, *times, 5.0) for number, times in enumerate([(0.0, 6.0), (3.0, 9.0)])]
    assert match_by_time(stays, [visit(35, 90), visit(0, 55)]).owners == [1, 0]


def test_shares_are_of_the_known_and_the_unknown_are_counted() -> None:
    persons = [Person("a", gender="female", age=30), Person("b", gender="male", bracket="25-34"), Person("c")]
    there = truth(during(0, 39, "left"), during(0, 39, "right"), during(0, 39, "below"), frames=40, persons=persons)
    seen = observed(
        during(0, 39, "left"), during(0, 39, "right"), during(0, 39, "below"), frames=40, genders=["female", "male"]
    )
    visits = [dataclasses.replace(each, age=None) for each in seen.visits]
    visits[0] = visit(0, 39, "female", bracket=3)
    result = as_result(scored(there, dataclasses.replace(seen, visits=visits)), ADS_8)
    assert result.gender is not None
    assert (result.gender.women_true, result.gender.unknown_true) == (0.5, 1)
    assert (result.gender.women, result.gender.unknown) == (0.5, 1)
    rows = {each.bracket: (each.expected, each.visits) for each in result.brackets}
    assert rows["25-34"] == (2, 1)
    assert rows["unknown"] == (1, 2)
    assert sum(expected for expected, _ in rows.values()) == sum(visits for _, visits in rows.values()) == 3


def test_clips_add_up() -> None:
    one = scored(TWO, observed(during(0, 39, "left"), frames=80))
    other = scored(by_time((0, 5)), seen_during((0, 4), (10, 12)))
    both = add_up([one, other])
    assert (both.people, both.expected, both.visits, both.frames) == (3, 3, 3, 280)
    assert parts(both) == (0, 0, 1, 0, 1)
    assert both.identity == one.identity
    result = as_result(both, ADS_8, boxes=1, clips=2)
    assert (result.matched_by, result.count_error_pct) == ("both", 0)
    assert result.dwell is not None
    assert result.dwell.visits == 2


def test_nobody_there_and_nobody_seen_has_no_error_and_no_share() -> None:
    result = as_result(scored(Truth(()), seen_during()), ADS_8)
    assert (result.count_error_pct, result.dwell, result.gender, result.brackets) == (None, None, None, [])


def test_what_is_visible_says_when_somebody_was_there() -> None:
    there = truth(during(5, 34, "left"), frames=40, hidden={0: [5, 6, 20, 34]})
    (stay,) = stays_of(there, [frame / 10 for frame in range(40)])
    assert (stay.start_s, stay.end_s) == pytest.approx((0.7, 3.3))
    assert stay.seen_s == pytest.approx(2.6)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"times_s": [0.1 * n for n in range(79)], "sights": [[]] * 79},
            "other frames than its truth, got 79, expected the 80",
        ),
        ({"times_s": [0.04 * n for n in range(80)]}, r"another rate than its truth, got 25\.00 frames/s, expected 10"),
        ({"size_wh": (320, 240)}, "another size than its truth, got 320x240 px, expected 640x480 px"),
    ],
)
def test_the_truth_of_another_clip_is_refused(changes: dict[str, object], says: str) -> None:
    seen = dataclasses.replace(observed(frames=80), **changes)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=rf"^clip: {says}.*; is it the truth of this clip\?$"):
        score("clip", TWO, seen, ADS_8)


def test_an_interval_after_the_end_of_the_clip_is_refused() -> None:
    with pytest.raises(BadInput, match=r"clip: ends too early, got 20\.0 s, expected 25\.0 s or more"):
        score("clip", by_time((3, 25)), seen_during(), ADS_8)


def test_a_bracket_of_another_taxonomy_is_refused() -> None:
    there = Truth((Person("a", ((0.0, 5.0),), bracket="25-34"),))
    with pytest.raises(BadInput, match=r"a bracket that simple-4 lacks: person a, got 25-34, expected child, young"):
        score("clip", there, seen_during(), SIMPLE_4)


boxes = st.builds(lambda x, y: Box(x, y, x + 10, y + 10), st.integers(0, 12), st.integers(0, 12))
frame = st.tuples(
    st.dictionaries(st.integers(0, 3), boxes, max_size=4), st.dictionaries(st.integers(0, 3), boxes, max_size=4)
)


@given(st.lists(frame, max_size=6))
def test_idf1_is_that_of_the_best_of_all_pairings(frames: list[tuple[dict[int, Box], dict[int, Box]]]) -> None:
    overlaps = Overlaps()
    for there, seen in frames:
        overlaps.add(list(there.items()), list(seen.items()), 0.3)
    best = max(
        sum(
            iou(there[name], seen[other]) >= 0.3
            for there, seen in frames
            for name, other in enumerate(pairing)
            if name in there and other in seen
        )
        for pairing in itertools.permutations(range(4))
    )
    labelled, found = (sum(len(each[side]) for each in frames) for side in (0, 1))
    assert overlaps.counts() == IdentityCounts(best, labelled, found)
