"""The numbers of a report as types: what `passerby report --json` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.workbench.report.counting import GENDERS, Distribution, Spread
from edge.workbench.report.reading import EventLog

Seconds = Annotated[float, Meta(ge=0)] | None


class Quartiles(Struct, frozen=True, kw_only=True):
    """Of a duration, seconds; null for fewer than k visits. Attention is that of visits with any."""

    p25: Seconds
    p50: Seconds
    p75: Seconds
    visits: int


class Band(Struct, frozen=True, kw_only=True):
    """Visits in an age band; `watchers` are those with attention."""

    bracket: str
    visits: dict[str, int]
    watchers: dict[str, int]
    dwell_s: Quartiles
    attention_s: Quartiles


class Hour(Struct, frozen=True, kw_only=True):
    """Visits that began in an hour of the day, over all days."""

    hour: int
    visits: int
    watchers: int
    dwell_s: Quartiles
    attention_s: Quartiles


class Report(Struct, frozen=True, kw_only=True):
    """Visits counted."""

    schema: Literal["passerby.report/1"] = "passerby.report/1"
    visits: int
    doubles: int
    missing: Annotated[int, Meta(description="Events that gaps in `seq` show.")]
    bad_lines: int
    other_events: int
    days: int
    timezone: str
    k: int
    taxonomy: str
    bands: list[Band]
    hours: list[Hour]


def to_report(log: EventLog, found: Distribution, zone: str, k: int) -> Report:
    """The numbers that the plots show."""
    return Report(
        visits=len(log.visits),
        doubles=log.doubles,
        missing=log.missing,
        bad_lines=log.bad,
        other_events=log.others,
        days=found.days,
        timezone=zone,
        k=k,
        taxonomy=found.taxonomy,
        bands=[_band(found, index) for index in range(len(found.bands))],
        hours=[_hour(found, index) for index in range(len(found.by_hour))],
    )


def _band(found: Distribution, index: int) -> Band:
    return Band(
        bracket=found.bands[index],
        visits=dict(zip(GENDERS, found.counts[index].tolist(), strict=True)),
        watchers=dict(zip(GENDERS, found.watchers[index].tolist(), strict=True)),
        dwell_s=_quartiles(found.dwell_by_band, index),
        attention_s=_quartiles(found.attention_by_band, index),
    )


def _hour(found: Distribution, index: int) -> Hour:
    return Hour(
        hour=index,
        visits=int(found.by_hour[index]),
        watchers=int(found.watchers_by_hour[index]),
        dwell_s=_quartiles(found.dwell_by_hour, index),
        attention_s=_quartiles(found.attention_by_hour, index),
    )


def _quartiles(spread: Spread, index: int) -> Quartiles:
    low, median, high = (float(each[index]) for each in (spread.low, spread.median, spread.high))
    if median != median:
        return Quartiles(p25=None, p50=None, p75=None, visits=int(spread.visits[index]))
    return Quartiles(p25=low, p50=median, p75=high, visits=int(spread.visits[index]))
