"""Faces as a decoder reads them, before doubles are suppressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
FloatTensors = Mapping[str, Floats]
"""A network's outputs, keyed by its decoder's own words."""


class Candidates(NamedTuple):
    """Faces in pixels of the network's input, in no order.

    boxes: float32 (N, 4) x_min, y_min, x_max, y_max. scores: float32 (N,) 0-1. landmarks: float32 (N, 5, 2) in the
    order of `edge.sensor.types.Detection`, or None where the network gives none.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats | None


class Decoder(Protocol):
    """A pure function from a network's outputs to candidates."""

    def __call__(self, outputs: FloatTensors, input_hw: tuple[int, int], low_score: float) -> Candidates:
        """Read the outputs of one picture of input_hw (height, width) px."""


def empty() -> Candidates:
    """No candidates of a network that gives landmarks."""
    return Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


def join(parts: Sequence[Candidates]) -> Candidates:
    """All candidates of parts that all have landmarks; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    points = [part.landmarks for part in parts if part.landmarks is not None]
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate(points),
    )
