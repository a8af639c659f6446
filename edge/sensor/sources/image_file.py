"""Decodes one image file strictly: what is truncated, damaged or too large is an error, never a half-grey picture."""

from __future__ import annotations

import cv2
import numpy as np

from edge.errors import BadInput, explain
from edge.sensor.sources.image_fault import fault_of_image
from edge.sensor.sources.image_format import HEAD_BYTES, ImageFormat, image_format, unread_format
from edge.sensor.sources.image_size import MAX_PIXELS, image_size
from edge.sensor.sources.jpeg import decode_jpeg
from edge.sensor.sources.quiet import silence_vendors
from edge.sensor.types import Image

READ_FORMATS = ", ".join(each.value for each in ImageFormat)
"""The kinds of pictures that are read, for messages."""


def decode_image(content: bytes, where: str) -> Image:
    """Decode an image file's bytes to uint8 (H, W, 3) BGR, turned upright as its EXIF says, whatever its name is.

    `where` names the file in errors. Raises BadInput when it is not an image of a kind that is read, promises more
    than MAX_PIXELS (before anything is decoded), is truncated or is damaged.
    """
    found = need_format(content, where)
    check_size(content, found, where)
    try:
        fault = fault_of_image(content, found)
    except ValueError as error:
        fault = f"damaged {found.value} ({error})"
    if fault is not None:
        raise BadInput(explain(fault, where=where, expected="a whole image"))
    try:
        image = decode_jpeg(content) if found is ImageFormat.JPEG else _decode(content)
    except (ValueError, cv2.error) as error:
        got = getattr(error, "err", error)
        raise BadInput(
            explain(f"{found.value} cannot be decoded", where=where, got=got, expected="a whole image")
        ) from error
    if image is None:
        raise BadInput(explain(f"truncated or damaged {found.value}", where=where, expected="a whole image"))
    return image


def need_format(content: bytes, where: str) -> ImageFormat:
    """The kind of an image by its bytes. Raises BadInput where it is none that is read."""
    if not content:
        raise BadInput(explain("empty file", where=where, expected="a whole image"))
    found = image_format(content[:HEAD_BYTES])
    if found is None:
        got = unread_format(content[:HEAD_BYTES]) or f"{len(content)} bytes"
        raise BadInput(explain("not an image that is read", where=where, got=got, expected=READ_FORMATS))
    return found


def check_size(content: bytes, found: ImageFormat, where: str) -> None:
    """Raise BadInput where the header promises more than MAX_PIXELS, or no size at all."""
    try:
        height, width = image_size(content, found)
    except ValueError as error:
        raise BadInput(
            explain(f"truncated or damaged {found.value}", where=where, got=error, expected="a whole image")
        ) from error
    if height * width > MAX_PIXELS:
        raise BadInput(
            explain("image too large", where=where, got=f"{width}x{height} px", expected=f"{MAX_PIXELS} px or fewer")
        )


def _decode(content: bytes) -> Image | None:
    silence_vendors()
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
