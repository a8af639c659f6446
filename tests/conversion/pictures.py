"""Photographs for tests: public-domain portraits, cut and turned into many."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.sensor.types import Image
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut


def portraits(count: int) -> list[Image]:
    """The two portraits in other sizes, places and light; each holds one face."""
    generator = np.random.default_rng(7)
    found = []
    for index in range(count):
        image = (portrait_of_astronaut, portrait_of_admiral)[index % 2]()
        side = int(generator.integers(400, 512))
        left, top = generator.integers(0, (image.shape[1] - side + 1, 40))
        part = image[top : top + side, left : left + side]
        light = generator.uniform(0.6, 1.2)
        lit = (part * light).clip(0, 255).astype(np.uint8)
        found.append(lit[:, ::-1] if index % 4 > 1 else lit)
    return found


def write_portraits(folder: Path, count: int) -> Path:
    """As files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(portraits(count)):
        assert cv2.imwrite(str(folder / f"{index:03}.png"), np.ascontiguousarray(image))
    return folder
