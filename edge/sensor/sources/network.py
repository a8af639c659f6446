"""Network streams (RTSP, HTTP and others) through OpenCV's FFMPEG."""

from __future__ import annotations

from collections.abc import Callable

from edge.clock import boottime
from edge.errors import SourceUnavailable, explain
from edge.sensor.sources.address import shown
from edge.sensor.sources.capture import LiveCapture
from edge.sensor.sources.decoder import open_address
from edge.sensor.sources.video import VideoSource, stated_length

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
) -> LiveCapture | VideoSource:
    """Open a stream: live when it states no length, else a file that happens to be elsewhere (see `open_video`).

    name: what messages call it; default is the address without its secrets. Raises SourceUnavailable.
    """
    where = name or shown(url)
    capture = open_address(url, open_timeout_ms=_OPEN_TIMEOUT_MS, read_timeout_ms=_READ_TIMEOUT_MS)
    if not capture.isOpened():
        raise SourceUnavailable(
            explain(
                "stream cannot be opened",
                where=where,
                expected="a video stream",
                next_step="for a web page that shows a video write page:URL" if url.startswith("http") else "",
            )
        )
    own_fps, stated = stated_length(capture, fps)
    if not stated:
        return LiveCapture(capture, where, clock)
    first_at = clock() - stated / own_fps if start_at is None else start_at
    return VideoSource(capture, where, own_fps, first_at, lambda decoded: _broken_off(decoded, stated))


def _broken_off(decoded: int, stated: int) -> str | None:
    return f"stream broke off before its {stated} frames" if decoded < _WHOLE * stated else None
