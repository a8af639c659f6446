"""Where the people of a scene are at every time: drawn by lot from a seed, nothing else decides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

STOPPING = 0.7
"""Share of people who stop; the others walk through."""
STOP_S = 3.0, 0.7, 12.0
"""Stops: median, standard deviation of the logarithm, and the longest, s."""
SPEED = 0.1, 0.25
"""Slowest and quickest walk, widths of the picture a second."""
FACE = 0.05, 0.14
"""Smallest and largest face, heights of the picture."""
HEIGHTS = 0.25, 0.65
"""Between which shares of the height faces are."""
SWAY = 0.04, 0.03
"""How far a head sways across and down, sides of the face."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A picture and a time: px and s."""

    width_px: int
    height_px: int
    seconds: float
    fps: float

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.fps)


@dataclass(frozen=True, slots=True)
class Walk:
    """One person's way: the face's side px, its height in the picture px, and the times and places it walks between."""

    face_px: float
    y_px: float
    times_s: tuple[float, ...]
    places_px: tuple[float, ...]
    phase: float

    @property
    def interval(self) -> tuple[float, float]:
        """When the person comes and has gone, s."""
        return self.times_s[0], self.times_s[-1]

    def centre(self, at_s: float) -> tuple[float, float] | None:
        """Centre of the face, px; None before it comes and after it has gone."""
        if not self.times_s[0] <= at_s <= self.times_s[-1]:
            return None
        x = float(np.interp(at_s, self.times_s, self.places_px))
        across, down = (self.face_px * share for share in SWAY)
        return x + across * math.sin(2 * at_s + self.phase), self.y_px + down * math.sin(3 * at_s + self.phase)


def plan_walks(stage: Stage, people: int, random: np.random.Generator) -> list[Walk]:
    """Walks of as many people: each comes from a side; most stop, and leave at either side; the others walk through."""
    return [_walk(stage, random) for _ in range(people)]


def _walk(stage: Stage, random: np.random.Generator) -> Walk:
    face_px = random.uniform(*FACE) * stage.height_px
    left, right = -face_px, stage.width_px + face_px
    enters, other = (left, right) if random.random() < 0.5 else (right, left)
    speed = random.uniform(*SPEED) * stage.width_px
    median, spread, longest = STOP_S
    stop_s = min(longest, median * math.exp(random.normal(0, spread))) if random.random() < STOPPING else 0.0
    leaves = enters if stop_s and random.random() < 0.5 else other
    stop_px = random.uniform(0.15, 0.85) * stage.width_px
    steps = abs(stop_px - enters) / speed, stop_s, abs(leaves - stop_px) / speed
    begins = random.uniform(0, max(0.0, stage.seconds - sum(steps)))
    times = np.cumsum((begins, *steps))
    y_px = random.uniform(*HEIGHTS) * stage.height_px
    places = (enters, stop_px, stop_px, leaves)
    return Walk(face_px, y_px, tuple(map(float, times)), places, random.uniform(0, 2 * math.pi))
