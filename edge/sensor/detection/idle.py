"""The idle gate: while nothing moves and nobody is followed, detection runs at `idle_fps` only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.sensor.imaging import shrink_for_motion
from edge.sensor.types import Image
from edge.settings.settings import Detection as DetectionSettings
from edge.settings.settings import Zone
from edge.settings.zones import counts

CELL = 4
"""Side of a cell in pixels of the small grey picture: 16 x 9 cells in all."""


class IdleGate:
    """Decides for each frame whether to detect. Compares small grey pictures; keeps one of 144 numbers.

    zones: what moves where nobody counts, such as a screen, opens nothing.
    """

    def __init__(self, settings: DetectionSettings, zones: Sequence[Zone] = ()) -> None:
        self._settings, self._zones = settings, zones
        self._watched: NDArray[np.bool_] | None = None
        self._reference: NDArray[np.float32] | None = None
        self._last_motion = float("-inf")
        self._last_detection = float("-inf")

    def opens(self, image: Image, at: float, *, anyone: bool) -> bool:
        """True when the uint8 BGR image captured at `at` seconds is worth a detection; `anyone`: a track is open."""
        if self._settings.motion == 0:
            return True
        if anyone or self._moved(image):
            self._last_motion = at
        idle = at - self._last_motion > self._settings.idle_after_s
        if idle and at - self._last_detection < 1 / self._settings.idle_fps:
            return False
        self._last_detection = at
        return True

    def _moved(self, image: Image) -> bool:
        cells = _cells(image)
        before, self._reference = self._reference, cells
        if before is None or before.shape != cells.shape:
            self._watched = _watched(self._zones, cells.shape[0], cells.shape[1])
            return True
        return bool((np.abs(cells - before)[self._watched] > self._settings.motion).any())


def _cells(image: Image) -> NDArray[np.float32]:
    """Mean grey of each cell, float32 (rows, columns), 0-255: evens out the noise of the camera."""
    small = shrink_for_motion(image)
    rows, columns = small.shape[0] // CELL, small.shape[1] // CELL
    cells: NDArray[np.float32] = small.reshape(rows, CELL, columns, CELL).mean(axis=(1, 3), dtype=np.float32)
    return cells


def _watched(zones: Sequence[Zone], rows: int, columns: int) -> NDArray[np.bool_]:
    """Bool (rows, columns): the cells in some part of which somebody counts, as far as nine places of each say."""
    places = [(x, y) for x in (1 / 6, 3 / 6, 5 / 6) for y in (1 / 6, 3 / 6, 5 / 6)]

    def is_watched(row: int, column: int) -> bool:
        return any(counts(zones, (column + x) / columns, (row + y) / rows) for x, y in places)

    return np.array([[is_watched(row, column) for column in range(columns)] for row in range(rows)], np.bool_)
