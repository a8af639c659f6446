"""How far apart subgroups are: the worst group against the mean, women against men; a number each."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from training.evaluation.attributes.records import Measure, SliceResult

FEWEST = 50
"""Subgroups with fewer photographs are left to chance and do not count."""
GROUP_MAE_RATIO, GENDER_GAP = "group_mae_ratio", "gender_accuracy_gap"


def with_gaps(slices: Sequence[SliceResult]) -> list[SliceResult]:
    """Add `group_mae_ratio` and `gender_accuracy_gap` to the slices that have subgroups.

    The ratio is a group's largest mean error in years over that of the slice; the gap is the difference between the
    shares of right genders of women and men. Subgroups of fewer than 50 photographs do not count.
    """
    return [replace(each, measures={**each.measures, **_gaps(each, slices)}) for each in slices]


def _gaps(whole: SliceResult, slices: Sequence[SliceResult]) -> dict[str, Measure]:
    if whole.gender is not None or whole.group is not None:
        return {}
    parts = [each for each in slices if each.ages == whole.ages and (each.gender is None) != (each.group is None)]
    groups = [value for each in parts if each.group and (value := _value(each, "mae_years")) is not None]
    genders = [value for each in parts if each.gender and (value := _value(each, "gender_accuracy")) is not None]
    mean = whole.measures["mae_years"].value
    found = {}
    if mean and len(groups) > 1:
        found[GROUP_MAE_RATIO] = _measure(max(groups) / mean, whole.measures["mae_years"].photographs)
    if len(genders) == 2:
        gap = abs(genders[0] - genders[1])
        found[GENDER_GAP] = _measure(gap, whole.measures["gender_accuracy"].photographs)
    return found


def _value(part: SliceResult, name: str) -> float | None:
    measure = part.measures[name]
    return measure.value if measure.photographs >= FEWEST else None


def _measure(value: float, photographs: int) -> Measure:
    return Measure(value=round(value, 6), low=None, high=None, photographs=photographs)
