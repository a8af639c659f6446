"""The motion of a face between two looks: against what is behind it, whatever the light and the camera do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.sensor.geometry import Box
from edge.sensor.stillness.motion import FaceMotion, Motion
from edge.sensor.types import Frame, Image, Track, TrackState
from tests.edge.sensor.stillness.scenes import FACE
from tests.pictures.portraits import portrait_of_astronaut


def track(box: Box = FACE, *, detected: bool = True) -> Track:
    return Track(1, TrackState.CONFIRMED, box, 0.9, None, 0.0, 1.0, detected)


def shifted(image: Image, across: float, down: float, part: Box | None = None) -> Image:
    """The image moved by px, whole or in one part only."""
    moved = cv2.warpAffine(
        image, np.array([[1, 0, across], [0, 1, down]]), image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
    )
    if part is None:
        return np.asarray(moved)
    result = image.copy()
    left, top, right, bottom = (round(side) for side in part.as_xyxy())
    result[top:bottom, left:right] = moved[top:bottom, left:right]
    return result


def between(before: Image, after: Image, box: Box = FACE) -> Motion:
    motion = FaceMotion()
    assert motion.look(Frame(before, 0, 0.0), [track(box)]) == {}
    return motion.look(Frame(after, 1, 0.5), [track(box)])[1]


@pytest.mark.parametrize(("across", "down"), [(0.0, 0.0), (0.3, 0.0), (2.0, -2.0), (-5.0, 3.0)])
@pytest.mark.parametrize("light", [1.0, 0.8, 1.2])
def test_a_camera_that_shakes_and_light_that_flickers_move_nobody(across: float, down: float, light: float) -> None:
    image = portrait_of_astronaut()
    after = np.clip(shifted(image, across, down) * light, 0, 255).astype(np.uint8)
    motion = between(image, after)
    assert motion.step is not None
    assert np.hypot(*motion.step) * motion.side_px < 0.1
    assert motion.spread * motion.side_px < 0.1


def test_a_head_that_moves_alone_moves_by_so_much() -> None:
    image = portrait_of_astronaut()
    head = Box(120, 20, 330, 280)
    motion = between(image, shifted(shifted(image, 2.0, 1.0, head), 1.0, 1.0))
    assert motion.step is not None
    assert np.array(motion.step) * FACE.side == pytest.approx((2.0, 1.0), abs=0.15)


def test_a_face_that_turns_does_not_move_as_one() -> None:
    image = portrait_of_astronaut()
    rows, columns = np.mgrid[0:512, 0:512].astype(np.float32)
    x, _ = FACE.centre
    near = np.clip(1 - np.abs(columns - x) / FACE.width, 0, 1)
    turned = np.asarray(cv2.remap(image, columns - 4 * near, rows, cv2.INTER_LINEAR))
    assert between(image, turned).spread > 5 * between(image, image).spread + 0.002


def test_a_face_that_is_covered_cannot_be_followed() -> None:
    image = portrait_of_astronaut()
    hidden = image.copy()
    cv2.rectangle(hidden, (150, 40), (300, 220), (90, 90, 90), cv2.FILLED)
    assert between(image, hidden).step is None


def test_a_wide_picture_and_a_smaller_view_give_the_same_in_sides_of_the_face() -> None:
    image = portrait_of_astronaut()
    after = shifted(image, 2.0, 0.0, Box(120, 20, 330, 280))
    large = [cv2.resize(each, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) for each in (image, after)]
    box = FACE.scaled(3)
    motion = FaceMotion()
    motion.look(Frame(large[0], 0, 0.0, small=image), [track(box)])
    by_view = motion.look(Frame(large[1], 1, 0.5, small=after), [track(box)])[1]
    for found in (by_view, between(large[0], large[1], box)):
        assert found.step is not None
        assert found.step[0] == pytest.approx(2.0 / FACE.side, rel=0.15)


def test_a_picture_of_another_size_and_a_face_outside_it_say_nothing() -> None:
    image, motion = portrait_of_astronaut(), FaceMotion()
    motion.look(Frame(image, 0, 0.0), [track()])
    assert motion.look(Frame(image[:400], 1, 0.5), [track()]) == {}
    assert motion.look(Frame(image[:400], 3, 1.5), [track(Box(-50, -50, -20, -10))])[1].step is None
    motion.forget()
    assert motion.look(Frame(image[:400], 4, 2.0), [track()]) == {}


def test_a_blank_picture_moves_nobody() -> None:
    blank = np.full((300, 300, 3), 128, np.uint8)
    assert between(blank, blank, Box(100, 100, 150, 150)).step is None
