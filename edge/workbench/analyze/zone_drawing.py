"""Zones drawn into a picture: dark where nobody counts, an outline around each."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.sensor.types import Image
from edge.settings.settings import Zone

OUTLINES = {"ignore": (60, 60, 230), "area": (90, 200, 90)}
"""Colour of a zone's outline, blue, green, red, 0-255."""
_DARKER = 3


def draw_zones(canvas: Image, zones: Sequence[Zone], *, stroke: int) -> None:
    """Draw zones into a uint8 (H, W, 3) BGR image; `stroke`: width of the outlines in px."""
    if not zones:
        return
    corners = [(zone.kind, _corners(zone, canvas.shape[:2])) for zone in zones]
    outside = ~_counting(corners, canvas.shape[:2])
    canvas[outside] //= _DARKER
    for kind, points in corners:
        cv2.polylines(canvas, [points], True, OUTLINES[kind], stroke + 1, cv2.LINE_AA)


def _counting(corners: Sequence[tuple[str, NDArray[np.int32]]], canvas_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    """Bool (H, W): where somebody counts."""
    mask = np.full(canvas_hw, 0 if any(kind == "area" for kind, _ in corners) else 1, np.uint8)
    for kind, points in sorted(corners, key=lambda corner: corner[0]):  # areas first: an ignored place in one stays so
        cv2.fillPoly(mask, [points], int(kind == "area"))
    return mask.astype(np.bool_)


def _corners(zone: Zone, canvas_hw: tuple[int, ...]) -> NDArray[np.int32]:
    """int32 (N, 2) px."""
    height, width = canvas_hw
    return np.rint(np.array(zone.points) * (width - 1, height - 1)).astype(np.int32)
