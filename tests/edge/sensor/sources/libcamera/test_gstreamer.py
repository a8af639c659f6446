"""Passerby's GStreamer source on a real GStreamer through PyGObject, with its test picture in the camera's place."""

from __future__ import annotations

import pytest

from tests.edge.sensor.sources.libcamera.conftest import Run

pytestmark = [pytest.mark.picamera, pytest.mark.shared]

RED = "videotestsrc is-live=true pattern=red{} ! video/x-raw,format=BGR,width={},height=48,framerate=30/1"


@pytest.mark.parametrize("width", [64, 63, 62, 61])
def test_frames_come_as_bgr_whatever_the_padding_of_their_rows(inside: Run, width: int) -> None:
    frames = inside("gstreamer.py", RED.format("", width))
    assert [frame["index"] for frame in frames] == [0, 1, 2, 3, 4]
    assert {frame["opencv"] for frame in frames} == {False}
    for frame in frames:
        assert frame["image"] == [48, width, 3]
        assert frame["mean"] == pytest.approx([0, 0, 255], abs=2)


def test_the_end_of_the_stream_is_a_lost_camera(inside: Run) -> None:
    *frames, last = inside("gstreamer.py", RED.format(" num-buffers=3", 64))
    assert len(frames) <= 3
    assert last["error"].startswith("test: no more frames, got end of stream")


def test_an_element_that_is_missing_is_named(inside: Run) -> None:
    (told,) = inside("gstreamer.py", "nvarguscamerasrc sensor-id=0")
    assert "no camera that can be opened" in told["error"]
    assert "nvarguscamerasrc" in told["error"]
