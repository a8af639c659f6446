"""Pictures as a screen takes them."""

from __future__ import annotations

import cv2

from edge.sensor.types import Image

LEAST_PX = 160
"""A picture is made no smaller than this for want of room."""


def fit(image: Image, within_wh: tuple[int, int]) -> Image:
    """A uint8 (H, W, 3) image, made smaller in proportion where it is larger than within_wh px (160 at least)."""
    height, width = image.shape[:2]
    share = min(1.0, *(max(LEAST_PX, most) / side for most, side in zip(within_wh, (width, height), strict=True)))
    if share == 1.0:
        return image
    size = max(1, round(width * share)), max(1, round(height * share))
    smaller: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller


def ppm(image: Image) -> bytes:
    """A uint8 (H, W, 3) BGR image as a portable pixmap (ppm(5)), which Tk reads without further packages."""
    height, width = image.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + image[..., ::-1].tobytes()
