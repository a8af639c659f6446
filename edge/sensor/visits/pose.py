"""How far a face is turned, from its five landmarks.

The nose tip stands before the plane of eyes and mouth corners, so turning the head shifts it against them. In the
frame of the face (x along the eye and mouth lines, so that a head on the shoulder is not turned), with the nose's
offset from the middle of eyes and mouth as (x, y):

    yaw = atan2(x, NOSE_DEPTH_ACROSS * width)      pitch = atan2(y - REST * height, NOSE_DEPTH_DOWN * height)

a weak-perspective reading of A. Gee and R. Cipolla, "Determining the gaze of faces in images", 1994. The constants were
fitted to head-pose-estimation-adas-0001 (Open Model Zoo) on YuNet's landmarks of 4,500 photographs: mean absolute
difference 3.7 degrees in yaw and 7.7 in pitch. Good to about 60 degrees of yaw and 35 of pitch; detectors place the
landmarks of heads tilted by more than 25 degrees too upright, there the mean difference is 8 in yaw and 15 in pitch.
"""

from __future__ import annotations

from math import atan2, degrees, hypot
from typing import NamedTuple

from edge.sensor.geometry import Points

NOSE_DEPTH_ACROSS = 0.57
"""Depth of the nose tip as a share of the mean width of eyes and mouth."""
NOSE_DEPTH_DOWN = 0.4
"""Its effect on the vertical offset, as a share of the height from eyes to mouth: detectors level the pitch out."""
REST = 0.05
"""Vertical offset of the nose tip in a face that is turned straight ahead, as a share of that height."""
MAX_DEG = 90.0


class Pose(NamedTuple):
    """Angles against the camera's line of sight, degrees, -90 to 90."""

    yaw_deg: float
    """Positive: towards the image's right."""
    pitch_deg: float
    """Positive: down."""


def estimate_pose(landmarks: Points | None) -> Pose | None:
    """Pose from float32 (5, 2) landmarks in px (order of `edge.sensor.types.Detection`), or None where they do not
    form a face."""
    if landmarks is None:
        return None
    (rx, ry), (lx, ly), (nx, ny), (rmx, rmy), (lmx, lmy) = landmarks.tolist()
    across_x, across_y = (lx - rx + lmx - rmx) / 2, (ly - ry + lmy - rmy) / 2
    width = hypot(across_x, across_y)
    if width <= 0.0:
        return None
    cos, sin = across_x / width, across_y / width
    down_x, down_y = (rmx + lmx - rx - lx) / 2, (rmy + lmy - ry - ly) / 2
    height = cos * down_y - sin * down_x
    if height <= 0.0:
        return None
    off_x, off_y = nx - (rx + lx + rmx + lmx) / 4, ny - (ry + ly + rmy + lmy) / 4
    x, y = cos * off_x + sin * off_y, cos * off_y - sin * off_x
    return Pose(_angle(x, NOSE_DEPTH_ACROSS * width), _angle(y - REST * height, NOSE_DEPTH_DOWN * height))


def _angle(opposite: float, adjacent: float) -> float:
    return min(max(degrees(atan2(opposite, adjacent)), -MAX_DEG), MAX_DEG)
