"""Boxes and points in pixels: x to the right, y down, origin at the image's top left corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
"""float32 (N, 2) x, y in px."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in px; x_max and y_max are exclusive."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def width(self) -> float:
        """Width in px, never negative."""
        return max(0.0, self.x_max - self.x_min)

    @property
    def height(self) -> float:
        """Height in px, never negative."""
        return max(0.0, self.y_max - self.y_min)

    @property
    def area(self) -> float:
        """Area in px²."""
        return self.width * self.height

    @property
    def side(self) -> float:
        """Geometric mean of width and height in px: the face's size."""
        return float(self.area**0.5)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre x, y in px."""
        return (self.x_min + self.x_max) / 2, (self.y_min + self.y_max) / 2

    def as_xyxy(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max) in px."""
        return self.x_min, self.y_min, self.x_max, self.y_max

    def scaled(self, factor: float) -> Box:
        """Multiply every coordinate by factor."""
        return Box(self.x_min * factor, self.y_min * factor, self.x_max * factor, self.y_max * factor)

    def shifted(self, dx: float, dy: float) -> Box:
        """Move by dx, dy px."""
        return Box(self.x_min + dx, self.y_min + dy, self.x_max + dx, self.y_max + dy)

    def clipped(self, width: float, height: float) -> Box:
        """Cut to an image of width x height px."""
        return Box(
            min(max(self.x_min, 0.0), width),
            min(max(self.y_min, 0.0), height),
            min(max(self.x_max, 0.0), width),
            min(max(self.y_max, 0.0), height),
        )


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0-1."""
    width = min(a.x_max, b.x_max) - max(a.x_min, b.x_min)
    height = min(a.y_max, b.y_max) - max(a.y_min, b.y_min)
    if width <= 0 or height <= 0:
        return 0.0
    intersection = width * height
    return intersection / (a.area + b.area - intersection)
