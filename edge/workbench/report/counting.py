"""Visits as counts and quantiles: by age and gender, by hour of day, by weekday."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from edge.schemas.taxonomy import TAXONOMIES
from edge.workbench.report.visits import UNKNOWN, Visit

GENDERS = ("female", "male", UNKNOWN)
HOURS, WEEKDAYS = 24, 7
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Quartiles of a duration in seconds and how many visits they are of; NaN for groups of fewer than k."""

    low: Floats
    median: Floats
    high: Floats
    visits: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """What is drawn. Arrays go by band (the taxonomy's, then `unknown`), gender (`GENDERS`), hour 0-23, weekday 0-6.

    counts: int64 (bands, genders). watchers: the same, visits with attention; attention spreads are over these only.
    by_week: int64 (weekdays, hours).
    other_taxonomies: visits in another taxonomy, known or not; they are counted everywhere but by band.
    """

    taxonomy: str
    bands: tuple[str, ...]
    counts: NDArray[np.int64]
    watchers: NDArray[np.int64]
    by_week: NDArray[np.int64]
    watchers_by_hour: NDArray[np.int64]
    dwell_by_hour: Spread
    attention_by_hour: Spread
    dwell_by_band: Spread
    attention_by_band: Spread
    days: int
    other_taxonomies: int

    @property
    def by_hour(self) -> NDArray[np.int64]:
        """int64 (24,): visits."""
        return np.asarray(self.by_week.sum(axis=0), np.int64)


def distribute(visits: Sequence[Visit], zone: tzinfo, k: int) -> Distribution:
    """Count visits, at least one. zone: of the hours. k: groups of fewer visits get no quartiles."""
    taxonomy = _most_common(visit.age.taxonomy for visit in visits)
    bands = (*(bracket.label for bracket in TAXONOMIES[taxonomy].brackets), UNKNOWN)
    began = [visit.began.astimezone(zone) for visit in visits]
    hour, weekday = np.array([at.hour for at in began]), np.array([at.weekday() for at in began])
    band = np.array([bands.index(v.age.bracket) if v.age.taxonomy == taxonomy else -1 for v in visits])
    gender = np.array([GENDERS.index(visit.gender.label) for visit in visits])
    dwell = np.array([visit.dwell_s for visit in visits])
    attention = np.array([visit.attention_s for visit in visits])
    here, watching = band >= 0, attention > 0
    return Distribution(
        taxonomy=taxonomy,
        bands=bands,
        counts=_count(band[here], gender[here], (len(bands), len(GENDERS))),
        watchers=_count(band[here & watching], gender[here & watching], (len(bands), len(GENDERS))),
        by_week=_count(weekday, hour, (WEEKDAYS, HOURS)),
        watchers_by_hour=np.bincount(hour[watching], minlength=HOURS),
        dwell_by_hour=_spread(dwell, hour, HOURS, k),
        attention_by_hour=_spread(attention[watching], hour[watching], HOURS, k),
        dwell_by_band=_spread(dwell[here], band[here], len(bands), k),
        attention_by_band=_spread(attention[here & watching], band[here & watching], len(bands), k),
        days=len({at.date() for at in began}),
        other_taxonomies=int((~here).sum()),
    )


def _most_common(names: Iterable[str]) -> str:
    """Of the taxonomies that are known here; the first of them where none is."""
    known = Counter(name for name in names if name in TAXONOMIES)
    return known.most_common(1)[0][0] if known else next(iter(TAXONOMIES))


def _count(row: NDArray[np.int64], column: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    counts = np.zeros(shape, np.int64)
    np.add.at(counts, (row, column), 1)
    return counts


def _spread(values: Floats, group: NDArray[np.int64], groups: int, k: int) -> Spread:
    parts = [values[group == index] for index in range(groups)]
    quartiles = [np.percentile(part, [25, 50, 75]) if len(part) >= k else [np.nan] * 3 for part in parts]
    low, median, high = np.array(quartiles, np.float64).T
    return Spread(low, median, high, np.array([len(part) for part in parts], np.int64))
