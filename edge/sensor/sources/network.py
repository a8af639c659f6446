"""Network streams (RTSP, HTTP and others) through OpenCV's FFMPEG."""

from __future__ import annotations

from collections.abc import Callable

import cv2

from edge.clock import boottime
from edge.errors import CameraLost, SourceUnavailable, explain
from edge.sensor.sources.address import shown
from edge.sensor.sources.decoder import Decoder, Fault, open_address
from edge.sensor.sources.video import VideoSource, stated_length
from edge.sensor.types import Frame

_OPEN_TIMEOUT_MS = 10_000
_READ_TIMEOUT_MS = 5_000
_WHOLE = 0.95
"""Share of the stated frames below which a stream that stops has broken off: their number is often an estimate."""


def open_network(
    url: str,
    fps: float,
    start_at: float | None = None,
    clock: Callable[[], float] = boottime,
    *,
    name: str = "",
) -> LiveStream | VideoSource:
    """Open a stream: live when it states no length, else a file that happens to be elsewhere (see `open_video`).

    name: what messages call it; default is the address without its secrets. Raises SourceUnavailable, and BadInput
    where its pictures are too large.
    """
    where = name or shown(url)
    decoder = open_address(url, open_timeout_ms=_OPEN_TIMEOUT_MS, read_timeout_ms=_READ_TIMEOUT_MS)
    if not decoder.is_open:
        raise SourceUnavailable(
            explain(
                "stream cannot be opened",
                where=where,
                expected="a video stream",
                next_step="for a web page that shows a video write page:URL" if url.startswith("http") else "",
            )
        )
    decoder.need_bounded(where)
    own_fps, stated = stated_length(decoder, fps)
    if not stated:
        return LiveStream(decoder, where, clock)
    first_at = clock() - stated / own_fps if start_at is None else start_at
    return VideoSource(decoder, where, own_fps, first_at, lambda decoded: _fault(decoder, decoded, stated))


class LiveStream:
    """Pictures of a stream as they arrive, timed by our clock. Implements `ports.FrameSource`."""

    live = True

    def __init__(self, decoder: Decoder, where: str, clock: Callable[[], float] = boottime) -> None:
        self._decoder, self._where, self._clock = decoder, where, clock
        self._index = 0
        self._stated_s: float | None = None
        self._arrived_at = 0.0

    def read(self) -> Frame | None:
        """Return the next frame. Raises CameraLost when none comes, or none that can be converted."""
        try:
            image = self._decoder.read()
        except cv2.error as error:
            raise CameraLost(explain("no more frames", where=self._where, got=error.err)) from error
        if image is None:
            raise self._lost()
        frame = Frame(image, self._index, self._arrival())
        self._index += 1
        return frame

    def close(self) -> None:
        """Close the stream; safe to call twice."""
        self._decoder.close()

    def _arrival(self) -> float:
        """Now, unless the stream's own clock stands still: then when it began to."""
        stated_s, self._stated_s = self._stated_s, self._decoder.stated_s
        if self._stated_s is None or self._stated_s != stated_s:
            self._arrived_at = self._clock()
        return self._arrived_at

    def _lost(self) -> CameraLost:
        fault = None if self._index else self._decoder.fault()
        if fault is None:
            return CameraLost(explain("no more frames", where=self._where, next_step="is it still connected?"))
        return CameraLost(explain(fault.what, where=self._where, next_step=fault.next_step))


def _fault(decoder: Decoder, decoded: int, stated: int) -> Fault | None:
    if decoded < _WHOLE * stated:
        return Fault(f"stream broke off before its {stated} frames", spoils_last=True)
    return decoder.fault()
