"""The interval of ages that a guess of the age comes with."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from edge.schemas.taxonomy import Taxonomy
from edge.schemas.vocabulary import Fraction

COVERAGE: Final = 0.8
"""Share of faces whose apparent age lies in their interval."""

Years = Annotated[int, Meta(ge=0, le=100, description="Whole years, inside the interval.")]


class Interval(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Neighbouring brackets of the taxonomy that the apparent age lies in with the probability `coverage`."""

    low: Years
    high: Years
    coverage: Fraction


def interval_of(taxonomy: Taxonomy, run: tuple[int, int] | None) -> Interval | None:
    """From the first to the last bracket of a run, by their indices; None of none."""
    if run is None:
        return None
    first, last = (taxonomy.brackets[index] for index in run)
    return Interval(low=first.low, high=last.high, coverage=COVERAGE)
