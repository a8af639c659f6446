"""Bootstrap intervals of many measures over many slices at once: draws are weights, measures are matrix products.

Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile intervals). Persons
are drawn, not photographs: pictures of one person share their errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.evaluation.attributes.measures import Confidences, ece_terms

Floats = NDArray[np.float64]
Masks = Sequence[NDArray[np.bool_]]
LEVEL = 0.95
_BLOCK = 100
"""Draws whose weights are in memory at the same time."""


class Interval(NamedTuple):
    """A measure with the ends of its interval, NaN where no photograph counts, and how many photographs count."""

    value: float
    low: float
    high: float
    photographs: int


def intervals(
    values: Mapping[str, Floats],
    confidences: Mapping[str, Confidences],
    slices: Masks,
    clusters: NDArray[np.int64],
    *,
    draws: int,
    seed: int,
) -> list[dict[str, Interval]]:
    """For each slice: the mean of each measure, and `NAME_ece` of each confidence, with 95 % intervals.

    values: float64 (N,) each; a NaN does not count. clusters: int64 (N,), the same number for photographs that are
    drawn together. The same seed gives the same intervals.
    """
    names = [*values, *(f"{name}_ece" for name in confidences)]
    tables = [_Table(values, confidences, mask) for mask in slices]
    points = [table.measure(np.ones((1, int(table.mask.sum())), np.float32))[0] for table in tables]
    drawn = [
        np.concatenate(blocks)
        for blocks in zip(
            *([table.measure(weights[:, table.mask]) for table in tables] for weights in _draw(clusters, draws, seed)),
            strict=True,
        )
    ]
    return [
        {name: _interval(point[i], sample[:, i], table.counts[i]) for i, name in enumerate(names)}
        for table, point, sample in zip(tables, points, drawn, strict=True)
    ]


class _Table:
    """One slice's values as matrices."""

    def __init__(self, values: Mapping[str, Floats], confidences: Mapping[str, Confidences], mask: NDArray[np.bool_]):
        self.mask = mask
        columns = [column[mask] for column in values.values()]
        right = [each.right[mask] for each in confidences.values()]
        known = np.column_stack([~np.isnan(column) for column in [*columns, *right]])
        terms = [ece_terms(each)[mask] for each in confidences.values()]
        self._columns, self._bins = len(columns), [each.shape[1] for each in terms]
        sums = [np.nan_to_num(np.column_stack(columns)), *terms] if columns else terms
        self._matrix = np.concatenate([known, *sums], axis=1).astype(np.float32)
        self.counts = known.sum(axis=0)

    def measure(self, weights: NDArray[np.float32]) -> Floats:
        """float64 (draws, measures) for float32 (draws, members) weights."""
        products = (weights @ self._matrix).astype(np.float64)
        weight, sums = products[:, : len(self.counts)], products[:, len(self.counts) :]
        means, rest = sums[:, : self._columns], sums[:, self._columns :]
        errors = [np.abs(part).sum(axis=1) for part in np.split(rest, np.cumsum(self._bins)[:-1], axis=1)]
        totals = np.column_stack([means, *errors]) if self._bins else means
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(weight > 0, totals / weight, np.nan), np.float64)


def _draw(clusters: NDArray[np.int64], draws: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """float32 (draws, N) weights in blocks: how often each photograph's cluster was drawn."""
    random = np.random.default_rng(seed)
    names, cluster_of = np.unique(clusters, return_inverse=True)
    for first in range(0, draws, _BLOCK):
        picks = random.integers(0, len(names), (min(_BLOCK, draws - first), len(names)))
        offsets = picks + np.arange(len(picks))[:, None] * len(names)
        counts = np.bincount(offsets.ravel(), minlength=picks.size).reshape(picks.shape)
        yield counts[:, cluster_of].astype(np.float32)


def _interval(value: float, sample: Floats, count: int) -> Interval:
    drawn = sample[~np.isnan(sample)]
    if not len(drawn) or count == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(float(value), float(low), float(high), int(count))
