"""CSI cameras of a Jetson, through GStreamer: with an OpenCV that has it (JetPack's own), else with PyGObject.

pip's OpenCV has no GStreamer. The element is `nvarguscamerasrc` (NVIDIA, Accelerated GStreamer for Jetson).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from edge.clock import boottime
from edge.errors import CameraLost, SourceUnavailable, explain
from edge.sensor.ports import FrameSource
from edge.sensor.sources.capture import LiveCapture
from edge.sensor.types import Frame
from edge.settings.settings import Camera

_WAIT_NS = 2_000_000_000
_START_NS = 10_000_000_000
_REASON_NS = 200_000_000
"""The bus reports an end a moment after the sink has seen it."""
_ROW_BYTES = 4
"""GStreamer pads the rows of BGR pictures to this multiple."""
SINK = "appsink name=frames max-buffers=1 drop=true sync=false"


def pipeline(sensor: int, camera: Camera) -> str:
    """What GStreamer is to do: the camera's pictures in the settings' size and rate, BGR, only the newest kept."""
    rate = f"{round(camera.fps * 1000)}/1000"
    size = f"width={camera.width_px},height={camera.height_px}"
    exposure = ""
    if camera.exposure_us:
        exposure = f' exposuretimerange="{camera.exposure_us * 1000} {camera.exposure_us * 1000}"'
    elif camera.exposure_value:
        exposure = f" exposurecompensation={max(-2.0, min(2.0, camera.exposure_value)):g}"
    return (
        f"nvarguscamerasrc sensor-id={sensor}{exposure} ! video/x-raw(memory:NVMM),{size},framerate={rate}"
        f" ! nvvidconv ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR ! {SINK}"
    )


def open_csi(address: str, camera: Camera, clock: Callable[[], float] = boottime) -> FrameSource:
    """Open the CSI camera `csi` or `csi:NUMBER`. Raises SourceUnavailable with what is missing."""
    sensor = int(address.partition(":")[2] or 0)
    return open_gstreamer(pipeline(sensor, camera), address, clock)


def open_gstreamer(words: str, where: str, clock: Callable[[], float] = boottime) -> FrameSource:
    """Open a pipeline that ends in `SINK`, with what this machine has. Raises SourceUnavailable."""
    if opencv_has_gstreamer():
        capture = cv2.VideoCapture(words, cv2.CAP_GSTREAMER)
        if not capture.isOpened():
            raise _refused(where, "OpenCV's GStreamer does not open the pipeline")
        return LiveCapture(capture, where, clock)
    gst, refusals = _import_gstreamer(where)
    return GStreamerSource(gst, refusals, words, where, clock)


def opencv_has_gstreamer() -> bool:
    """Whether the OpenCV that is installed was built with it."""
    lines = [line.split() for line in cv2.getBuildInformation().splitlines()]
    return any(words[:2] == ["GStreamer:", "YES"] for words in lines)


def _import_gstreamer(where: str) -> tuple[Any, type[Exception]]:
    try:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("GstApp", "1.0")
        from gi.repository import GLib, Gst, GstApp  # noqa: F401
    except (ImportError, ValueError) as error:
        raise SourceUnavailable(
            explain(
                "neither an OpenCV with GStreamer nor PyGObject is here",
                where=where,
                got=error,
                next_step="use JetPack's OpenCV, or apt install python3-gi gir1.2-gst-plugins-base-1.0, "
                "and make the venv with --system-site-packages",
            )
        ) from error
    Gst.init(None)
    return Gst, GLib.Error


class GStreamerSource:
    """Frames of a pipeline that ends in `SINK`. Implements `ports.FrameSource`."""

    live = True

    def __init__(
        self,
        gst: Any,
        refusals: type[Exception],
        words: str,
        where: str,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """gst: the module `gi.repository.Gst`; refusals: `GLib.Error`. Raises SourceUnavailable."""
        self._gst, self._where, self._clock = gst, where, clock
        self._index = 0
        try:
            self._pipeline = gst.parse_launch(words)
        except refusals as error:
            raise _refused(where, str(error)) from error
        self._sink = self._pipeline.get_by_name("frames")
        self._pipeline.set_state(gst.State.PLAYING)
        if self._pipeline.get_state(_START_NS)[0] != gst.StateChangeReturn.SUCCESS:
            reason = self._complaint()
            self.close()
            raise _refused(where, reason)

    def read(self) -> Frame | None:
        """Return the next frame. Raises CameraLost when none comes within 2 s."""
        sample = self._sink.try_pull_sample(_WAIT_NS)
        if sample is None:
            raise CameraLost(explain("no more frames", where=self._where, got=self._complaint()))
        frame = Frame(self._picture(sample), self._index, self._clock())
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop the pipeline; safe to call twice."""
        self._pipeline.set_state(self._gst.State.NULL)

    def _picture(self, sample: Any) -> Any:
        structure = sample.get_caps().get_structure(0)
        width, height = structure.get_value("width"), structure.get_value("height")
        buffer = sample.get_buffer()
        content = buffer.extract_dup(0, buffer.get_size())
        row = -(-width * 3 // _ROW_BYTES) * _ROW_BYTES
        rows = np.frombuffer(content, np.uint8)[: row * height].reshape(height, row)
        return np.ascontiguousarray(rows[:, : width * 3].reshape(height, width, 3))

    def _complaint(self) -> str:
        """What the pipeline reports about itself."""
        kinds = self._gst.MessageType.ERROR | self._gst.MessageType.EOS
        message = self._pipeline.get_bus().timed_pop_filtered(_REASON_NS, kinds)
        if message is None:
            return "no frame in time"
        return "end of stream" if message.type == self._gst.MessageType.EOS else str(message.parse_error()[0])


def _refused(where: str, reason: str) -> SourceUnavailable:
    return SourceUnavailable(
        explain(
            "no camera that can be opened",
            where=where,
            got=reason,
            next_step="see `nvgstcapture-1.0`; a hung nvargus-daemon needs a restart",
        )
    )
