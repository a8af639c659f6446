"""Webcams and other V4L2 devices through OpenCV."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from edge.clock import boottime
from edge.errors import SourceUnavailable, explain
from edge.sensor.sources.capture import LiveCapture
from edge.sensor.sources.quiet import silence_vendors
from edge.settings.settings import Camera

_BUFFERS = 2
"""One that the driver fills and one that we read: more would only add delay."""


def open_v4l2(address: str, camera: Camera, clock: Callable[[], float] = boottime) -> LiveCapture:
    """Open a camera by number or /dev path, asking for the configured size and rate.

    Raises SourceUnavailable when there is no such camera, this user may not open it, it is busy, or it is not a camera.
    """
    path = Path(f"/dev/video{int(address)}" if address.isdecimal() else address)
    _expect_device(path)
    silence_vendors()
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SourceUnavailable(
            explain("camera cannot be opened", where=str(path), next_step="is another program using it?")
        )
    _configure(capture, camera)
    return LiveCapture(capture, str(path), clock)


def _expect_device(path: Path) -> None:
    if not path.exists():
        present = ", ".join(str(device) for device in sorted(Path("/dev").glob("video*"))) or "no camera"
        raise SourceUnavailable(explain("no such camera", where=str(path), next_step=f"this machine has {present}"))
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceUnavailable(
            explain("camera may not be opened by this user", where=str(path), next_step="add the user to group video")
        )


def _configure(capture: Any, camera: Camera) -> None:
    """Motion JPEG first: uncompressed 720p over USB 2 stops at about 10 frames/s. A camera without it keeps its own."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, camera.width_px)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, camera.height_px)
    capture.set(cv2.CAP_PROP_FPS, camera.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, _BUFFERS)
