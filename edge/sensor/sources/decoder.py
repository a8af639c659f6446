"""OpenCV's FFMPEG, the only decoder of video here: of files of this machine and of addresses of the network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from edge.errors import BadInput, explain
from edge.files import utf8_name
from edge.sensor.sources.address import IMAGE_SUFFIXES
from edge.sensor.sources.complaints import Counts, complaints
from edge.sensor.sources.image_size import MAX_PIXELS
from edge.sensor.sources.quiet import silence_vendors
from edge.sensor.types import Image

_DECODING_THREADS = 2
"""More threads hold more decoded pictures: with 4, 1080p H.264 takes 10 MB more."""
_FILE_PATIENCE, _STREAM_PATIENCE = 64, 1
"""Reads that may fail without a word before it is the end; each takes 60 µs at the end of a file, 5 s in a stream."""
_STREAM_FAILURES = 250
"""Pictures of a stream that fail one after the other, in about 10 s: then it is lost. A file has an end."""
_LATE = 8
"""Pictures after a late beginning that may refer to some from before it."""
_HOPELESS = 50
"""Pictures that cannot be converted before the first that can: then none will."""

_ODDEST, _SQUARE = 0.24, 0.01
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_SECOND, _SAME_RATE = 2, 0.02
_DEINTERLACE = "deinterlace it first, as by ffmpeg -i IN -vf bwdif OUT.mp4"


class Fault(NamedTuple):
    """What is wrong with footage, and what to do about it. spoils_last: the last picture is not to be trusted."""

    what: str
    next_step: str = ""
    spoils_last: bool = False


def open_file(path: Path) -> Decoder:
    """Open a file, whatever bytes its name has; the decoder gives nothing where it is no video. Raises OSError."""
    silence_vendors()
    misleading = path.suffix.lower() in IMAGE_SUFFIXES  # FFMPEG would read one picture, whatever is in it
    with utf8_name(path, bare=misleading) as name, _clocks_as_stated():
        capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, _DECODING_THREADS])
    return Decoder(capture, _FILE_PATIENCE)


@contextmanager
def _clocks_as_stated() -> Iterator[None]:
    """Keep FFMPEG from taking a clock that goes back for one that wraps, which it answers by adding 26 hours.

    OpenCV reads the options of libavformat from the environment at every opening; those of the user stay.
    """
    if _OPTIONS in os.environ:
        yield
        return
    os.environ[_OPTIONS] = "correct_ts_overflow;0"
    try:
        yield
    finally:
        del os.environ[_OPTIONS]


def open_address(url: str, *, open_timeout_ms: int, read_timeout_ms: int) -> Decoder:
    """Open a network address; bytes of it that are not UTF-8 are percent-encoded (RFC 3986, 2.1)."""
    silence_vendors()
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_timeout_ms]
    capture = cv2.VideoCapture(percent_encoded(url), cv2.CAP_FFMPEG, timeouts)
    return Decoder(capture, _STREAM_PATIENCE, _STREAM_FAILURES)


def percent_encoded(url: str) -> str:
    """The address with its bytes that are not UTF-8 as %XX."""
    return "".join(f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in url)


def square_pixels(image: Image, aspect: float) -> Image:
    """The picture as it is meant to be shown, with square pixels; enlarged, so that nothing is lost.

    aspect: width of a pixel for its height; beyond 1:4 and 4:1 it is taken for a slip of the writer.
    """
    if not _ODDEST < aspect < 1 / _ODDEST or abs(aspect - 1) < _SQUARE:
        return image
    height, width = image.shape[:2]
    size = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
    return cv2.resize(image, size)  # type: ignore[no-any-return]


class Decoder:
    """Pictures in order, uint8 (H, W, 3) BGR, square pixels; those that cannot be decoded are passed over and counted.

    OpenCV gives the picture before again where FFMPEG could not convert one or had nothing to decode: a picture that
    equals the one before while FFMPEG reports errors is none. Equal pictures without a word are what was filmed.
    """

    def __init__(self, capture: Any, patience: int, most_failures: float = inf) -> None:
        """Take a `cv2.VideoCapture`. patience: reads that may fail without a word before it is the end.

        most_failures: reads that may fail at all before it is.
        """
        self._capture, self._patience, self._most_failures = capture, patience, most_failures
        self._complaints = complaints()
        self._complaints.attach()
        self._heard = self._complaints.counts
        self.stated_s: float | None = None
        """Time of the newest picture in seconds from the beginning; None where the file does not say."""
        self.latest_s = 0.0
        """The latest of these times."""
        self._first_step_s = 0.0
        self._before: Image | None = None
        self._uneasy = False
        self._excused = 0
        self._decoded = self._lost = self._marred = self._unconverted = 0

    def __del__(self) -> None:
        """Release here: the capture's own destructor would keep Python waiting for threads that wait for Python."""
        self._capture.release()

    @property
    def is_open(self) -> bool:
        """Whether there is anything to decode."""
        return bool(self._capture.isOpened())

    def need_bounded(self, where: str) -> None:
        """Close and raise BadInput where the pictures have more than MAX_PIXELS, as the footage states them."""
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            self.close()
            expected = f"{MAX_PIXELS} px or fewer"
            raise BadInput(explain("pictures too large", where=where, got=f"{width}x{height} px", expected=expected))

    @property
    def stated_fps(self) -> float:
        """Frames/s as the file or stream states or FFMPEG guesses; 0 where nothing does."""
        return max(0.0, float(self._capture.get(cv2.CAP_PROP_FPS)))

    @property
    def stated_frames(self) -> int:
        """Number of pictures as the file states, often by its duration and rate; 0 where nothing does."""
        return int(max(0.0, self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def read(self) -> Image | None:
        """Return the next picture that can be decoded, or None at the end. Raises cv2.error."""
        failed = silent = 0
        while silent < self._patience and failed < self._most_failures and not self._is_hopeless:
            ok, image = self._capture.read()
            errors = self._news()
            if ok and not errors.converting and self._is_new(image, uneasy=self._uneasy or errors.decoding > 0):
                self._count(image, failed, errors)
                return square_pixels(image, self._pixel_aspect)
            self._unconverted += errors.converting > 0
            failed += not errors.converting
            silent = 0 if ok or errors.decoding else silent + 1
        self._lost += failed - silent
        return None

    def fault(self) -> Fault | None:
        """What was wrong with what has been read so far, or None."""
        found = self._decoded + self._lost + self._unconverted
        if self._unconverted:
            how_many = f"{self._unconverted} of {found} pictures" if self._decoded else "its pictures"
            if "interlaced" in self._complaints.refusal:
                return Fault(f"interlaced video, {how_many} cannot be converted", _DEINTERLACE)
            return Fault(f"{how_many} cannot be converted ({self._complaints.refusal})")
        if not self._lost and not self._marred:
            return None
        stated = max(found, self.stated_frames if self._keeps_its_rate else 0)
        what = f"{stated - self._decoded} of {stated} pictures cannot be decoded"
        if stated == self._decoded:
            what = f"{self._marred} of {stated} pictures have faults"
        words = f" ({self._complaints.words})" if self._complaints.words else ""
        return Fault(f"damaged video, {what}{words}")

    def close(self) -> None:
        """Release the capture; safe to call twice."""
        self._before = None
        self._capture.release()

    @property
    def _pixel_aspect(self) -> float:
        """Width of a pixel for its height, as the picture stands; 1 where nothing says."""
        down = self._capture.get(cv2.CAP_PROP_SAR_DEN)
        aspect = float(self._capture.get(cv2.CAP_PROP_SAR_NUM) / down) if down else 0.0
        lies = (
            self._capture.get(cv2.CAP_PROP_ORIENTATION_AUTO) and self._capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180
        )
        return 1 / aspect if lies and aspect else aspect or 1.0

    @property
    def _keeps_its_rate(self) -> bool:
        """Whether the rate is that of the pictures, so that the number which follows from it is theirs too."""
        return abs(self._first_step_s * self.stated_fps - 1) < _SAME_RATE

    @property
    def _is_hopeless(self) -> bool:
        return not self._decoded and self._unconverted >= _HOPELESS

    def _news(self) -> Counts:
        """Errors since the last call: FFMPEG's threads decode ahead, and complain between two reads too."""
        before, self._heard = self._heard, self._complaints.counts
        return self._heard.since(before)

    def _is_new(self, image: Image, *, uneasy: bool) -> bool:
        """Whether it is a picture of its own. uneasy: errors came with it or with the one before."""
        return not (uneasy and self._before is not None and np.array_equal(image, self._before))

    def _count(self, image: Image, failed: int, errors: Counts) -> None:
        """Note a picture after reads that failed. Failures before the first are those of a recorder that came late."""
        if self._decoded:
            self._lost += failed
        elif failed:
            self._excused = _LATE
        self._marred += errors.decoding + errors.reading > 0 and self._decoded >= self._excused
        self._decoded += 1
        self._before, self._uneasy = image, errors.decoding > 0
        self._read_time()

    def _read_time(self) -> None:
        """OpenCV says 0 where it does not know."""
        stated_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        self.stated_s = stated_s if stated_s or self._decoded == 1 else None
        if self._decoded == _SECOND:
            self._first_step_s = stated_s
        self.latest_s = max(self.latest_s, stated_s)
