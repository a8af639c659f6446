"""Jetson's CSI cameras: the pipeline that is asked for, and a GStreamer that does what its documentation says."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.errors import CameraLost, SourceUnavailable
from edge.sensor.sources.address import SourceKind, classify
from edge.sensor.sources.csi import GStreamerSource, pipeline
from edge.settings.settings import Camera


class Refusal(Exception):
    """Stands in for GLib.Error."""


class Buffer:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def get_size(self) -> int:
        return len(self._content)

    def extract_dup(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]


class Sample:
    """A picture whose rows are padded to four bytes."""

    def __init__(self, width: int, height: int, level: int) -> None:
        self._sides = {"width": width, "height": height}
        row = bytes([level]) * (width * 3)
        self._buffer = Buffer((row + bytes(-len(row) % 4)) * height)

    def get_caps(self) -> Any:
        return SimpleNamespace(get_structure=lambda number: SimpleNamespace(get_value=self._sides.__getitem__))

    def get_buffer(self) -> Buffer:
        return self._buffer


class Gst:
    """GStreamer with a scripted sink."""

    State = SimpleNamespace(PLAYING="playing", NULL="null")
    StateChangeReturn = SimpleNamespace(SUCCESS="success")
    MessageType = SimpleNamespace(ERROR=1, EOS=2)

    def __init__(self, samples: list[Sample], *, starts: bool = True, says: str = "") -> None:
        self.states: list[str] = []
        self._samples = iter(samples)
        self._starts, self._says = starts, says

    def parse_launch(self, words: str) -> Gst:
        if "nonsense" in words:
            raise Refusal('no element "nonsense"')
        return self

    def get_by_name(self, name: str) -> Gst:
        assert name == "frames"
        return self

    def set_state(self, state: str) -> None:
        self.states.append(state)

    def get_state(self, within_ns: int) -> tuple[str]:
        assert within_ns > 0
        return ("success" if self._starts else "failure",)

    def try_pull_sample(self, within_ns: int) -> Sample | None:
        assert within_ns > 0, "without it a hung camera blocks for ever"
        return next(self._samples, None)

    def get_bus(self) -> Gst:
        return self

    def timed_pop_filtered(self, within_ns: int, kinds: int) -> Any:
        assert within_ns > 0, "a message may come a moment after the last picture"
        return SimpleNamespace(type=1, parse_error=lambda: (self._says, "")) if self._says else None


@pytest.mark.parametrize("width", [8, 7, 5])
def test_frames_are_cut_from_padded_rows(width: int) -> None:
    gst = Gst([Sample(width, 4, 9), Sample(width, 4, 10)])
    source = GStreamerSource(gst, Refusal, "x", "csi:0", clock=lambda: 5.0)
    frames = [source.read(), source.read()]
    assert [(frame.index, frame.captured_at) for frame in frames if frame] == [(0, 5.0), (1, 5.0)]
    assert frames[0] is not None
    assert frames[0].image.shape == (4, width, 3)
    assert np.unique(frames[0].image).tolist() == [9]
    source.close()
    source.close()
    assert gst.states == ["playing", "null", "null"]


@pytest.mark.parametrize(("says", "reason"), [("", "no frame in time"), ("Argus timeout", "Argus timeout")])
def test_a_camera_that_gives_nothing_is_lost_with_what_gstreamer_says(says: str, reason: str) -> None:
    source = GStreamerSource(Gst([], says=says), Refusal, "x", "csi:0")
    with pytest.raises(CameraLost, match=f"csi:0: no more frames, got {reason}"):
        source.read()


def test_a_pipeline_that_does_not_start_is_stopped_and_said() -> None:
    gst = Gst([], starts=False, says="No cameras available")
    with pytest.raises(SourceUnavailable, match="No cameras available"):
        GStreamerSource(gst, Refusal, "x", "csi:0")
    assert gst.states[-1] == "null"


def test_an_element_that_is_missing_is_named() -> None:
    with pytest.raises(SourceUnavailable, match='no element "nonsense"'):
        GStreamerSource(Gst([]), Refusal, "nonsense", "csi:0")


def test_size_rate_and_exposure_are_asked_of_the_camera() -> None:
    words = pipeline(1, Camera(width_px=1280, height_px=720, fps=15))
    assert words.startswith(
        "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=15000/1000"
    )
    assert words.endswith("video/x-raw,format=BGR ! appsink name=frames max-buffers=1 drop=true sync=false")
    assert 'exposuretimerange="8000000 8000000"' in pipeline(0, Camera(exposure_us=8000))
    assert "exposurecompensation=-2 " in pipeline(0, Camera(exposure_value=-5))


def test_addresses() -> None:
    assert [classify(word) for word in ("csi", "csi:0", "csi:1")] == [SourceKind.CSI] * 3
    assert classify("csi:12") is not SourceKind.CSI
    assert SourceKind.CSI.is_camera


@pytest.mark.process
def test_without_any_gstreamer_the_message_says_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['gi'] = None\n"  # as if it were not installed
        "from edge.sensor.sources.opening import open_source\n"
        "from edge.settings.settings import Camera\n"
        "open_source('csi:0', Camera())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "SourceUnavailable: csi:0: neither an OpenCV with GStreamer nor PyGObject is here" in done.stderr
    assert "gir1.2-gst-plugins-base-1.0" in done.stderr
