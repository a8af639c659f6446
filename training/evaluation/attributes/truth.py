"""Labels as arrays: what answers are compared with, and the slices that measures are taken over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError, explain
from edge.schemas.taxonomy import ADS_8, TAXONOMIES
from edge.sensor.types import FEMALE, MALE
from edge.workbench.labelled.samples import OLDEST, Sample

Mask = NDArray[np.bool_]
"""bool (N,): which photographs."""

UNKNOWN = -1
"""In place of a gender or bracket that is not labelled."""
_GENDERS = {"female": FEMALE, "male": MALE, None: UNKNOWN}
_SPAN = re.compile(r"(\d{1,3})(?:-(\d{1,3})|\+)")


@dataclass(frozen=True, slots=True)
class Truth:
    """Labels of N photographs.

    age: float64 (N,) years, NaN where the label gives none. gender: int64 (N,), `FEMALE`, `MALE` or -1. brackets: by
    taxonomy, int64 (N,) indices or -1. groups: names or None. persons: int64 (N,), the same number for the same person;
    photographs without a name have a number each.
    """

    age: NDArray[np.float64]
    gender: NDArray[np.int64]
    brackets: Mapping[str, NDArray[np.int64]]
    groups: Sequence[str | None]
    persons: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slice:
    """Some photographs. ages: `all`, a span (`18-75`, `3+`) or a band of ads-8; gender and group: None means any."""

    ages: str
    gender: str | None
    group: str | None
    members: Mask

    @property
    def name(self) -> str:
        """Its name in tables."""
        parts = [part for part in (self.gender, self.group) if part]
        ages = "all" if self.ages == "all" else f"{self.ages} years"
        return ", ".join([ages, *parts]) if self.ages != "all" or not parts else ", ".join(parts)


def read_truth(samples: Sequence[Sample]) -> Truth:
    """The labels of samples."""
    ages = [np.nan if sample.age is None else sample.age for sample in samples]
    brackets = {
        name: np.array([_or_unknown(sample.bracket(taxonomy)) for sample in samples], np.int64)
        for name, taxonomy in TAXONOMIES.items()
    }
    genders = np.array([_GENDERS[sample.gender] for sample in samples], np.int64)
    return Truth(np.array(ages, np.float64), genders, brackets, [sample.group for sample in samples], _persons(samples))


def make_slices(truth: Truth, spans: Sequence[str]) -> list[Slice]:
    """All photographs and each span of ages, both by gender and by group too, and each band of ads-8.

    Empty ones are left out. Raises UsageError for an invalid span.
    """
    found = []
    for name, inside in [("all", np.ones(len(truth.age), np.bool_)), *((span, _within(truth, span)) for span in spans)]:
        found.append(Slice(name, None, None, inside))
        found += [Slice(name, word, None, inside & mask) for word, mask in _by_gender(truth)]
        found += [Slice(name, None, word, inside & mask) for word, mask in _by_group(truth)]
    for index, bracket in enumerate(ADS_8.brackets):
        found.append(Slice(bracket.label, None, None, truth.brackets[ADS_8.name] == index))
    return [each for each in found if each.members.any()]


def _by_gender(truth: Truth) -> Iterator[tuple[str, Mask]]:
    yield "female", truth.gender == FEMALE
    yield "male", truth.gender == MALE


def _by_group(truth: Truth) -> Iterator[tuple[str, Mask]]:
    names = sorted({group for group in truth.groups if group})
    for name in names if len(names) > 1 else ():
        yield name, np.array([group == name for group in truth.groups], np.bool_)


def _within(truth: Truth, span: str) -> Mask:
    found = _SPAN.fullmatch(span)
    low, high = (int(found[1]), int(found[2] or OLDEST)) if found else (1, 0)
    if low > high:
        raise UsageError(explain("not a span of ages", got=span, expected="LOW-HIGH or LOW+, such as 18-75 or 13+"))
    with np.errstate(invalid="ignore"):
        return np.asarray((truth.age >= low) & (np.floor(truth.age) <= high), np.bool_)


def _persons(samples: Sequence[Sample]) -> NDArray[np.int64]:
    first: dict[tuple[str, str], int] = {}
    keys = [(sample.dataset, sample.person) if sample.person else None for sample in samples]
    return np.array([i if key is None else first.setdefault(key, i) for i, key in enumerate(keys)], np.int64)


def _or_unknown(index: int | None) -> int:
    return UNKNOWN if index is None else index
