"""The idle gate: still pictures are looked at seldom, moving ones and followed people always."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from edge.sensor.detection.idle import IdleGate
from edge.sensor.types import Image
from edge.settings.settings import Detection, Zone

FPS = 20.0
SETTINGS = Detection(idle_fps=2.0, idle_after_s=1.0, motion=6.0)


def noisy(seed: int, *, grey: int = 120, sigma: float = 4.0) -> Image:
    noise = np.random.default_rng(seed).normal(grey, sigma, (432, 768, 3))
    return noise.clip(0, 255).astype(np.uint8)


def opened(gate: IdleGate, images: list[Image], *, anyone: bool = False, start: int = 0) -> list[bool]:
    return [gate.opens(image, (start + i) / FPS, anyone=anyone) for i, image in enumerate(images)]


def test_a_still_picture_with_camera_noise_is_looked_at_twice_a_second() -> None:
    seen = opened(IdleGate(SETTINGS), [noisy(seed) for seed in range(80)])
    assert all(seen[:20]), "the first second is not idle yet"
    assert sum(seen[40:80]) == pytest.approx(4, abs=1)


def test_a_small_dark_thing_that_moves_is_looked_at_at_once() -> None:
    gate = IdleGate(SETTINGS)
    opened(gate, [noisy(seed) for seed in range(41)])
    walker = noisy(99)
    walker[200:240, 300:330] = 20
    assert opened(gate, [walker], start=41) == [True]


def test_somebody_who_is_followed_keeps_it_open() -> None:
    still = noisy(0)
    assert all(opened(IdleGate(SETTINGS), [still] * 60, anyone=True))


def test_it_never_idles_when_motion_is_zero() -> None:
    still = noisy(0)
    assert all(opened(IdleGate(Detection(motion=0.0)), [still] * 60))


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("ignore", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))),
        ("area", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))),
    ],
)
def test_a_screen_where_nobody_counts_opens_nothing_and_somebody_beside_it_does(
    kind: Literal["ignore", "area"], points: tuple[tuple[float, float], ...]
) -> None:
    gate = IdleGate(SETTINGS, [Zone(kind=kind, points=points)])
    screen = [noisy(0) for _ in range(80)]
    for number, image in enumerate(screen):
        image[100:300, 450:700] = 255 * (number % 2)
    assert sum(opened(gate, screen)[40:]) == pytest.approx(4, abs=1)
    walker = screen[0].copy()
    walker[200:240, 300:330] = 20
    assert opened(gate, [walker], start=80) == [True]
