"""Raspberry Pi cameras through picamera2 (apt: python3-picamera2), which talks to libcamera."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import cv2
import numpy as np

from edge.clock import boottime
from edge.errors import CameraLost, SourceUnavailable, explain
from edge.sensor.types import Frame, Image
from edge.settings.settings import Camera

WHERE = "picamera"

_WAIT_S = 2.0
"""A number is required: without it, an exception in picamera2's own thread blocks for ever."""
_BUFFERS = 4
_CONVERSIONS = {"YUV420": cv2.COLOR_YUV2BGR_I420, "NV12": cv2.COLOR_YUV2BGR_NV12}
"""Formats that are not BGR. Padded rows are as many px more, so the whole is converted and then cut."""
_CLOCKS_AGREE_S = 5.0
_LOST = (TimeoutError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError, RuntimeError, OSError)


class Request(Protocol):
    """The part of picamera2's CompletedRequest that is used here."""

    def make_array(self, name: str) -> Image:
        """Copy of a stream's picture."""

    def get_metadata(self) -> Mapping[str, Any]:
        """What libcamera reports about it; SensorTimestamp in ns."""

    def release(self) -> None:
        """Give the buffer back to the camera."""


class Device(Protocol):
    """The part of picamera2's Picamera2 that is used here."""

    def camera_configuration(self) -> Mapping[str, Any] | None:
        """What was configured: by stream its format, size (width, height) and stride."""

    def capture_request(self, *, wait: float) -> Request:
        """Wait for the next picture."""

    def cancel_all_and_flush(self) -> None:
        """Give up what is being waited for."""

    def close(self) -> None:
        """Stop the camera and release it."""


class PicameraSource:
    """Frames of a started picamera2 device. Implements `ports.FrameSource`."""

    live = True

    def __init__(self, device: Device, clock: Callable[[], float] = boottime) -> None:
        self._device: Device | None = device
        self._clock = clock
        self._index = 0
        self._streams: Mapping[str, Any] = device.camera_configuration() or {}

    def read(self) -> Frame | None:
        """Return the next frame, None once closed. Raises CameraLost when none comes within 2 s.

        The camera keeps no finished pictures (`queue=False`), so the next one is never old.
        """
        if self._device is None:
            return None
        try:
            request = self._device.capture_request(wait=_WAIT_S)
        except _LOST as error:
            # What still waits must go, or closing the camera would wait for it.
            self._device.cancel_all_and_flush()
            reason = str(error) or f"no frame in {_WAIT_S} s"
            raise CameraLost(explain("no more frames", where=WHERE, got=reason, next_step="check the cable")) from error
        try:
            image, taken_at = self._picture(request, "main"), self._taken_at(request.get_metadata())
            small = self._picture(request, "lores") if self._streams.get("lores") else None
        finally:
            request.release()
        frame = Frame(image, self._index, taken_at, small)
        self._index += 1
        return frame

    def close(self) -> None:
        """Release the camera; safe to call twice."""
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _picture(self, request: Request, stream: str) -> Image:
        """One stream's picture, BGR, without the padding of its rows."""
        picture = request.make_array(stream)
        said = self._streams.get(stream) or {}
        conversion = _CONVERSIONS.get(str(said.get("format")))
        if conversion is None:
            return picture
        width, height = said["size"]
        return cast(Image, np.ascontiguousarray(cv2.cvtColor(picture, conversion)[:height, :width]))

    def _taken_at(self, metadata: Mapping[str, Any]) -> float:
        """Start of exposure where it is on our clock, else now.

        libcamera documents boot time; some drivers give CLOCK_MONOTONIC, which leaves out suspended time.
        """
        now = self._clock()
        sensor_s = float(metadata.get("SensorTimestamp", 0)) / 1e9
        return sensor_s if 0 <= now - sensor_s <= _CLOCKS_AGREE_S else now


def open_picamera(camera: Camera, clock: Callable[[], float] = boottime) -> PicameraSource:
    """Open the first Raspberry Pi camera at the configured size and rate. Raises SourceUnavailable."""
    try:
        from picamera2 import Picamera2
    except (ImportError, OSError) as error:
        raise SourceUnavailable(
            explain(
                "picamera2 is not installed",
                where=WHERE,
                got=error,
                next_step="apt install python3-picamera2, and make the venv with --system-site-packages",
            )
        ) from error
    try:
        device = Picamera2()
        device.configure(device.create_video_configuration(**video_configuration(camera)))
        device.start()
    except (RuntimeError, IndexError, OSError) as error:
        raise SourceUnavailable(
            explain(
                "no camera that can be opened", where=WHERE, got=error, next_step="see `rpicam-hello --list-cameras`"
            )
        ) from error
    return PicameraSource(device, clock)


def video_configuration(camera: Camera, *, main: str = "RGB888", lores: str = "YUV420") -> dict[str, Any]:
    """Arguments of `create_video_configuration`: libcamera's 'RGB888' is BGR in memory, sizes must be even.

    The camera scales the second stream (lores) by itself; it is left out where it would not be smaller.
    """
    size = camera.width_px // 2 * 2, camera.height_px // 2 * 2
    view_width = camera.view_width_px // 2 * 2
    view_height = round(size[1] * view_width / size[0] / 2) * 2
    streams: dict[str, Any] = {"main": {"format": main, "size": size}}
    if 0 < view_width < size[0] and view_height > 0:
        streams["lores"] = {"format": lores, "size": (view_width, view_height)}
    return {**streams, "buffer_count": _BUFFERS, "queue": False, "controls": controls(camera)}


def controls(camera: Camera) -> dict[str, Any]:
    """libcamera's controls (control_ids_core): rate and exposure, times in microseconds."""
    shortest_us = round(1e6 / camera.fps)
    longest_us = round(1e6 / min(camera.min_fps or camera.fps, camera.fps))
    found: dict[str, Any] = {"FrameDurationLimits": (shortest_us, longest_us)}
    if camera.exposure_us:
        found |= {"AeEnable": False, "ExposureTime": min(camera.exposure_us, longest_us)}
    elif camera.exposure_value:
        found["ExposureValue"] = camera.exposure_value
    return found
