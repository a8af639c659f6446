"""The picamera2 adapter against a device that does what its documentation says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest

from edge.errors import CameraLost
from edge.sensor.sources.picamera import PicameraSource, controls, video_configuration
from edge.sensor.types import Image
from edge.settings.settings import Camera


class FilledRequest:
    def __init__(self, metadata: Mapping[str, Any], pictures: Mapping[str, Image] | None = None) -> None:
        self._metadata = metadata
        self._pictures = pictures or {"main": np.zeros((4, 6, 3), np.uint8)}
        self.released = 0

    def make_array(self, name: str) -> Image:
        return self._pictures[name]

    def get_metadata(self) -> Mapping[str, Any]:
        return self._metadata

    def release(self) -> None:
        self.released += 1


class ScriptedDevice:
    def __init__(self, *results: FilledRequest | Exception) -> None:
        self._results = iter(results)
        self.flushed = self.closed = 0
        self.streams: Mapping[str, Any] = {}

    def camera_configuration(self) -> Mapping[str, Any]:
        return self.streams

    def capture_request(self, *, wait: float) -> FilledRequest:
        assert 0 < wait < 10, "without a number picamera2 may block for ever"
        result = next(self._results)
        if isinstance(result, Exception):
            raise result
        return result

    def cancel_all_and_flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        self.closed += 1


def test_frames_carry_the_time_of_exposure_and_give_their_buffer_back() -> None:
    requests = [FilledRequest({"SensorTimestamp": 99_900_000_000}), FilledRequest({"SensorTimestamp": 99_950_000_000})]
    source = PicameraSource(ScriptedDevice(*requests), clock=lambda: 100.0)
    assert [(frame.index, frame.captured_at) for _ in requests if (frame := source.read())] == [(0, 99.9), (1, 99.95)]
    assert [request.released for request in requests] == [1, 1]


@pytest.mark.parametrize("metadata", [{}, {"SensorTimestamp": 5_000_000_000}, {"SensorTimestamp": 101_000_000_000}])
def test_a_sensor_time_that_is_not_on_our_clock_gives_way_to_now(metadata: Mapping[str, Any]) -> None:
    frame = PicameraSource(ScriptedDevice(FilledRequest(metadata)), clock=lambda: 100.0).read()
    assert frame is not None
    assert frame.captured_at == 100.0


@pytest.mark.parametrize("fault", [TimeoutError(), RuntimeError("Camera frontend has timed out!")])
def test_a_camera_that_gives_nothing_is_lost_and_can_be_closed(fault: Exception) -> None:
    device = ScriptedDevice(fault)
    source = PicameraSource(device)
    with pytest.raises(CameraLost, match="picamera"):
        source.read()
    source.close()
    source.close()
    assert (device.flushed, device.closed) == (1, 1)
    assert source.read() is None


def test_the_configuration_asks_for_bgr_of_an_even_size_at_the_rate_and_no_queue() -> None:
    assert video_configuration(Camera(width_px=641, height_px=480, fps=20)) == {
        "main": {"format": "RGB888", "size": (640, 480)},
        "buffer_count": 4,
        "queue": False,
        "controls": {"FrameDurationLimits": (50_000, 50_000)},
    }


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ({"width_px": 1280, "height_px": 720}, (640, 360)),
        ({"width_px": 1640, "height_px": 1232}, (640, 480)),
        ({"width_px": 1280, "height_px": 720, "view_width_px": 417}, (416, 234)),
        ({"width_px": 640, "height_px": 480}, None),
        ({"width_px": 1280, "height_px": 720, "view_width_px": 0}, None),
    ],
)
def test_a_second_stream_is_asked_for_where_it_is_smaller(words: dict[str, int], size: tuple[int, int] | None) -> None:
    lores = video_configuration(Camera(**words)).get("lores")  # type: ignore[arg-type]
    assert lores == (size and {"format": "YUV420", "size": size})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"fps": 30, "min_fps": 10}, {"FrameDurationLimits": (33_333, 100_000)}),
        ({"fps": 10, "min_fps": 30}, {"FrameDurationLimits": (100_000, 100_000)}),
        (
            {"fps": 20, "exposure_us": 60_000},
            {"FrameDurationLimits": (50_000, 50_000), "AeEnable": False, "ExposureTime": 50_000},
        ),
        ({"fps": 20, "exposure_value": -1.5}, {"FrameDurationLimits": (50_000, 50_000), "ExposureValue": -1.5}),
    ],
)
def test_rate_and_exposure_are_asked_for(words: dict[str, float], expected: dict[str, object]) -> None:
    assert controls(Camera(**words)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("stride", [64, 80])
def test_the_second_stream_becomes_bgr_without_the_padding_of_its_rows(stride: int) -> None:
    blue = np.zeros((32, stride, 3), np.uint8)
    blue[:, :64] = (200, 40, 40)
    yuv = cv2.cvtColor(blue, cv2.COLOR_BGR2YUV_I420)
    request = FilledRequest({}, {"main": np.zeros((64, 128, 3), np.uint8), "lores": yuv})
    device = ScriptedDevice(request)
    device.streams = {"main": {"format": "RGB888", "size": (128, 64)}, "lores": {"format": "YUV420", "size": (64, 32)}}
    frame = PicameraSource(device).read()
    assert frame is not None and frame.small is not None
    assert (frame.small.shape, frame.view is frame.small, frame.scale) == ((32, 64, 3), True, (2.0, 2.0))
    np.testing.assert_allclose(frame.small.reshape(-1, 3).mean(0), (200, 40, 40), atol=4)


@pytest.mark.process
def test_without_picamera2_the_message_says_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['picamera2'] = None\n"  # as if it were not installed
        "from edge.sensor.sources.opening import open_source\n"
        "from edge.settings.settings import Camera\n"
        "open_source('picamera', Camera())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "SourceUnavailable: picamera: picamera2 is not installed" in done.stderr
    assert "apt install python3-picamera2" in done.stderr
