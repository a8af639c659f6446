"""Opens OpenCV's FFMPEG, the only decoder of video here: files of this machine and addresses of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from edge.files import utf8_name
from edge.sensor.sources.quiet import silence_vendors

_DECODING_THREADS = 2
"""More threads hold more decoded pictures: with 4, 1080p H.264 takes 10 MB more."""


def open_file(path: Path) -> Any:
    """A `cv2.VideoCapture` of a file, whatever bytes its name has; not open where it is no video. Raises OSError."""
    silence_vendors()
    with utf8_name(path) as name:
        return cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, _DECODING_THREADS])


def open_address(url: str, *, open_timeout_ms: int, read_timeout_ms: int) -> Any:
    """A `cv2.VideoCapture` of a network address; bytes of it that are not UTF-8 are percent-encoded (RFC 3986, 2.1)."""
    silence_vendors()
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_timeout_ms]
    return cv2.VideoCapture(percent_encoded(url), cv2.CAP_FFMPEG, timeouts)


def percent_encoded(url: str) -> str:
    """The address with its bytes that are not UTF-8 as %XX."""
    return "".join(f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in url)
