"""IDF1: how much of what is labelled and what is found carries one identity throughout.

E. Ristani, F. Solera, R. Zou, R. Cucchiara and C. Tomasi, "Performance Measures and a Data Set for Multi-Target,
Multi-Camera Tracking", ECCV Workshops 2016: labelled and found identities are paired so that pairs share most faces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from edge.sensor.geometry import Box, iou
from edge.sensor.tracking.assignment import assign

Named = tuple[int, Box]
"""An identity, and its box in a frame."""


class IdentityCounts(NamedTuple):
    """Faces of paired identities that lie on each other (IDTP), labelled faces, found faces."""

    same: int
    labelled: int
    found: int

    @property
    def idf1(self) -> float | None:
        """2 IDTP / (labelled + found), 0-1; None without any face."""
        faces = self.labelled + self.found
        return 2 * self.same / faces if faces else None


class Overlaps:
    """Frames in which each labelled identity and each found one lie on each other."""

    def __init__(self) -> None:
        self._shared = Counter[tuple[int, int]]()
        self._labelled = self._found = 0

    def add(self, labelled: Sequence[Named], found: Sequence[Named], least_iou: float) -> None:
        """Take a frame. Boxes that overlap by at least `least_iou` lie on each other."""
        self._labelled += len(labelled)
        self._found += len(found)
        for truth, box in labelled:
            self._shared.update((truth, name) for name, other in found if iou(box, other) >= least_iou)

    def counts(self) -> IdentityCounts:
        """Pair the identities, and count."""
        rows = sorted({truth for truth, _ in self._shared})
        columns = sorted({name for _, name in self._shared})
        if not rows:
            return IdentityCounts(0, self._labelled, self._found)
        most = max(self._shared.values())
        costs = [[1.0 - self._shared[row, column] / most for column in columns] for row in rows]
        same = sum(self._shared[rows[row], columns[column]] for row, column in assign(costs))
        return IdentityCounts(same, self._labelled, self._found)
