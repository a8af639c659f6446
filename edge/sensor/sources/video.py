"""Video files and animated GIFs through OpenCV's FFMPEG: every frame in order, at the file's own times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from edge.clock import boottime
from edge.errors import BadInput, explain
from edge.sensor.sources.container import is_cut_off
from edge.sensor.sources.decoder import open_file
from edge.sensor.types import Frame, Image


def open_video(
    path: Path, fps: float, start_at: float | None = None, clock: Callable[[], float] = boottime, *, timed: bool = True
) -> VideoSource:
    """Open a video file or GIF, frames at start_at + their own time.

    fps: frames/s of a file without times of its own (`timed` False: raw H.264 and H.265), else only where the file
    states none. start_at: seconds of the clock; default is now minus the duration where the file states it, else now.
    Raises BadInput when there is no such file or nothing in it can be decoded.
    """
    where = str(path)
    _expect_file(path, where)
    capture = open_file(path)
    own_fps, frames = stated_length(capture, fps) if timed else (fps, 0)
    first_at = clock() - frames / own_fps if start_at is None else start_at
    return VideoSource(capture, where, own_fps, first_at, lambda _decoded: _fault(path), timed=timed)


def stated_length(capture: Any, fps: float) -> tuple[float, int]:
    """Frames/s (fps where not stated) and number of frames (0 where not stated) of an open capture."""
    return capture.get(cv2.CAP_PROP_FPS) or fps, int(max(0.0, capture.get(cv2.CAP_PROP_FRAME_COUNT)))


class VideoSource:
    """Frames of an open `cv2.VideoCapture` that ends. Implements `ports.FrameSource`.

    One frame is decoded ahead: so a file with no picture fails when it is opened, and the last frame of a file that
    was cut off, which the cut may run through, is replaced by the error.
    """

    live = False

    def __init__(
        self,
        capture: Any,
        where: str,
        fps: float,
        start_at: float,
        fault_at_end: Callable[[int], str | None],
        *,
        timed: bool = True,
    ) -> None:
        """Take an open capture. fault_at_end(decoded) says what is wrong once no frame follows, or None.

        Raises BadInput when no frame can be decoded.
        """
        self._capture = capture
        self._where = where
        self._interval_s = 1 / fps
        self._start_at = start_at
        self._fault_at_end = fault_at_end
        self._timed = timed
        self._decoded = 0
        self._media_s = 0.0
        self._next = self._decode()
        if self._next is None:
            self.close()
            raise BadInput(explain(fault_at_end(0) or "no picture can be decoded", where=where, expected="a video"))

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end. Raises BadInput at the end of a truncated file."""
        frame = self._next
        if frame is None:
            return None
        self._next = self._decode()
        if self._next is None:
            self.close()
            fault = self._fault_at_end(self._decoded)
            if fault is not None:
                raise BadInput(explain(fault, where=self._where, got=f"{frame.index} whole frames"))
        return frame

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._next = None
        self._capture.release()

    def _decode(self) -> Frame | None:
        try:
            ok, image = self._capture.read()
        except cv2.error as error:
            raise BadInput(explain("frame cannot be decoded", where=self._where, got=error.err)) from error
        if not ok:
            return None
        return self._frame(image)

    def _frame(self, image: Image) -> Frame:
        """The image with its own time where that moves on, else one interval after the last."""
        stated_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 if self._timed else 0.0
        index, self._decoded = self._decoded, self._decoded + 1
        if index > 0:
            self._media_s = stated_s if stated_s > self._media_s else self._media_s + self._interval_s
        else:
            self._media_s = max(0.0, stated_s)
        return Frame(image, index, self._start_at + self._media_s)


def _fault(path: Path) -> str | None:
    return "truncated file" if is_cut_off(path) else None


def _expect_file(path: Path, where: str) -> None:
    if not path.exists():
        raise BadInput(explain("no such file", where=where))
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise BadInput(explain("empty file", where=where, expected="a video"))
    except OSError as error:
        raise BadInput(explain("file cannot be read", where=where, got=error.strerror)) from error
