"""Photographs as a kiosk's camera might have taken them: from further away, out of focus, in other light; seeded."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.sensor.imaging import stretch
from edge.sensor.types import Image


@dataclass(frozen=True, slots=True)
class CameraRange:
    """Ranges of uniform draws: scale of the picture (uniform in its log), blur in px (standard deviation), factor of
    all grey levels, and noise in grey levels (standard deviation).
    """

    scale: tuple[float, float] = (0.2, 1.0)
    blur_px: tuple[float, float] = (0.0, 2.5)
    light: tuple[float, float] = (0.2, 1.5)
    noise: tuple[float, float] = (0.0, 8.0)


def retake(image: Image, random: np.random.Generator, within: CameraRange) -> Image:
    """A picture, uint8 (H, W, 3) BGR, as lens, distance, light and sensor would change it; it comes back smaller."""
    blurred = cv2.GaussianBlur(image, (0, 0), max(random.uniform(*within.blur_px), 0.01))
    scale = float(np.exp(random.uniform(*np.log(within.scale))))
    height, width = (max(8, round(side * scale)) for side in image.shape[:2])
    small = stretch(np.asarray(blurred, np.uint8), (height, width))
    lit = small.astype(np.float32) * random.uniform(*within.light)
    noisy = lit + random.normal(0, random.uniform(*within.noise), small.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)
