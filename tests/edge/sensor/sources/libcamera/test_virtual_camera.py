"""Passerby's picamera source on the real picamera2 and libcamera, whose virtual camera plays a portrait."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edge.catalog.lookup import Catalog
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import Box, iou
from edge.sensor.inference.opening import open_session
from tests.edge.sensor.sources.libcamera.conftest import PORTRAIT_AT, Run
from tests.pictures.portraits import detect, portrait_of_astronaut
from tests.places import MODELS

pytestmark = [pytest.mark.picamera, pytest.mark.shared]


@pytest.fixture(scope="module")
def face(shared):  # type: ignore[no-untyped-def]
    """Where the face is in the played pictures, px."""
    located = Catalog(MODELS, MODELS / "none", [shared / "models"]).locate("yunet-2023mar", ["onnx"])
    detector = NetworkDetector(
        lambda hw: open_session(located.manifest, located.folder, ["opencv:CPU"], threads=1, input_hw=hw),
        located.manifest,
        input_width=512,
    )
    box, (x, y) = detect(detector, portrait_of_astronaut(), 0.6)[0].box, PORTRAIT_AT
    return Box(box.x_min + x, box.y_min + y, box.x_max + x, box.y_max + y)


def test_faces_are_found_in_the_second_stream_and_told_in_px_of_the_first(play: Run, face: Box) -> None:
    frames = play(5)
    for frame in frames:
        assert (frame["image"], frame["view"]) == ([960, 1280, 3], [480, 640, 3])
        assert len(frame["faces"]) == 1
        assert iou(Box(*frame["faces"][0]), face) > 0.7
    assert all(later["index"] > earlier["index"] for earlier, later in pairwise(frames))
    assert all(later["at"] > earlier["at"] for earlier, later in pairwise(frames))


def test_colours_are_those_of_the_portrait(play: Run) -> None:
    """The played picture is grey (90, 90, 90) but for the portrait: blue, green and red keep their order."""
    portrait = portrait_of_astronaut().reshape(-1, 3).mean(0)
    share = 512 * 512 / (1280 * 960)
    expected = [90 * (1 - share) + share * float(level) for level in portrait]
    (frame,) = play(1)
    assert frame["mean"] == pytest.approx(expected, abs=4)


def test_both_streams_are_turned(play: Run) -> None:
    (frame,) = play(1, rotation_deg=90)
    assert (frame["image"], frame["view"]) == ([1280, 960, 3], [640, 480, 3])


def test_it_can_be_closed_and_opened_again(play: Run) -> None:
    assert [len(play(2)) for _ in range(2)] == [2, 2]
