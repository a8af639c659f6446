"""How much a look at a face is worth, 0-1: the weight of its estimate, and the gate before it is made."""

from __future__ import annotations

from math import sqrt

from edge.sensor import imaging
from edge.sensor.types import Image, Track
from edge.sensor.visits.pose import Pose, estimate_pose

FULL_SIZE_PX = 64.0
"""From this size of the face on, more pixels help attribute networks (62 to 112 px inputs) hardly at all."""
BLIND_YAW_DEG, BLIND_PITCH_DEG = 75.0, 60.0
"""Turned this far, a face shows too little of itself."""
UNKNOWN_POSE_SHARE = 0.5
"""Worth of a face without landmarks."""
BLURRED, SHARP = 0.01, 0.12
"""Ends of the ramp of `imaging.sharpness`: a face blurred by 3 of 48 px, and an ordinary one of 70 px."""
BLUR_SHARE = 0.2
"""Worth of a fully blurred face."""
BLACK, DIM, BRIGHT, WHITE = 10.0, 50.0, 215.0, 250.0
"""Grey levels: worth nothing up to black, all of it from dim to bright, nothing from white."""
HOPELESS = 0.1
"""Below it by size, pose and score alone, a face is not worth reading its pixels."""


def rate_look(image: Image, track: Track) -> float:
    """Quality 0-1 of a track's face in a uint8 (H, W, 3) BGR image; an upper bound where it is hopeless anyway."""
    geometric = rate_geometry(track.box.side, estimate_pose(track.landmarks), track.score)
    if geometric < HOPELESS:
        return geometric
    face = imaging.grey_face(image, track.box)
    return geometric * rate_pixels(imaging.sharpness(face), imaging.brightness(face))


def rate_geometry(size_px: float, pose: Pose | None, score: float) -> float:
    """Worth 0-1 by size of the face in px, pose and detector's score 0-1."""
    size = sqrt(min(size_px / FULL_SIZE_PX, 1.0))
    return size * _frontal_share(pose) * min(max(score, 0.0), 1.0)


def rate_pixels(sharpness: float, brightness: float) -> float:
    """Worth 0-1 by sharpness (`imaging.sharpness`) and mean grey level 0-255."""
    exposure = min(_ramp(brightness, BLACK, DIM), _ramp(brightness, WHITE, BRIGHT))
    return exposure * (BLUR_SHARE + (1.0 - BLUR_SHARE) * _ramp(sharpness, BLURRED, SHARP))


def _frontal_share(pose: Pose | None) -> float:
    if pose is None:
        return UNKNOWN_POSE_SHARE
    return max(0.0, 1.0 - (pose.yaw_deg / BLIND_YAW_DEG) ** 2 - (pose.pitch_deg / BLIND_PITCH_DEG) ** 2)


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one`, straight between, flat outside; `zero` may be the greater."""
    return min(max((value - zero) / (one - zero), 0.0), 1.0)
