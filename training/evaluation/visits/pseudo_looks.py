"""Several looks at one photographed face, as a camera would take them in turn: simulated, seeded, from one picture.

Each look is shifted, turned and scaled by a small alignment error, and taken from another distance (fewer px), in other
light, with noise. The looks share the face, its pose and its expression, unlike those of a real visit: fusion gains on
them only what it gains against such disturbances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.sensor.geometry import Box, Points
from edge.sensor.imaging import TEMPLATES, align_face, brightness, grey_face, sharpness, stretch
from edge.sensor.types import Image
from edge.sensor.visits.quality import rate_geometry, rate_pixels
from edge.workbench.faces import TEMPLATE


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Standard deviations of alignment (share of the face's side, degrees, share), and ranges of the rest.

    side_px: size of the face before it is enlarged again. light: factor of all grey levels. noise: standard deviation
    in grey levels.
    """

    shift: float = 0.025
    turn_deg: float = 4.0
    zoom: float = 0.04
    side_px: tuple[float, float] = (32.0, 112.0)
    light: tuple[float, float] = (0.55, 1.3)
    noise: tuple[float, float] = (0.0, 10.0)


def disturb(image: Image, landmarks: Points, random: np.random.Generator, by: Disturbance) -> tuple[Image, float]:
    """The chip for one look, uint8 (112, 112, 3) BGR, and its quality 0-1 as the device rates it.

    landmarks: float32 (5, 2) px of the face in the image, as `edge.sensor.types.Detection` orders them.
    """
    side = TEMPLATES[TEMPLATE][0]
    chip = align_face(image, _jitter(landmarks, random, by), TEMPLATE, (side, side))
    size = round(random.uniform(*by.side_px))
    small = stretch(chip, (size, size)) if size < side else chip
    lit = small.astype(np.float32) * random.uniform(*by.light)
    noisy = lit + random.normal(0, random.uniform(*by.noise), small.shape).astype(np.float32)
    seen = np.asarray(noisy.clip(0, 255), np.uint8)
    grey = grey_face(seen, Box(0.0, 0.0, size, size))
    quality = rate_geometry(size, None, 1.0) * rate_pixels(sharpness(grey), brightness(grey))
    return stretch(seen, (side, side)), quality


def _jitter(landmarks: Points, random: np.random.Generator, by: Disturbance) -> Points:
    """The same error for all five points: a similarity transform around their centre."""
    centre = landmarks.mean(axis=0)
    points = (landmarks - centre) @ (1, 1j)
    span = float(np.abs(points).max())
    turn = np.exp(1j * np.radians(random.normal(0, by.turn_deg))) * np.exp(random.normal(0, by.zoom))
    moved = points * turn + complex(*random.normal(0, by.shift * 2 * span, 2))
    return np.asarray(np.column_stack((moved.real, moved.imag)) + centre, np.float32)
