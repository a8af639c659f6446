"""Polygons of a picture, in fractions of its width and height: what is wrong with one, and what lies inside it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]
"""Across and down from the top left corner, 0-1."""
Side = tuple[Point, Point]

LEAST_AREA = 1e-6
"""Smallest area of a polygon, as a fraction of the picture: about a pixel of a camera's."""


def contains(points: Sequence[Point], x: float, y: float) -> bool:
    """Whether a point lies inside the polygon, by the even-odd rule."""
    crossings = 0
    for (x_1, y_1), (x_2, y_2) in _sides(points):
        if (y_1 > y) != (y_2 > y) and x < x_1 + (y - y_1) / (y_2 - y_1) * (x_2 - x_1):
            crossings += 1
    return crossings % 2 == 1


def area(points: Sequence[Point]) -> float:
    """Area as a fraction of the picture, 0-1, of a polygon whose sides do not cross (the shoelace formula)."""
    return abs(sum(x_1 * y_2 - x_2 * y_1 for (x_1, y_1), (x_2, y_2) in _sides(points))) / 2


def fault_of(points: Sequence[Point]) -> str:
    """What keeps at least three points from being the corners of a polygon, in words; empty where nothing does."""
    if points[0] == points[-1]:
        return "the last point repeats the first, which closes the polygon by itself"
    if repeated := next((number for number, point in enumerate(points) if point in points[:number]), 0):
        return f"point {repeated + 1} is there twice"
    for (first, a), (second, b) in combinations(enumerate(_sides(points), start=1), 2):
        neighbours = second - first in (1, len(points) - 1)
        if _fold_back(a, b) if neighbours else _meet(a, b):
            return f"its sides {first} and {second} cross or touch"
    return "" if area(points) >= LEAST_AREA else "it has no area"


def _sides(points: Sequence[Point]) -> list[Side]:
    """Side 1 runs from the first point to the second; the last one back to the first point."""
    return list(zip(points, [*points[1:], points[0]], strict=True))


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of a triangle; 0 where the points lie on a line."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(side: Side, point: Point) -> bool:
    """Whether a point on the line of a side lies on the side itself."""
    (x_1, y_1), (x_2, y_2) = side
    return min(x_1, x_2) <= point[0] <= max(x_1, x_2) and min(y_1, y_2) <= point[1] <= max(y_1, y_2)


def _meet(a: Side, b: Side) -> bool:
    """Whether two sides without a common end have a point in common."""
    turns = _turn(*a, b[0]), _turn(*a, b[1]), _turn(*b, a[0]), _turn(*b, a[1])
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((a, b[0]), (a, b[1]), (b, a[0]), (b, a[1]))
    return any(turn == 0 and _within(side, end) for turn, (side, end) in zip(turns, ends, strict=True))


def _fold_back(a: Side, b: Side) -> bool:
    """Whether two sides with a common end lie on each other."""
    common = a[1] if a[1] in b else a[0]
    one = a[0] if a[1] == common else a[1]
    other = b[0] if b[1] == common else b[1]
    along = (one[0] - common[0]) * (other[0] - common[0]) + (one[1] - common[1]) * (other[1] - common[1])
    return _turn(common, one, other) == 0 and along > 0
