"""JPEG: its size, whether it is whole, its EXIF orientation, and a decoder that reports what is damaged.

OpenCV fills what is missing of a JPEG with grey and says so on stderr only; simplejpeg (libjpeg-turbo too, the same
pixels) stops instead. Sources: ITU-T T.81, CIPA DC-008 (EXIF).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple, cast

import cv2
import numpy as np
import simplejpeg

from edge.sensor.sources import tiff_tags
from edge.sensor.types import Image

_START = b"\xff\xd8"
_END_OF_IMAGE, _START_OF_SCAN, _APP_1, _APP_2 = 0xD9, 0xDA, 0xE1, 0xE2
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SEQUENTIAL, _PROGRESSIVE = frozenset({0xC0, 0xC1, 0xC9}), frozenset({0xC2, 0xCA})
_LENGTHLESS = frozenset({0x01, *range(0xD0, 0xD9)})
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""After a scan's header: the next marker that is neither a stuffed byte nor a restart."""
_TWO = re.compile(rb"\xff\xd9\0*\xff\xd8\xff")
"""An end, perhaps some padding, and a beginning."""
_EXIF, _LISTED = b"Exif\0\0", b"MPF\0"
_HEADERS_BYTES = 2**20
"""The second picture of a stream has its frame header within these."""
_COEFFICIENTS, _INKS = 64, 4
_MOST_SCANS = 256
"""Progressive files have about ten; each one more costs the time of the whole picture."""


_Planes = dict[int, list[int | None]]
"""A plane's number -> for each coefficient how many of its low bits are still to come, None before the first scan."""


class _Segment(NamedTuple):
    marker: int
    body: bytes
    """Without marker and length."""
    end: int
    """Where the next one may begin."""


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Height and width in px as stored, before the EXIF orientation. Raises ValueError without a frame header."""
    frame = _frame(content)
    return int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")


def fault_of_jpeg(content: bytes) -> str | None:
    """What shows without decoding that a JPEG is not one whole picture, or None.

    No end, missing parts of its scans, or the next picture of a stream behind it.
    """
    planes: _Planes = {}
    frame, scans = 0, 0
    for segment in _segments(content):
        if segment.marker in _FRAMES:
            frame, planes = segment.marker, {part[0]: [None] * _COEFFICIENTS for part in _parts(segment.body[6:], 3)}
            if frame not in _SEQUENTIAL | _PROGRESSIVE:
                return "lossless or hierarchical JPEG, which is not read"
        elif segment.marker == _START_OF_SCAN and segment.body:
            scans += 1
            _note_scan(segment.body, planes, progressive=frame in _PROGRESSIVE)
        elif segment.marker == _END_OF_IMAGE:
            whole = all(bits == 0 for plane in planes.values() for bits in plane)
            if not (planes and scans and whole):
                return "truncated JPEG"
            return "raw Motion JPEG, many pictures in one file: give it by itself" if is_motion_jpeg(content) else None
        if scans > _MOST_SCANS:
            return f"JPEG of more than {_MOST_SCANS} scans"
    return "truncated JPEG"


def is_motion_jpeg(content: bytes | mmap) -> bool:
    """Whether another picture of the same size follows, as in raw video.

    Those that a telephone puts behind a picture are listed in it (CIPA DC-007, MPF) or of another size (gain maps).
    """
    if _TWO.search(content) is None:
        return False
    frame = b""
    for segment in _segments(content):
        if segment.marker == _APP_2 and segment.body.startswith(_LISTED):
            return False
        if segment.marker in _FRAMES:
            frame = segment.body
        elif segment.marker == _END_OF_IMAGE:
            rest = content[segment.end : segment.end + _HEADERS_BYTES].lstrip(b"\0")
            return rest.startswith(_START) and next(_frames(rest), b"")[1:5] == frame[1:5]
    return False


def decode_jpeg(content: bytes) -> Image:
    """Decode to uint8 (H, W, 3) BGR, turned upright as its EXIF says. Raises ValueError where something is damaged."""
    image = simplejpeg.decode_jpeg(content, "BGR", strict=True)
    if _frame(content)[5] == _INKS:  # OpenCV knows how to mix them, now that it is known to be whole
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if decoded is None:
            raise ValueError("its four inks cannot be mixed")
        image = decoded
    return upright(cast(Image, image), _orientation(content))


def upright(image: Image, orientation: int) -> Image:
    """Turn and mirror an image as the EXIF orientation (1 to 8) says; other numbers leave it as it is."""
    turns = {3: cv2.ROTATE_180, 4: cv2.ROTATE_180, 5: cv2.ROTATE_90_CLOCKWISE, 6: cv2.ROTATE_90_CLOCKWISE}
    turns |= {7: cv2.ROTATE_90_COUNTERCLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
    turned = cast(Image, cv2.rotate(image, turns[orientation])) if orientation in turns else image
    return cast(Image, cv2.flip(turned, 1)) if orientation in (2, 4, 5, 7) else turned


def _frame(content: bytes) -> bytes:
    """The body of the frame header: depth, height, width, number of planes. Raises ValueError where there is none."""
    for frame in _frames(content):
        return frame
    raise ValueError("no frame header")


def _frames(content: bytes) -> Iterator[bytes]:
    return (each.body for each in _segments(content) if each.marker in _FRAMES and len(each.body) >= 6)


def _orientation(content: bytes) -> int:
    for segment in _segments(content):
        if segment.marker == _START_OF_SCAN:
            break
        if segment.marker == _APP_1 and segment.body.startswith(_EXIF):
            try:
                found = next(tiff_tags.read_directories(segment.body[len(_EXIF) :]), None)
            except ValueError:
                found = None
            return next(iter(found.tags.get(tiff_tags.ORIENTATION, ())), 1) if found else 1
    return 1


def _note_scan(body: bytes, planes: _Planes, *, progressive: bool) -> None:
    """A sequential scan holds all of its planes, a progressive one some bits of some coefficients."""
    count = body[0]
    first, last, bits = 0, _COEFFICIENTS - 1, 0
    if progressive and len(body) >= 4 + 2 * count:
        first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    for part in _parts(body[1 : 1 + 2 * count], 2):
        plane = planes.get(part[0], [])
        for coefficient in range(first, min(last + 1, len(plane))):
            plane[coefficient] = bits & 0x0F


def _parts(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body) - size + 1, size))


def _segments(content: bytes | mmap) -> Iterator[_Segment]:
    """Markers in their order up to the end of the image, past thumbnails and restarts; a file cut off just stops."""
    position = len(_START)
    while match := _NEXT_MARKER.search(content, position):
        marker, position, body = match.group(1)[0], match.end(), b""
        if marker not in _LENGTHLESS and marker != _END_OF_IMAGE:
            length = int.from_bytes(content[position : position + 2], "big")
            body = content[position + 2 : position + length]
            position += length
        yield _Segment(marker, body, position)
        if marker == _END_OF_IMAGE:
            return
