"""Decodes one image file strictly: what is truncated, damaged or too large is an error, never a half-grey picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import cv2
import numpy as np

from edge.errors import BadInput, explain
from edge.sensor.sources.avif import upright_avif
from edge.sensor.sources.image_fault import fault_of_image
from edge.sensor.sources.image_format import HEAD_BYTES, ImageFormat, image_format, unread_format
from edge.sensor.sources.image_size import MAX_PIXELS, image_size
from edge.sensor.sources.jpeg import decode_jpeg
from edge.sensor.sources.png_parts import plain_png
from edge.sensor.sources.quiet import silence_vendors
from edge.sensor.sources.tiff_tags import tiff_pages
from edge.sensor.types import Image

READ_FORMATS = ", ".join(each.value for each in ImageFormat)
"""The kinds of pictures that are read, for messages."""


def decode_image(content: bytes, where: str) -> Image:
    """Decode an image file's bytes to uint8 (H, W, 3) BGR, turned upright as its EXIF says, whatever its name is.

    Of several pages or frames it is the first. `where` names the file in errors. Raises BadInput when it is not an
    image of a kind that is read, promises more than MAX_PIXELS (before anything is decoded), is truncated or damaged.
    """
    return next(decode_pages(content, where))


def decode_pages(content: bytes, where: str) -> Iterator[Image]:
    """The pages of an image file as `decode_image` gives the first, one at a time; only a TIFF has several.

    Raises BadInput at the first that is not whole.
    """
    found = need_format(content, where)
    check_size(content, found, where)
    try:
        fault = fault_of_image(content, found)
        pages = iter([content]) if found is not ImageFormat.TIFF else tiff_pages(content)
        first = next(pages, None)
    except ValueError as error:
        raise BadInput(explain(f"damaged {found.value}", where=where, got=error, expected="a whole image")) from error
    if fault is not None:
        raise BadInput(explain(fault, where=where, expected="a whole image"))
    if first is None:
        what = "TIFF of smaller copies only, as a raw photograph is (DNG, NEF)"
        raise BadInput(explain(what, where=where, expected="a picture of full size"))
    for page in chain([first], pages):
        yield _decode(page, found, where)


def need_format(content: bytes, where: str) -> ImageFormat:
    """The kind of an image by its bytes. Raises BadInput where it is none that is read."""
    if not content:
        raise BadInput(explain("empty file", where=where, expected="a whole image"))
    found = image_format(content[:HEAD_BYTES])
    if found is None:
        got = unread_format(content[:HEAD_BYTES]) or f"{len(content)} bytes"
        raise BadInput(explain("not an image that is read", where=where, got=got, expected=READ_FORMATS))
    return found


def check_size(content: bytes, found: ImageFormat, where: str, most: int = MAX_PIXELS) -> None:
    """Raise BadInput where the header promises more px than `most`, or no size at all."""
    try:
        height, width = image_size(content, found)
    except ValueError as error:
        raise BadInput(
            explain(f"truncated or damaged {found.value}", where=where, got=error, expected="a whole image")
        ) from error
    if height * width > most:
        raise BadInput(
            explain("image too large", where=where, got=f"{width}x{height} px", expected=f"{most} px or fewer")
        )


def _decode(content: bytes, found: ImageFormat, where: str) -> Image:
    silence_vendors()
    try:
        if found is ImageFormat.JPEG:
            return decode_jpeg(content)
        plain = plain_png(content) if found is ImageFormat.PNG else content
        image: Image | None = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_COLOR)
    except (ValueError, cv2.error) as error:
        got = getattr(error, "err", error)
        raise BadInput(explain(f"{found.value} cannot be decoded", where=where, got=got)) from error
    if image is None:
        raise BadInput(explain(f"truncated or damaged {found.value}", where=where, expected="a whole image"))
    return upright_avif(image, content) if found is ImageFormat.AVIF else image
