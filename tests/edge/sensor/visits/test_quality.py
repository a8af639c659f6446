from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.geometry import Box
from edge.sensor.types import Image, Track, TrackState
from edge.sensor.visits.pose import Pose
from edge.sensor.visits.quality import rate_geometry, rate_look, rate_pixels

AHEAD = Pose(0, 0)
poses = st.one_of(st.none(), st.builds(Pose, st.floats(-90, 90), st.floats(-90, 90)))


@given(st.floats(0, 5000), poses, st.floats(0, 1), st.floats(0, 50), st.floats(0, 255))
def test_quality_is_between_0_and_1(
    size: float, pose: Pose | None, score: float, sharpness: float, brightness: float
) -> None:
    assert 0 <= rate_geometry(size, pose, score) <= 1
    assert 0 <= rate_pixels(sharpness, brightness) <= 1


def test_each_thing_that_makes_a_look_worse_lowers_its_quality() -> None:
    best = rate_geometry(100, AHEAD, 0.95)
    assert best > 0.9
    for worse in (
        rate_geometry(30, AHEAD, 0.95),
        rate_geometry(100, Pose(40, 0), 0.95),
        rate_geometry(100, Pose(0, -40), 0.95),
        rate_geometry(100, None, 0.95),
        rate_geometry(100, AHEAD, 0.5),
    ):
        assert worse < 0.85 * best


@pytest.mark.parametrize(("sharpness", "brightness"), [(0.02, 120), (0.2, 20), (0.2, 245)])
def test_blurred_dark_and_washed_out_faces_are_worth_less(sharpness: float, brightness: float) -> None:
    assert rate_pixels(sharpness, brightness) < 0.5
    assert rate_pixels(0.2, 120) == 1.0


def track(side: float, score: float = 0.9) -> Track:
    landmarks = np.array([(35, 40), (65, 40), (50, 52), (38, 66), (62, 66)], np.float32) * (side / 100)
    return Track(1, TrackState.CONFIRMED, Box(0, 0, side, side), score, landmarks, 0.0, 1.0, True)


def noise(low: int, high: int) -> Image:
    return np.random.default_rng(7).integers(low, high, (100, 100, 3), dtype=np.uint8)


def test_a_sharp_face_is_worth_more_than_a_flat_one_and_a_dark_one() -> None:
    sharp, dark = rate_look(noise(60, 200), track(100)), rate_look(noise(0, 8), track(100))
    flat = rate_look(np.full((100, 100, 3), 120, np.uint8), track(100))
    assert sharp > 0.7 > 0.25 > flat > dark == 0.0


def test_a_hopeless_face_is_told_by_its_geometry_alone() -> None:
    assert rate_look(noise(60, 200), track(100, score=0.05)) == rate_look(noise(0, 8), track(100, score=0.05)) < 0.1
