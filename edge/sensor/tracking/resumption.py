"""Whether a face that appears is a lost one that is back: place, size and direction have to agree.

Only motion is compared, nothing that could single somebody out. Who left through an edge of the picture is gone:
whoever comes in there next is somebody else.
"""

from __future__ import annotations

from math import hypot, log

from edge.sensor.tracking.assignment import ALONE
from edge.sensor.tracking.association import MAX_GATE
from edge.sensor.tracking.tracklet import Tracklet

NEAR, NEAR_PER_S = 1.1, 0.6
"""How far a face that is back may be from where it could have got to, in sizes of the face, and how much further for
every second out of sight."""
MAX_RESUMED_RATIO = 1.6
"""A face that was out of sight for a second or two is hardly nearer or further when it is back."""
AGREE_S = 0.1
"""Another speed counts as being as much further away as it makes in this time."""
OUTWARDS, AT_EDGE = 0.4, 0.25
"""A face leaves at this speed outwards, in sizes/s, with its box this close to an edge of the picture, in sizes."""
ENTERING = 1.5
"""Who comes in is first seen with the centre this close to an edge, in sizes."""
WALKING = 2.0
"""Speed in sizes/s from which a face has a direction; people who sway and shift do not reach it."""

Vector = tuple[float, float]


def resumption_cost(lost: Tracklet, back: Tracklet, picture_hw: tuple[int, int]) -> float:
    """Cost (0-1) of a track that appeared being the lost one; `ALONE` where it cannot be.

    How far off it is, in sizes: from where the lost one could have got to at the speed of either or in between, in
    speed, and in size.
    """
    away_s = max(0.0, back.first_seen - lost.last_seen)
    ratio = back.side / lost.side
    if not 1 / MAX_RESUMED_RATIO <= ratio <= MAX_RESUMED_RATIO:
        return ALONE
    if is_gone(lost, back.began_at, away_s, picture_hw) or _walk_against_each_other(lost, back):
        return ALONE
    moved = back.began_at[0] - lost.seen_at[0], back.began_at[1] - lost.seen_at[1]
    side = max(lost.side, back.side)
    off = _off_triangle(moved, _times(lost.velocity, away_s), _times(back.velocity, away_s)) / side
    off += AGREE_S * hypot(lost.velocity[0] - back.velocity[0], lost.velocity[1] - back.velocity[1]) / side
    off += abs(log(ratio))
    if off >= min(NEAR + NEAR_PER_S * away_s, MAX_GATE):
        return ALONE
    return off / (1.0 + off)


def is_gone(lost: Tracklet, appears: Vector, away_s: float, picture_hw: tuple[int, int]) -> bool:
    """Whether the lost face was leaving at an edge of the picture, or has left where the other one comes in."""
    height, width = picture_hw
    return _is_gone(lost, 0, width, appears[0], away_s) or _is_gone(lost, 1, height, appears[1], away_s)


def _is_gone(lost: Tracklet, axis: int, length: float, appears: float, away_s: float) -> bool:
    position, speed, margin = lost.seen_at[axis], lost.velocity[axis], (0.5 + AT_EDGE) * lost.side
    for outwards, room, depth in ((-speed, position, appears), (speed, length - position, length - appears)):
        has_left = room - outwards * away_s < margin and depth < ENTERING * lost.side
        if outwards > OUTWARDS * lost.side and (room < margin or has_left):
            return True
    return False


def _walk_against_each_other(lost: Tracklet, back: Tracklet) -> bool:
    """Whether both walk, and more against each other than along; one that stands has any direction."""
    (a_x, a_y), (b_x, b_y) = lost.velocity, back.velocity
    slower = min(hypot(a_x, a_y) / lost.side, hypot(b_x, b_y) / back.side)
    return slower >= WALKING and a_x * b_x + a_y * b_y < 0.0


def _times(vector: Vector, factor: float) -> Vector:
    return vector[0] * factor, vector[1] * factor


def _off_triangle(point: Vector, a: Vector, b: Vector) -> float:
    """Distance of a point from the triangle of the origin, a and b; 0 inside."""
    area = a[0] * b[1] - a[1] * b[0]
    if area:
        along_a, along_b = (point[0] * b[1] - point[1] * b[0]) / area, (a[0] * point[1] - a[1] * point[0]) / area
        if along_a >= 0 and along_b >= 0 and along_a + along_b <= 1:
            return 0.0
    origin = (0.0, 0.0)
    return min(_off_segment(point, origin, a), _off_segment(point, origin, b), _off_segment(point, a, b))


def _off_segment(point: Vector, start: Vector, end: Vector) -> float:
    """Distance of a point from the segment."""
    way_x, way_y, x, y = end[0] - start[0], end[1] - start[1], point[0] - start[0], point[1] - start[1]
    length2 = way_x * way_x + way_y * way_y
    share = min(max((x * way_x + y * way_y) / length2, 0.0), 1.0) if length2 else 0.0
    return hypot(x - share * way_x, y - share * way_y)
