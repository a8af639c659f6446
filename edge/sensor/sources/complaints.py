"""Listens to the errors that FFMPEG reports while it decodes; OpenCV passes none on: it gives the old picture again.

Source: FFMPEG's libavutil/log.h. The logger there is one for the whole process, and so is what is counted here.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_ERROR = 16
"""AV_LOG_ERROR; lower is worse."""
_QUIET = -8
_LINE_BYTES = 512
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_DECODER, _READER, _CONVERTER = b"AVCodecContext", b"AVFormatContext", b"SWScaler"
_HARMLESS = ("APP fields", "app: ", "com: ", "mmco", "reference frames", "unref short")
"""Reported as errors, and the picture is whole all the same: makers' notes in Motion JPEG, slips in H.264's lists."""


class Counts(NamedTuple):
    """Numbers of errors: in decoding pictures, in reading their container, in converting them to BGR."""

    decoding: int = 0
    reading: int = 0
    converting: int = 0

    def since(self, before: Counts) -> Counts:
        """Those that were not there before."""
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


class Complaints:
    """Errors of this process so far."""

    def __init__(self, library: Any | None) -> None:
        """library: libavutil; None where OpenCV has one that cannot be found, and then nothing is ever reported."""
        self.words = self.refusal = ""
        """The newest of each kind, in one line."""
        self.counts = Counts()
        self._library = library
        shown = os.environ.get("OPENCV_FFMPEG_LOGLEVEL", "")
        self._shown = int(shown) if shown.lstrip("-").isdecimal() else _QUIET
        self._callback = _CALLBACK(self._take)

    def attach(self) -> None:
        """Take the logger over; call after a capture was opened, since OpenCV takes it when it opens the first."""
        if self._library is not None:
            self._library.av_log_set_callback(self._callback)

    def detach(self) -> None:
        """Give the logger back, silent: libraries' threads may outlive Python."""
        if self._library is not None:
            self._library.av_log_set_level(_QUIET)
            self._library.av_log_set_callback(self._library.av_log_default_callback)

    def _take(self, context: int | None, level: int, words: bytes, arguments: int | None) -> None:
        """One message, in any thread of FFMPEG's; words: a printf format, whose values are the arguments."""
        if level > max(_ERROR, self._shown):
            return
        line = self._line(context, level, words, arguments)
        if level <= self._shown:
            sys.stderr.write(line)
        kind = _class_name(context) if level <= _ERROR else b""
        if kind == _CONVERTER:
            self.counts = self.counts._replace(converting=self.counts.converting + 1)
            self.refusal = " ".join(line.split())
        elif kind == _READER:
            self.counts = self.counts._replace(reading=self.counts.reading + 1)
            self.words = " ".join(line.split())
        elif kind == _DECODER and not any(harmless in line for harmless in _HARMLESS):
            self.counts = self.counts._replace(decoding=self.counts.decoding + 1)
            self.words = " ".join(line.split())

    def _line(self, context: int | None, level: int, words: bytes, arguments: int | None) -> str:
        line, prefix = ctypes.create_string_buffer(_LINE_BYTES), ctypes.c_int(0)
        assert self._library is not None
        self._library.av_log_format_line2(
            ctypes.c_void_p(context), level, words, ctypes.c_void_p(arguments), line, _LINE_BYTES, ctypes.byref(prefix)
        )
        return line.value.decode("utf-8", "replace")


@cache
def complaints() -> Complaints:
    """What this process's FFMPEG complains of; OpenCV must be loaded."""
    found = Complaints(_libavutil())
    atexit.register(found.detach)
    return found


def _class_name(context: int | None) -> bytes:
    """The name in the AVClass that a context's first field points to."""
    if not context:
        return b""
    described = ctypes.c_void_p.from_address(context).value
    return ctypes.c_char_p.from_address(described).value or b"" if described else b""


def _libavutil() -> Any | None:
    """The libavutil that OpenCV has loaded: its own where it carries one, else the system's."""
    paths = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    found = sorted((path for path in paths if "libavutil" in Path(path).name), key=lambda path: "opencv" not in path)
    try:
        return ctypes.CDLL(found[0]) if found else None
    except OSError:
        return None
