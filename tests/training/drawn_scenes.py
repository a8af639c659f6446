"""Drawn faces on noise: a bright disc with two eyes, a nose and a mouth, so that nothing of a person is needed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.sensor.geometry import Box
from edge.sensor.types import Image
from tests.training.sets import jpeg
from training.data.scenes import SceneFile
from training.data.teachers import TaughtFace

LANDMARKS = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)], np.float32)
"""Of a face, as shares of its box."""


def background(random: np.random.Generator, height: int, width: int) -> Image:
    """Soft noise, darker than faces."""
    coarse = random.integers(0, 110, (max(2, height // 12), max(2, width // 12), 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def draw_face(image: Image, x: float, y: float, side: float) -> TaughtFace:
    """Draw one with its box's corner at x, y; returns what a label would say of it."""
    centre = round(x + side / 2), round(y + side / 2)
    cv2.ellipse(image, centre, (round(side * 0.5), round(side * 0.5)), 0, 0, 360, (170, 200, 235), -1)
    points = LANDMARKS * side + np.array((x, y), np.float32)
    for point, colour in zip(
        points, ((30, 20, 20), (30, 20, 20), (90, 110, 190), (60, 40, 170), (60, 40, 170)), strict=True
    ):
        cv2.circle(image, (round(float(point[0])), round(float(point[1]))), max(1, round(side * 0.07)), colour, -1)
    return TaughtFace(Box(x, y, x + side, y + side), 1.0, points, ignored=False)


def draw_scene(seed: int, height: int = 72, width: int = 108) -> tuple[Image, list[TaughtFace]]:
    """A picture with up to three faces of 16 to 34 px that do not touch."""
    random = np.random.default_rng(seed)
    image, faces = background(random, height, width), list[TaughtFace]()
    for column in range(3):
        if random.random() < 0.7:
            side = float(random.uniform(16, 34))
            x = column * width / 3 + float(random.uniform(0, width / 3 - side))
            faces.append(draw_face(image, x, float(random.uniform(0, height - side)), side))
    return image, faces


def scene_files(seeds: Sequence[int], *, labelled: bool = True) -> list[SceneFile]:
    """Scenes as `save_scenes` takes them."""
    drawn = [draw_scene(seed) for seed in seeds]
    return [SceneFile(jpeg(image, 95), faces, labelled, "drawn") for image, faces in drawn]
