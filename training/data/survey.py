"""What a data set contains, counted: the numbers of the data report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.workbench.labelled.samples import OLDEST, Photographs, Sample
from training.data.collection import Reading
from training.data.hashing import hash_pictures, near_pairs

GENDER_WORDS = ("female", "male", "unknown")
UNLABELLED = "no label"


@dataclass(frozen=True, slots=True)
class Survey:
    """A data set in numbers.

    ages: float64 (3, 121): photographs by gender (female, male, unknown) and year; a band counts evenly towards its
    years. groups: photographs by group, then by gender. sides_px: int64 (N,) shorter sides. near_copies: photographs
    that have a near-copy in the set.
    """

    name: str
    photographs: int
    unreadable: int
    with_age: int
    with_gender: int
    persons: int
    ages: NDArray[np.float64]
    groups: Mapping[str, Mapping[str, int]]
    sides_px: NDArray[np.int64]
    near_copies: int
    warnings: Sequence[str]


def survey(photographs: Photographs, tick: Callable[[], None] = lambda: None) -> Survey:
    """Read every picture of a set once and count. Raises BadInput."""
    reading, samples, sides = Reading(photographs), list[Sample](), list[int]()

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for sample, image in reading:
            samples.append(sample)
            sides.append(min(image.shape[:2]))
            tick()
            yield image

    hashes = hash_pictures(pictures())
    return Survey(
        name=photographs.name,
        photographs=len(samples),
        unreadable=len(reading.faults),
        with_age=sum(sample.age_range is not None for sample in samples),
        with_gender=sum(sample.gender is not None for sample in samples),
        persons=len({sample.person for sample in samples} - {None}),
        ages=count_ages(samples),
        groups=count_groups(samples),
        sides_px=np.array(sides, np.int64),
        near_copies=len(np.unique(near_pairs(hashes))),
        warnings=reading.left_out,
    )


def count_ages(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """float64 (3, 121): photographs by gender and year of age."""
    counts = np.zeros((len(GENDER_WORDS), OLDEST + 1))
    for sample in samples:
        if sample.age_range is not None:
            low, high = sample.age_range
            counts[GENDER_WORDS.index(sample.gender or "unknown"), low : high + 1] += 1 / (high - low + 1)
    return counts


def count_groups(samples: Sequence[Sample]) -> dict[str, Counter[str]]:
    """Photographs by group and gender, the largest group first."""
    groups: dict[str, Counter[str]] = {}
    for sample in samples:
        groups.setdefault(sample.group or UNLABELLED, Counter())[sample.gender or "unknown"] += 1
    return dict(sorted(groups.items(), key=lambda item: -item[1].total()))
