"""What passes between sensor and publisher: bounded integers and words of closed sets, nothing else.

There is no free string and no float; one message is one packet of at most `MAX_MESSAGE_BYTES` in canonical form
(`edge.link.codec` accepts only the very bytes that it would write itself), so the capacity of the link can be
counted from these types alone.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from edge.schemas.vocabulary import (
    AcceleratorFault,
    AcceleratorState,
    Cooling,
    EndReason,
    GenderLabel,
    SensorState,
    Target,
    TaxonomyName,
)

MAX_MESSAGE_BYTES = 512
MAX_FPS_TENTHS = 20_000
MAX_REOPENS = 2**24 - 1
MESSAGES_PER_S = 20
"""Refill of the token bucket; its depth is the same number."""

Session = Annotated[int, Meta(ge=0, le=2**32 - 1, description="Random number of the sensor's life.")]
Counter = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Counts a session's visits from 1, without gaps.")]
BootSeconds = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1, description="Whole seconds since boot (CLOCK_BOOTTIME).")]
Halves = Annotated[int, Meta(ge=0, le=2 * 86_400, description="Half seconds, at most a day.")]
Percent = Annotated[int, Meta(ge=0, le=100)]
People = Annotated[int, Meta(ge=0, le=255)]
BracketIndex = Annotated[int, Meta(ge=-1, le=7, description="Position in the taxonomy; -1 is unknown.")]
Total = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    pass


class VisitMessage(_Message, tag="visit", frozen=True, kw_only=True):
    """An ended visit; acknowledged after it is on disk, sent again until then."""

    session: Session
    counter: Counter
    started_s: BootSeconds
    dwell_halves: Halves
    attention_halves: Halves
    glances: Annotated[int, Meta(ge=0, le=9_999)]
    gender: GenderLabel
    gender_percent: Percent
    taxonomy: TaxonomyName
    bracket: BracketIndex
    age_percent: Percent
    interval_low: BracketIndex
    interval_high: BracketIndex
    samples: Annotated[int, Meta(ge=0, le=999)]
    quality_percent: Percent
    target: Target
    historical: bool
    end_reason: EndReason


class LiveMessage(_Message, tag="live", frozen=True, kw_only=True):
    """People now; not acknowledged."""

    watchers: People
    longest_dwell_halves: Halves
    female: People
    male: People
    unknown: People
    taxonomy: TaxonomyName
    brackets: Annotated[
        tuple[People, People, People, People, People, People, People, People, People],
        Meta(description="People by bracket index; the last place counts unknown."),
    ]
    target: Target


class HealthMessage(_Message, tag="health", frozen=True, kw_only=True):
    """The sensor's counters; not acknowledged."""

    state: SensorState
    uptime_s: Total
    frames: Total
    dropped_frames: Total
    fps_tenths: Annotated[int, Meta(ge=0, le=MAX_FPS_TENTHS)]
    visits: Total
    lost_visits: Total
    camera_reopens: Annotated[int, Meta(ge=0, le=MAX_REOPENS)]
    target: Target
    fallbacks: Annotated[int, Meta(ge=0, le=99)]
    accelerator: AcceleratorState
    accelerator_fault: AcceleratorFault
    rss_mb: Annotated[int, Meta(ge=0, le=32_767)]
    temperature_c: Annotated[int, Meta(ge=-1, le=125, description="Hottest part of the chip; -1: not known.")]
    cooling: Cooling
    static_faces: People


class Ack(_Message, tag="ack", frozen=True, kw_only=True):
    """Every visit of the session up to and including `counter` is on disk."""

    session: Session
    counter: Counter


class Pause(_Message, tag="pause", frozen=True, kw_only=True):
    """Close the camera; the sensor closes open visits and ends its process."""


class Resume(_Message, tag="resume", frozen=True, kw_only=True):
    """Undo a remote pause; never overrides a local one."""


class HealthRequest(_Message, tag="health_request", frozen=True, kw_only=True):
    """Send a health message now."""


SensorMessage = VisitMessage | LiveMessage | HealthMessage
Command = Pause | Resume | HealthRequest
PublisherMessage = Ack | Pause | Resume | HealthRequest
