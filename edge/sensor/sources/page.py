"""Finds the video stream of a web page, such as YouTube's, with yt-dlp. Workstation only: `analyze`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.errors import SourceUnavailable, explain
from edge.sensor.sources.address import WEB_SCHEMES, page_url, shown
from edge.sensor.sources.decoder import percent_encoded

_MOST_SCHEME = 16
"""Characters of a scheme in a message."""


class _Silent:
    """yt-dlp's logger protocol: its messages come back as the exception."""

    def debug(self, message: str) -> None:
        """Drop a message."""

    warning = error = debug


def stream_of_page(address: str, max_height_px: int) -> str:
    """Address of the best video stream of a page, at most max_height_px high where the page offers a choice.

    Raises SourceUnavailable when yt-dlp is not installed, finds no video, or finds one that is not on the web.
    """
    where = shown(address)
    try:
        import yt_dlp
    except ImportError as error:
        raise SourceUnavailable(
            explain("page addresses need yt-dlp", where=where, next_step="install passerby[pages]")
        ) from error
    try:
        with yt_dlp.YoutubeDL(_options(max_height_px)) as finder:
            found: Mapping[str, Any] = finder.extract_info(percent_encoded(page_url(address)), download=False) or {}
    except yt_dlp.utils.YoutubeDLError as error:
        raise SourceUnavailable(explain("no video found on this page", where=where, got=_reason(error))) from error
    url = _first_video(found).get("url")
    if not url:
        raise SourceUnavailable(explain("no video found on this page", where=where))
    return _need_web(str(url), where)


def _need_web(url: str, where: str) -> str:
    """A page may name anything for a video: a file of this machine, a camera in its network, a pipe of FFMPEG's."""
    scheme = url.partition(":")[0]
    if scheme.lower() not in WEB_SCHEMES or not url[len(scheme) :].startswith("://"):
        got = f"{scheme[:_MOST_SCHEME]}:"
        raise SourceUnavailable(
            explain("the page names a video that is not on the web", where=where, got=got, expected="http or https")
        )
    return url


def _options(max_height_px: int) -> dict[str, Any]:
    """Faces need no sound, so a stream of video alone is as good; nothing is written to disk."""
    return {
        "format": f"bv*[height<=?{max_height_px}]/b[height<=?{max_height_px}]/bv*/b",
        "logger": _Silent(),
        "noprogress": True,
        "noplaylist": True,
        "cachedir": False,
        "enable_file_urls": False,
        "socket_timeout": 10,
        "retries": 1,
        "extractor_retries": 1,
    }


def _first_video(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The video itself, or the first of a page that shows several."""
    entries = found.get("entries")
    if entries is None:
        return found
    return next((entry for entry in entries if entry), {})


def _reason(error: Exception) -> str:
    """The first line of yt-dlp's message, without its colours' word and its plea for bug reports."""
    line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return line.removeprefix("ERROR: ").partition("; please report")[0]
