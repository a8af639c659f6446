"""Video files, and GIFs too large to be read whole, through OpenCV's FFMPEG: every frame in order, at its own time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import cv2

from edge.clock import boottime
from edge.errors import BadInput, explain
from edge.sensor.sources.container import is_cut_off, is_raw, numbers_frames, unsynchronized
from edge.sensor.sources.decoder import Decoder, Fault, open_file
from edge.sensor.sources.timeline import Timeline
from edge.sensor.types import Frame, Image
from edge.settings.settings import Camera

_log = logging.getLogger(__name__)

_LAST_FRAMES = 2
"""Frames that a recorder may have counted and not written."""


def open_video(
    path: Path, fps: float, start_at: float | None = None, clock: Callable[[], float] = boottime, *, timed: bool = True
) -> VideoSource:
    """Open a video file, frames at start_at + their own time.

    fps: frames/s of a file without times of its own (`timed` False, and raw streams by their content), else only where
    the file states none. start_at: seconds of the clock; default is now minus the duration where the file states it,
    else now.
    Raises BadInput when there is no such file, its pictures are too large or nothing in it can be decoded.
    """
    where = str(path)
    _expect_file(path, where)
    timed = timed and not is_raw(path)
    if not timed and fps == Camera().fps:
        got, next_step = f"{fps:g} frames/s from camera.fps", "give --fps where it is another"
        _log.warning(explain("raw video states no rate", where=where, got=got, next_step=next_step))
    decoder = open_file(path)
    decoder.need_bounded(where)
    own_fps, frames = stated_length(decoder, fps) if timed else (fps, 0)
    first_at = clock() - frames / own_fps if start_at is None else start_at
    return VideoSource(decoder, where, own_fps, first_at, lambda _decoded: _fault(path, decoder), timed=timed)


def stated_length(decoder: Decoder, fps: float) -> tuple[float, int]:
    """Frames/s (fps where not stated) and number of frames (0 where not stated)."""
    return decoder.stated_fps or fps, decoder.stated_frames


class VideoSource:
    """Frames of footage that ends. Implements `ports.FrameSource`.

    One frame is decoded ahead: so a file with no picture fails when it is opened, and the last frame of a file that
    was cut off, which the cut may run through, is replaced by the error.
    """

    live = False

    def __init__(
        self,
        decoder: Decoder,
        where: str,
        fps: float,
        start_at: float,
        fault_at_end: Callable[[int], Fault | None],
        *,
        timed: bool = True,
    ) -> None:
        """Take an open decoder. fault_at_end(decoded) says what is wrong once no frame follows, or None.

        Raises BadInput when no frame can be decoded.
        """
        self._decoder = decoder
        self._where = where
        self._start_at = start_at
        self._fault_at_end = fault_at_end
        self._timed = timed
        self._timeline = Timeline(1 / fps)
        self._decoded = 0
        self._fault: Fault | None = None
        self._next = self._decode()
        if self._next is None:
            fault = fault_at_end(0) or Fault("no picture can be decoded")
            self.close()
            raise BadInput(explain(fault.what, where=where, expected="a video", next_step=fault.next_step))

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end. Raises BadInput after the last of a truncated or damaged file."""
        frame = self._next
        if frame is None:
            self._complain()
            return None
        self._next = self._decode()
        if self._next is None:
            self._fault = self._fault_at_end(self._decoded)
            self._decoder.close()
            if self._fault is not None and self._fault.spoils_last:
                self._decoded -= 1
                self._complain()
        return frame

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._next = self._fault = None
        self._decoder.close()

    def _complain(self) -> None:
        """Raise the fault that was found at the end, once."""
        fault, self._fault = self._fault, None
        if fault is not None:
            got = f"{self._decoded} whole frames"
            raise BadInput(explain(fault.what, where=self._where, got=got, next_step=fault.next_step))

    def _decode(self) -> Frame | None:
        try:
            image = self._decoder.read()
        except cv2.error as error:
            raise BadInput(explain("frame cannot be decoded", where=self._where, got=error.err)) from error
        return None if image is None else self._frame(image)

    def _frame(self, image: Image) -> Frame:
        index, self._decoded = self._decoded, self._decoded + 1
        media_s = self._timeline.place(self._decoder.stated_s if self._timed else None)
        return Frame(image, index, self._start_at + media_s)


def _fault(path: Path, decoder: Decoder) -> Fault | None:
    if is_cut_off(path):
        return Fault("truncated file", spoils_last=True)
    return decoder.fault() or _fault_of_container(path, decoder)


def _fault_of_container(path: Path, decoder: Decoder) -> Fault | None:
    """Damage that no decoder ever gets to see."""
    if packets := unsynchronized(path):
        return Fault(f"damaged video, {packets} packets of the transport stream do not begin where they must")
    missing = decoder.stated_frames - round(decoder.latest_s * decoder.stated_fps) - 1
    if numbers_frames(path) and missing > _LAST_FRAMES:
        return Fault(f"damaged video, {missing} of {decoder.stated_frames} pictures are missing")
    return None


def _expect_file(path: Path, where: str) -> None:
    if not path.exists():
        raise BadInput(explain("no such file", where=where))
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise BadInput(explain("empty file", where=where, expected="a video"))
    except OSError as error:
        raise BadInput(explain("file cannot be read", where=where, got=error.strerror)) from error
