from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.geometry import Points
from edge.sensor.visits.pose import NOSE_DEPTH_ACROSS, NOSE_DEPTH_DOWN, REST, estimate_pose

EYES_AND_MOUTH = np.array([(-1, -0.5), (1, -0.5), (-1, 0.5), (1, 0.5)], np.float64)


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0, side: float = 30.0) -> Points:
    """Landmarks of the face that the formula describes, at a pose."""
    nose_x = 2 * NOSE_DEPTH_ACROSS * np.tan(np.radians(yaw_deg))
    nose_y = REST + NOSE_DEPTH_DOWN * np.tan(np.radians(pitch_deg))
    (right, left, right_mouth, left_mouth), nose = EYES_AND_MOUTH, (nose_x, nose_y)
    points = np.array([right, left, nose, right_mouth, left_mouth])
    cos, sin = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    return (side * points @ np.array([(cos, sin), (-sin, cos)]) + (200, 150)).astype(np.float32)


@given(st.floats(-70, 70), st.floats(-50, 50), st.floats(-80, 80), st.floats(5, 300))
def test_the_pose_comes_back_whatever_the_tilt_and_the_size(yaw: float, pitch: float, roll: float, side: float) -> None:
    pose = estimate_pose(turned(yaw, pitch, roll, side))
    assert pose is not None
    assert pose.yaw_deg == pytest.approx(yaw, abs=0.1)
    assert pose.pitch_deg == pytest.approx(pitch, abs=0.1)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=10, max_size=10))
def test_any_landmarks_give_angles_in_range_or_none(numbers: list[float]) -> None:
    pose = estimate_pose(np.array(numbers, np.float32).reshape(5, 2))
    assert pose is None or (abs(pose.yaw_deg) <= 90 and abs(pose.pitch_deg) <= 90)


def test_a_nose_to_the_right_is_a_positive_yaw_and_a_low_one_a_positive_pitch() -> None:
    pose = estimate_pose(turned(20, 15))
    assert pose is not None and pose.yaw_deg > 0 and pose.pitch_deg > 0


def test_no_landmarks_and_landmarks_that_are_no_face_have_no_pose() -> None:
    assert estimate_pose(None) is None
    assert estimate_pose(np.zeros((5, 2), np.float32)) is None
    assert estimate_pose(turned(0, 0)[[0, 1, 2, 3, 4]] * np.float32([1, -1])) is None
