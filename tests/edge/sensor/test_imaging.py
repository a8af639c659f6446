from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.geometry import Box
from edge.sensor.imaging import (
    FACE_SIDE_PX,
    MOTION_HEIGHT_PX,
    MOTION_WIDTH_PX,
    TEMPLATES,
    align_face,
    brightness,
    crop_square,
    fit_similarity,
    grey_face,
    letterbox,
    rotate,
    sharpness,
    shrink_for_motion,
    stretch,
)
from edge.sensor.types import Image

SIDE, TEMPLATE = TEMPLATES["utkface-112"]
sides = st.integers(8, 400)


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int, seed: int = 0) -> Image:
    return np.ascontiguousarray(cv2.resize(noise(12, 12, seed), (width, height), interpolation=cv2.INTER_CUBIC))


def difference(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@given(sides, sides, sides, sides, st.floats(0, 1), st.floats(0, 1))
def test_a_point_comes_back_from_the_letterbox(h: int, w: int, to_h: int, to_w: int, x: float, y: float) -> None:
    picture, scale = letterbox(np.zeros((h, w, 3), np.uint8), (to_h, to_w))
    inside = x * w * scale, y * h * scale
    assert picture.shape == (to_h, to_w, 3)
    assert -1e-6 <= inside[0] <= to_w + 1e-6
    assert -1e-6 <= inside[1] <= to_h + 1e-6
    assert (inside[0] / scale, inside[1] / scale) == pytest.approx((x * w, y * h), abs=1e-6)


def test_the_letterbox_keeps_the_aspect_and_pads_with_black_below_and_to_the_right() -> None:
    white = np.full((432, 768, 3), 255, np.uint8)
    wide, scale = letterbox(white, (192, 320))
    assert scale == pytest.approx(320 / 768)
    assert wide[:180].min() == 255
    assert wide[180:].max() == 0
    tall, _ = letterbox(rotate(white, 90), (320, 320))
    assert tall[:, :180].min() == 255
    assert tall[:, 180:].max() == 0


def test_a_letterbox_that_is_written_again_forgets_the_picture_before() -> None:
    out, _ = letterbox(np.full((100, 100, 3), 255, np.uint8), (64, 64))
    again, _ = letterbox(np.full((50, 100, 3), 255, np.uint8), (64, 64), out=out)
    assert again is out
    assert out[32:].max() == 0


def test_a_picture_of_the_right_size_is_copied_as_it_is() -> None:
    image = noise(64, 96)
    assert np.array_equal(letterbox(image, (64, 96))[0], image)
    assert np.array_equal(stretch(image, (64, 96)), image)


def test_stretch_fills_the_whole_picture() -> None:
    assert stretch(np.full((40, 90, 3), 7, np.uint8), (30, 30)).min() == 7


turns = st.tuples(st.floats(-3.1, 3.1), st.floats(0.1, 10), st.floats(-500, 500), st.floats(-500, 500))


@given(turns)
def test_a_similarity_is_found_from_its_points(turn: tuple[float, float, float, float]) -> None:
    angle, scale, dx, dy = turn
    linear = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    points = (TEMPLATE @ linear.T + (dx, dy)).astype(np.float32)
    found = fit_similarity(TEMPLATE, points)
    assert found[:, :2] == pytest.approx(linear, abs=1e-3)
    assert found[:, 2] == pytest.approx((dx, dy), abs=0.05)


def test_a_similarity_never_mirrors() -> None:
    mirrored = (TEMPLATE * (-1, 1)).astype(np.float32)
    assert np.linalg.det(fit_similarity(TEMPLATE, mirrored)[:, :2]) >= 0


def test_points_that_coincide_give_a_shift() -> None:
    found = fit_similarity(np.full((5, 2), 9, np.float32), TEMPLATE)
    assert found[:, :2] == pytest.approx(np.eye(2))


def test_a_face_that_lies_on_the_template_is_left_as_it_is() -> None:
    image = smooth(SIDE, SIDE)
    assert np.array_equal(align_face(image, TEMPLATE, "utkface-112", (SIDE, SIDE)), image)


@pytest.mark.parametrize("scale", [0.7, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("angle", [-30.0, 0.0, 75.0])
def test_a_turned_and_scaled_face_is_aligned_back(scale: float, angle: float) -> None:
    chip = smooth(SIDE, SIDE)
    there = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, scale)
    there[:, 2] += 600 - SIDE / 2
    on_centres = there.copy()
    on_centres[:, 2] += there[:, :2] @ (0.5, 0.5) - 0.5
    image = cv2.warpAffine(chip, on_centres, (1200, 1200), flags=cv2.INTER_CUBIC)
    landmarks = (TEMPLATE @ there[:, :2].T + there[:, 2]).astype(np.float32)
    back = align_face(np.ascontiguousarray(image), landmarks, "utkface-112", (SIDE, SIDE))
    assert difference(back[8:-8, 8:-8], chip[8:-8, 8:-8]) < 3


def test_a_negative_margin_shows_the_centre_and_any_size_is_given() -> None:
    image = smooth(SIDE, SIDE)
    tight = align_face(image, TEMPLATE, "utkface-112", (80, 80), margin=-4 / 112)
    assert difference(tight, np.ascontiguousarray(cv2.resize(image[4:108, 4:108], (80, 80)))) < 1.5


def test_a_positive_margin_repeats_the_edge() -> None:
    wide = align_face(np.full((SIDE, SIDE, 3), 99, np.uint8), TEMPLATE, "utkface-112", (64, 64), margin=0.5)
    assert (wide == 99).all()


@pytest.mark.parametrize("at", [0, 1000, 40000 - SIDE])
@pytest.mark.parametrize("down", [False, True])
def test_a_face_in_a_picture_longer_than_opencv_warps_is_aligned_as_in_a_short_one(at: int, down: bool) -> None:
    strip = np.full((40000, SIDE, 3), 30, np.uint8) if down else np.full((SIDE, 40000, 3), 30, np.uint8)
    place = strip[at : at + SIDE] if down else strip[:, at : at + SIDE]
    place[:] = smooth(SIDE, SIDE)
    landmarks = (TEMPLATE + ((0, at) if down else (at, 0))).astype(np.float32)
    aligned = align_face(strip, landmarks, "utkface-112", (80, 80), margin=-4 / 112)
    assert difference(aligned, align_face(smooth(SIDE, SIDE), TEMPLATE, "utkface-112", (80, 80), margin=-4 / 112)) < 0.5


def test_a_large_face_is_averaged_and_not_sampled() -> None:
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 255
    small = align_face(stripes, TEMPLATE * 10, "utkface-112", (56, 56))
    assert small[2:-2, 2:-2].std() < 4


def test_a_crop_is_the_square_round_the_box() -> None:
    image = noise(200, 300)
    crop = crop_square(image, Box(100, 60, 140, 120), (60, 60))
    assert np.array_equal(crop, image[60:120, 90:150])


def test_a_crop_with_a_margin_of_a_half_shows_twice_the_side() -> None:
    image = smooth(200, 300)
    crop = crop_square(image, Box(100, 80, 140, 120), (80, 80), margin=0.5)
    assert np.array_equal(crop, image[60:140, 80:160])


@given(st.floats(-100, 300), st.floats(-100, 300), st.floats(0, 400), st.floats(0, 400))
def test_a_crop_has_its_size_wherever_the_box_is(x: float, y: float, width: float, height: float) -> None:
    crop = crop_square(np.full((120, 160, 3), 50, np.uint8), Box(x, y, x + width, y + height), (24, 24))
    assert crop.shape == (24, 24, 3)
    assert (crop == 50).all()


def test_sharpness_falls_with_blur_and_not_with_size_or_contrast() -> None:
    image = noise(192, 192)
    whole = Box(0, 0, 192, 192)
    sharp, dim = (sharpness(grey_face(picture, whole)) for picture in (image, (image // 3).astype(np.uint8)))
    blurred = sharpness(grey_face(np.ascontiguousarray(cv2.GaussianBlur(image, (0, 0), 8)), whole))
    assert sharp > 3 * blurred
    assert dim == pytest.approx(sharp, rel=0.1)


def test_a_flat_face_is_not_sharp_and_has_its_brightness() -> None:
    face = grey_face(np.full((60, 60, 3), 130, np.uint8), Box(0, 0, 60, 60))
    assert face.shape == (FACE_SIDE_PX, FACE_SIDE_PX)
    assert sharpness(face) == 0
    assert brightness(face) == 130


def test_motion_shows_in_the_small_grey_picture() -> None:
    image = np.full((432, 768, 3), 80, np.uint8)
    before = shrink_for_motion(image)
    image[200:260, 300:360] = 200
    after = shrink_for_motion(image)
    assert before.shape == (MOTION_HEIGHT_PX, MOTION_WIDTH_PX)
    assert (before == 80).all()
    assert (after == 200).sum() == pytest.approx(25, abs=12)


def test_rotation_is_clockwise() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    assert rotate(image, 0)[0, 0, 0] == 255
    assert rotate(image, 90).shape == (3, 2, 3)
    assert rotate(image, 90)[0, 1, 0] == 255
    assert rotate(image, 180)[1, 2, 0] == 255
    assert rotate(image, 270)[2, 0, 0] == 255
