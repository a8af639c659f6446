"""AVIF: its size, and how it is to be turned, which OpenCV does not do (ISO/IEC 23008-12: ispe, irot, imir)."""

from __future__ import annotations

from typing import cast

import cv2

from edge.sensor.types import Image

_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_FLIPS = {0: 0, 1: 1}
"""Axis of a mirror -> OpenCV's word for it: top and bottom change places, left and right do."""


def avif_size(content: bytes) -> tuple[int, int]:
    """Height and width in px of the largest item, as stored. Raises ValueError where none has a size."""
    meta, sizes = _meta(content), []
    at = meta.find(b"ispe")
    while at >= 0:
        if at + 16 > len(meta):
            raise ValueError("the header is cut off")
        width, height = (int.from_bytes(meta[place : place + 4], "big") for place in (at + 8, at + 12))
        sizes.append((height, width))
        at = meta.find(b"ispe", at + 16)
    if not sizes:
        raise ValueError("no size")
    return max(sizes, key=lambda size: size[0] * size[1])


def upright_avif(image: Image, content: bytes) -> Image:
    """Turn, then mirror, a decoded picture as its properties say."""
    turn, axis = _property(content, b"irot"), _property(content, b"imir")
    if turn is not None and turn & 3 in _TURNS:
        image = cast(Image, cv2.rotate(image, _TURNS[turn & 3]))
    return image if axis is None else cast(Image, cv2.flip(image, _FLIPS[axis & 1]))


def _property(content: bytes, name: bytes) -> int | None:
    """The byte of a property; None where there is none."""
    meta = _meta(content)
    at = meta.find(b"\0\0\0\x09" + name)
    return meta[at + 8] if at >= 0 and at + 8 < len(meta) else None


def _meta(content: bytes) -> bytes:
    """The box that describes the items."""
    at = content.find(b"meta")
    if at < 4:
        raise ValueError("no meta box")
    length = int.from_bytes(content[at - 4 : at], "big")
    return content[at - 4 : at - 4 + length]
