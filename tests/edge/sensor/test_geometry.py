"""Boxes: area, scaling, clipping, and how much two of them overlap."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.sensor.geometry import Box, iou

coordinate = st.floats(-5000, 5000)
size = st.floats(0.01, 5000)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), coordinate, coordinate, size, size)
any_corners = st.builds(Box, coordinate, coordinate, coordinate, coordinate)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_between_none_and_all(a: Box, b: Box) -> None:
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert 0.0 <= iou(a, b) <= 1.0 + 1e-9


@given(boxes)
def test_a_box_overlaps_itself_wholly(box: Box) -> None:
    assert iou(box, box) == pytest.approx(1.0)


@given(boxes, st.floats(0, 100))
def test_boxes_beside_each_other_do_not_overlap(box: Box, gap_px: float) -> None:
    beside = box.shifted(box.width + gap_px, 0)
    assume(beside.x_min >= box.x_max)  # rounding may let them touch
    assert iou(box, beside) == 0.0


def test_overlap_is_intersection_over_union() -> None:
    assert iou(Box(0, 0, 10, 10), Box(5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou(Box(0, 0, 10, 10), Box(2, 2, 4, 4)) == pytest.approx(4 / 100)


@given(any_corners, any_corners)
def test_boxes_without_an_inside_overlap_nothing_and_raise_nothing(a: Box, b: Box) -> None:
    if a.area == 0 or b.area == 0:
        assert iou(a, b) == 0.0


@given(any_corners)
def test_no_box_has_a_negative_size(box: Box) -> None:
    assert box.width >= 0
    assert box.height >= 0
    assert box.area == box.width * box.height
    assert box.side**2 == pytest.approx(box.area)


@given(boxes, st.floats(0.1, 10), coordinate, coordinate)
def test_scaling_and_moving_keep_the_shape(box: Box, factor: float, dx: float, dy: float) -> None:
    scaled = box.scaled(factor)
    assert scaled.width == pytest.approx(box.width * factor, abs=1e-6)
    assert scaled.height == pytest.approx(box.height * factor, abs=1e-6)
    moved = box.shifted(dx, dy)
    assert moved.area == pytest.approx(box.area, rel=1e-3, abs=1e-6)
    assert moved.centre == pytest.approx((box.centre[0] + dx, box.centre[1] + dy), abs=1e-6)


@given(any_corners, st.floats(1, 4000), st.floats(1, 4000))
def test_a_clipped_box_lies_in_the_picture_and_clipping_again_changes_nothing(
    box: Box, width_px: float, height_px: float
) -> None:
    clipped = box.clipped(width_px, height_px)
    x_min, y_min, x_max, y_max = clipped.as_xyxy()
    assert all(0 <= x <= width_px for x in (x_min, x_max))
    assert all(0 <= y <= height_px for y in (y_min, y_max))
    assert clipped.clipped(width_px, height_px) == clipped


@given(boxes)
def test_a_box_inside_the_picture_is_not_changed_by_clipping(box: Box) -> None:
    inside = box.shifted(-box.x_min, -box.y_min)
    assert inside.clipped(inside.x_max, inside.y_max) == inside
