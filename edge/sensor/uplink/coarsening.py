"""A visit as the sensor may send it: whole seconds, halves of seconds, percents and words of closed sets."""

from __future__ import annotations

from typing import cast, get_args

from edge.schemas.link import BootSeconds, Halves, VisitMessage
from edge.schemas.vocabulary import EndReason, GenderLabel, Target, TaxonomyName
from edge.sensor.types import VisitSummary

_BOOT_SECONDS = get_args(BootSeconds)[1]
_HALVES = get_args(Halves)[1]


def coarsen_visit(
    summary: VisitSummary, *, session: int, counter: int, taxonomy: TaxonomyName, target: Target, historical: bool
) -> VisitMessage:
    """Round and clip a visit into its message; the local track id stays behind.

    `historical` says that the visit comes from a recording, `taxonomy` what its bracket index refers to.
    """
    gender, age = summary.gender, summary.age
    bracket = -1 if age is None or age.bracket is None else age.bracket
    low, high = age.interval if age and age.interval else (-1, -1)
    return VisitMessage(
        session=session,
        counter=counter,
        started_s=_clip(summary.first_seen, _BOOT_SECONDS.ge, _BOOT_SECONDS.le),
        dwell_halves=_clip(summary.dwell_s * 2, 0, _HALVES.le),
        attention_halves=_clip(min(summary.attention_s, summary.dwell_s) * 2, 0, _HALVES.le),
        glances=_clip(summary.glances, 0, 9_999),
        gender=cast(GenderLabel, gender.label) if gender else "unknown",
        gender_percent=_percent(gender.confidence) if gender else 0,
        taxonomy=taxonomy,
        bracket=int(bracket),
        age_percent=_percent(age.confidence) if age else 0,
        interval_low=int(low),
        interval_high=int(high),
        samples=_clip(summary.samples, 0, 999),
        quality_percent=_percent(summary.quality),
        target=target,
        historical=historical,
        end_reason=cast(EndReason, summary.end_reason),
    )


def _clip(value: float, low: int, high: int) -> int:
    return min(max(round(value), low), high)


def _percent(fraction: float) -> int:
    return _clip(fraction * 100, 0, 100)
