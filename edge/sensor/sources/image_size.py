"""Reads a picture's size from its header, before anything of it is decoded.

Sources: W3C PNG 5, GIF89a, RFC 9649 (WebP), Adobe TIFF 6, Microsoft's bitmap headers, Netpbm, ISO/IEC 15444-1 (JPEG
2000). JPEG and AVIF have modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

from edge.sensor.sources import tiff_tags
from edge.sensor.sources.avif import avif_size
from edge.sensor.sources.image_format import ImageFormat
from edge.sensor.sources.jpeg import jpeg_size

Size = tuple[int, int]
"""Height and width in px."""

MAX_PIXELS = 64 * 2**20
"""Larger pictures are refused before they are decoded: in RAM one px takes 3 bytes and more."""

_NUMBERS = re.compile(rb"P[1-6](?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")
_CODESTREAM = b"\xff\x4f\xff\x51"
_MOST_COMPONENTS = 4


def image_size(content: bytes, found: ImageFormat) -> Size:
    """Height and width in px that the header promises: of the largest picture that decoding the file may make.

    Raises ValueError where the header is cut off or makes no sense.
    """
    height, width = _READERS[found](content)
    if height < 1 or width < 1:
        raise ValueError(f"a size of {width}x{height} px")
    return height, width


def _png(content: bytes) -> Size:
    if content[12:16] != b"IHDR":
        raise ValueError("no header chunk")
    return _number(content, 20, 4, "big"), _number(content, 16, 4, "big")


def _gif(content: bytes) -> Size:
    return _number(content, 8, 2), _number(content, 6, 2)


def _webp(content: bytes) -> Size:
    kind = content[12:16]
    if kind == b"VP8X":
        return _number(content, 27, 3) + 1, _number(content, 24, 3) + 1
    if kind == b"VP8L":
        bits = _number(content, 21, 4)
        return ((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _number(content, 28, 2) & 0x3FFF, _number(content, 26, 2) & 0x3FFF
    raise ValueError("no picture chunk")


def _bmp(content: bytes) -> Size:
    if _number(content, 14, 4) == 12:
        return _number(content, 20, 2), _number(content, 18, 2)
    return abs(_signed(content, 22)), abs(_signed(content, 18))


def _pnm(content: bytes) -> Size:
    match = _NUMBERS.match(content[:4096])
    if match is None:
        raise ValueError("no size")
    return int(match[2][:9]), int(match[1][:9])


def _tiff(content: bytes) -> Size:
    """The largest of its pages and their tiles, which a decoder takes memory for too."""
    sizes = [(0, 0)]
    for _, tags in tiff_tags.read_directories(content):
        height, width = _tag(tags, tiff_tags.HEIGHT), _tag(tags, tiff_tags.WIDTH)
        tile = _tag(tags, tiff_tags.TILE_HEIGHT), _tag(tags, tiff_tags.TILE_WIDTH)
        sizes += [(height, width), tile]
    return max(sizes, key=lambda size: size[0] * size[1])


def _tag(tags: tiff_tags.Tags, tag: int) -> int:
    return next(iter(tags.get(tag, ())), 0)


def _jpeg_2000(content: bytes) -> Size:
    at = content.find(_CODESTREAM)
    if at < 0 or _number(content, at + 40, 2, "big") > _MOST_COMPONENTS:
        raise ValueError("no codestream of one to four components")
    right, bottom, left, top = (_number(content, at + 8 + 4 * place, 4, "big") for place in range(4))
    return bottom - top, right - left


def _number(content: bytes, at: int, size: int, order: Literal["little", "big"] = "little") -> int:
    found = content[at : at + size]
    if len(found) < size:
        raise ValueError("the header is cut off")
    return int.from_bytes(found, order)


def _signed(content: bytes, at: int) -> int:
    _number(content, at, 4)
    return int.from_bytes(content[at : at + 4], "little", signed=True)


_READERS: Mapping[ImageFormat, Callable[[bytes], Size]] = {
    ImageFormat.JPEG: jpeg_size,
    ImageFormat.PNG: _png,
    ImageFormat.GIF: _gif,
    ImageFormat.WEBP: _webp,
    ImageFormat.TIFF: _tiff,
    ImageFormat.BMP: _bmp,
    ImageFormat.PNM: _pnm,
    ImageFormat.JPEG_2000: _jpeg_2000,
    ImageFormat.AVIF: avif_size,
}
