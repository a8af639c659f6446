from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.visits.attention import Gaze, is_facing
from edge.sensor.visits.pose import Pose
from edge.settings.settings import Attention

CONE = Attention(max_yaw_deg=25, max_pitch_deg=20)


def watch(looks: str, step_s: float = 0.1, gap_s: float = 0.5, gaze: Gaze | None = None) -> Gaze:
    """One frame a letter: L looks, anything else does not."""
    gaze = gaze or Gaze(gap_s)
    for count, letter in enumerate(looks):
        gaze.observe(letter == "L", count * step_s)
    return gaze


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        (Pose(0, 0), True),
        (Pose(-25, 20), True),
        (Pose(25.1, 0), False),
        (Pose(0, -20.1), False),
        (None, False),
    ],
)
def test_a_face_looks_when_both_angles_are_in_the_cone(pose: Pose | None, expected: bool) -> None:
    assert is_facing(pose, CONE) is expected


def test_time_between_looks_adds_up_to_one_glance() -> None:
    gaze = watch("LLLLL")
    assert (gaze.attention_s, gaze.glances) == (pytest.approx(0.4), 1)


def test_a_blink_neither_ends_the_glance_nor_is_taken_off_it() -> None:
    gaze = watch("LLL...LLL")
    assert (gaze.attention_s, gaze.glances) == (pytest.approx(0.8), 1)


def test_looking_away_for_longer_ends_the_glance_and_adds_nothing() -> None:
    gaze = watch("LLL......LLL")
    assert (gaze.attention_s, gaze.glances) == (pytest.approx(0.4), 2)


def test_a_look_in_a_single_frame_is_no_glance() -> None:
    gaze = watch("..L........L..")
    assert (gaze.attention_s, gaze.glances) == (0.0, 0)


def test_frames_in_a_row_count_whatever_the_tolerated_gap() -> None:
    gaze = watch("LLL", step_s=0.3, gap_s=0.0)
    assert (gaze.attention_s, gaze.glances) == (pytest.approx(0.6), 1)


def test_a_gap_of_the_clock_adds_nothing() -> None:
    gaze = Gaze(60.0)
    for at in (0.0, 0.1, 3600.0, 3600.1):
        gaze.observe(True, at)
    assert (gaze.attention_s, gaze.glances) == (pytest.approx(0.2), 2)


def test_a_clock_that_goes_back_adds_nothing() -> None:
    gaze = Gaze(0.5)
    for at in (10.0, 10.1, 5.0, 10.1, 10.2):
        gaze.observe(True, at)
    assert gaze.attention_s == pytest.approx(0.2)


def test_a_face_looks_now_until_the_tolerated_gap_is_over() -> None:
    gaze = watch("LL")
    assert gaze.is_on(0.1)
    gaze.observe(False, 0.2)
    assert gaze.is_on(0.5)
    assert not gaze.is_on(0.7)


def test_who_never_looked_does_not_look_now() -> None:
    assert not watch("...", gap_s=60).is_on(0.2)
    assert not Gaze(0.5).is_on(0.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(-2, 5)), max_size=60), st.floats(0, 60))
def test_attention_is_never_longer_than_the_time_it_was_watched(
    steps: Iterable[tuple[bool, float]], gap: float
) -> None:
    gaze, at, times = Gaze(gap), 100.0, [100.0]
    for looking, step_s in steps:
        at += step_s
        times.append(at)
        gaze.observe(looking, at)
    assert 0 <= gaze.attention_s <= max(times) - min(times) + 1e-9
    assert (gaze.glances > 0) == (gaze.attention_s > 0)
