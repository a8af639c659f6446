"""Errors of raw outputs: the largest, the mean, and the distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conversion.verify.networks import Outputs

EDGES = np.logspace(-8, 2, 61)
"""Bounds of the distribution's bins; smaller and larger errors go into the first and the last."""


class TensorTally:
    """Sums the absolute errors of one artefact."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(len(EDGES) - 1, np.int64)
        self._largest: dict[str, float] = {}
        self._total: dict[str, float] = {}
        self._size: dict[str, int] = {}

    def add(self, reference: Outputs, artefact: Outputs) -> None:
        """Add one picture's outputs. A value that is not finite counts as an infinite error."""
        for word, expected in reference.items():
            errors = np.abs(artefact[word].ravel().astype(np.float64) - expected.ravel())
            errors = np.where(np.isfinite(errors), errors, np.inf)
            self._largest[word] = max(self._largest.get(word, 0.0), float(errors.max(initial=0)))
            self._total[word] = self._total.get(word, 0.0) + float(errors.sum())
            self._size[word] = self._size.get(word, 0) + errors.size
            self.counts += np.histogram(errors.clip(EDGES[0], EDGES[-1]), EDGES)[0]

    def errors(self) -> dict[str, dict[str, float]]:
        """Largest and mean error of each output, by the decoder's names."""
        return {
            word: {"max": self._largest[word], "mean": self._total[word] / max(1, self._size[word])}
            for word in self._largest
        }
