"""Our YuNet against OpenCV's own (`FaceDetectorYN`), on portraits and on clips of the shared material."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sensor.geometry import Box, iou
from edge.sensor.types import Detection, Image
from tests.pictures.portraits import (
    detect,
    open_detector,
    portrait_of_admiral,
    portrait_of_astronaut,
    same_faces,
    two_portraits,
)

pytestmark = pytest.mark.golden

FULL_SIZE_SCORE, NMS_IOU = 0.7, 0.3
ASTRONAUT = {
    "box": (181.0, 65.0, 270.0, 178.0),
    "landmarks": [(203, 101), (246, 103), (223, 126), (202, 140), (243, 140)],
}
"""Read off the picture under a grid, to a few px: the person's right eye is the left one in the picture."""


def frames(clip: Path, step: int = 1) -> Iterator[Image]:
    capture = cv2.VideoCapture(str(clip))
    for index in range(10_000):
        there, image = capture.read()
        if not there:
            return
        if index % step == 0:
            yield image


def oracle(shared: Path, image: Image, score: float) -> list[Detection]:
    """Faces by OpenCV's own pre- and postprocessing at the image's own size."""
    size = image.shape[1], image.shape[0]
    model = shared / "models" / "yunet" / "face_detection_yunet_2023mar.onnx"
    _, rows = cv2.FaceDetectorYN.create(str(model), "", size, score, NMS_IOU, 5000).detect(image)
    return [
        Detection(Box(x, y, x + width, y + height), score, np.array(points, np.float32).reshape(5, 2))
        for x, y, width, height, *points, score in ([] if rows is None else rows.tolist())
    ]


@pytest.mark.parametrize("portrait", [portrait_of_astronaut, portrait_of_admiral, two_portraits])
def test_yunet_equals_opencvs_own_on_portraits(shared: Path, portrait: object) -> None:
    image = portrait()  # type: ignore[operator]
    found = detect(open_detector(shared, "yunet-2023mar", "openvino:CPU", input_width=-1), image, 0.5)
    expected = oracle(shared, image, 0.5)
    assert same_faces(found, expected, least_iou=0.999)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.score == pytest.approx(theirs.score, abs=1e-3)
        assert mine.landmarks == pytest.approx(theirs.landmarks, abs=0.1)


@pytest.mark.parametrize("clip", ["two-faces-768x432.h264", "entrance-1080p.mp4"])
def test_yunet_equals_opencvs_own_on_clips(shared: Path, clip: str) -> None:
    detector = open_detector(shared, "yunet-2023mar", "openvino:CPU", input_width=-1)
    count = 0
    for image in frames(shared / "video" / clip, step=30):
        found, expected = detect(detector, image, 0.6), oracle(shared, image, 0.6)
        assert same_faces(found, expected, least_iou=0.99)
        count += len(found)
    assert count >= 4


def test_the_astronauts_landmarks_lie_where_a_person_sees_them(shared: Path) -> None:
    (face,) = detect(open_detector(shared, "yunet-2023mar", "openvino:CPU"), portrait_of_astronaut(), 0.5)
    assert iou(face.box, Box(*ASTRONAUT["box"])) > 0.8
    assert face.landmarks == pytest.approx(np.array(ASTRONAUT["landmarks"]), abs=6)


def test_yunet_at_its_default_size_finds_the_faces_that_it_finds_at_full_size(shared: Path) -> None:
    """582 faces at full size with a score of 0.7; a track is carried on by the low score."""
    detector = open_detector(shared, "yunet-2023mar", "openvino:CPU")
    matched = 0
    for image in frames(shared / "video" / "two-faces-768x432.h264"):
        found = detect(detector, image)
        matched += sum(
            max((iou(face.box, other.box) for other in found), default=0.0) >= 0.5
            for face in oracle(shared, image, FULL_SIZE_SCORE)
        )
    assert matched >= 565
