"""Portraits as posters and as people, before a camera that has noise, flickers and shakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from math import sin, tau
from typing import NamedTuple

import cv2
import numpy as np

from edge.sensor.geometry import Box
from edge.sensor.types import Frame, Image
from tests.pictures.portraits import portrait_of_astronaut

FACE = Box(178, 72, 270, 188)
"""The astronaut's face, as detectors box it."""
SMALL_FACE, HEAD = FACE.scaled(0.5), Box(140, 30, 310, 260).scaled(0.5)
"""The same, and the head around it, in the pictures of these films, which are half as large."""


class Camera(NamedTuple):
    """noise: standard deviation in grey levels. flicker: share of the brightness. shake_px: largest shift."""

    noise: float = 0.0
    flicker: float = 0.0
    shake_px: float = 0.0


STEADY = Camera(noise=2.0)
BAD = Camera(noise=8.0, flicker=0.1, shake_px=2.0)


def poster(seconds: float, camera: Camera, *, fps: float = 2.0, began_at: float = 0.0) -> Iterator[Frame]:
    """A picture that nothing moves in."""
    yield from _film(lambda at: _portrait(), seconds, camera, fps, began_at)


def person(
    seconds: float, camera: Camera, *, fps: float = 2.0, began_at: float = 0.0, sway_px: float = 1.5
) -> Iterator[Frame]:
    """The same, but the head sways a little before what is behind it, once in eleven seconds."""
    yield from _film(lambda at: _swayed(sway_px * sin(tau * at / 11)), seconds, camera, fps, began_at)


@cache
def _portrait() -> Image:
    return np.asarray(cv2.resize(portrait_of_astronaut(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def _swayed(by_px: float) -> Image:
    """The portrait with its head moved sideways, most in the middle, and nothing outside of it."""
    image = _portrait()
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    x, y = HEAD.centre
    near = np.clip(1 - np.hypot((columns - x) / HEAD.width, (rows - y) / HEAD.height) * 2, 0, 1) ** 0.5
    return np.asarray(cv2.remap(image, columns - by_px * near, rows, cv2.INTER_LINEAR))


def _film(
    scene: Callable[[float], Image], seconds: float, camera: Camera, fps: float, began_at: float
) -> Iterator[Frame]:
    chance = np.random.default_rng(7)
    for index in range(round(seconds * fps)):
        at = index / fps
        image = scene(at).astype(np.float32)
        across, down = chance.uniform(-camera.shake_px, camera.shake_px, 2)
        moved = cv2.warpAffine(
            image, np.array([[1, 0, across], [0, 1, down]]), image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
        )
        bright = moved * (1 + camera.flicker * sin(tau * at * 0.31))
        noisy = bright + chance.standard_normal(image.shape, np.float32) * camera.noise
        yield Frame(np.clip(noisy, 0, 255).astype(np.uint8), index, began_at + at)
