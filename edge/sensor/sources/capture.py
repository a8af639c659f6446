"""Live frames of an open `cv2.VideoCapture`: V4L2 cameras and those of GStreamer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2

from edge.clock import boottime
from edge.errors import CameraLost, explain
from edge.sensor.types import Frame


class LiveCapture:
    """Frames as they arrive, timed by our clock. Implements `ports.FrameSource`."""

    live = True

    def __init__(self, capture: Any, where: str, clock: Callable[[], float] = boottime) -> None:
        self._capture = capture
        self._where = where
        self._clock = clock
        self._index = 0

    def read(self) -> Frame | None:
        """Return the next frame. Raises CameraLost when none comes: `read` then fails at once, for good."""
        try:
            ok, image = self._capture.read()
        except cv2.error as error:
            raise CameraLost(explain("no more frames", where=self._where, got=error.err)) from error
        if not ok:
            raise CameraLost(explain("no more frames", where=self._where, next_step="is it still connected?"))
        frame = Frame(image, self._index, self._clock())
        self._index += 1
        return frame

    def close(self) -> None:
        """Release the camera; safe to call twice."""
        self._capture.release()
