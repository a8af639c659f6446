"""Decodes one image file strictly: a truncated JPEG or PNG is an error, never a half-grey picture.

Sources: ITU-T T.81 (JPEG markers), W3C PNG 5 (chunks and their CRC).
"""

from __future__ import annotations

import re
import zlib

import cv2
import numpy as np

from edge.errors import BadInput, explain
from edge.sensor.types import Image

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
_END_OF_IMAGE = 0xD9
_LENGTHLESS = frozenset({0x01, *range(0xD0, 0xD9)})
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""After a scan's header: the next marker that is neither a stuffed byte nor a restart."""


def decode_image(content: bytes, where: str) -> Image:
    """Decode an image file's bytes to uint8 (H, W, 3) BGR, turned upright as its EXIF says.

    `where` names the file in errors. Raises BadInput when it is not an image, is truncated or is damaged.
    """
    fault = fault_of_image(content)
    if fault is not None:
        raise BadInput(explain(fault, where=where, expected="a whole image"))
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadInput(explain("image cannot be decoded", where=where, got=error.err)) from error
    if image is None:
        raise BadInput(explain("not an image, or a damaged one", where=where, got=f"{len(content)} bytes"))
    return image


def fault_of_image(content: bytes) -> str | None:
    """What is wrong with a JPEG's or PNG's structure, or None; other formats are left to their decoder."""
    if not content:
        return "empty file"
    if content.startswith(_JPEG_START):
        return None if _jpeg_ends(content) else "truncated JPEG"
    if content.startswith(_PNG_SIGNATURE):
        return _fault_of_png(content)
    return None


def _jpeg_ends(content: bytes) -> bool:
    """True when the markers lead to the end of the image, past thumbnails and restarts."""
    position = len(_JPEG_START)
    while match := _NEXT_MARKER.search(content, position):
        marker = match.group(1)[0]
        if marker == _END_OF_IMAGE:
            return True
        position = match.end()
        if marker not in _LENGTHLESS:
            position += int.from_bytes(content[position : position + 2], "big")
    return False


def _fault_of_png(content: bytes) -> str | None:
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 12 + length
        if end > len(content):
            break
        name_and_body = memoryview(content)[position + 4 : end - 4]
        if zlib.crc32(name_and_body) != int.from_bytes(content[end - 4 : end], "big"):
            return "damaged PNG (wrong checksum)"
        if bytes(name_and_body[:4]) == b"IEND":
            return None
        position = end
    return "truncated PNG"
