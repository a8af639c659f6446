"""What leaves the device over MQTT: visit, live, aggregate, status, info, health, and replies to commands.

These types are strict: `edge.publisher.encoder` sends nothing that does not fit them. The published schemas are open
(`edge.schemas.published`). Within a version a field is only added, with a default, and a meaning never changes.
`aggregate/1` has not left a device yet and may be defined anew.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.schemas.interval import Interval
from edge.schemas.vocabulary import (
    OPEN,
    AcceleratorFault,
    AcceleratorState,
    Cooling,
    EndReason,
    EventId,
    Fraction,
    GenderLabel,
    HalfSeconds,
    ModelSetText,
    Name,
    SensorState,
    Target,
    TaxonomyName,
    Timestamp,
)  # fmt: skip

Count = Annotated[int, Meta(ge=0)]
Seq = Annotated[int, Meta(ge=1, description="Has no gaps within a boot_id, so a subscriber sees loss.")]
BootId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{32}$", description="Names the life of the outbox, not of the machine.")
]


class _Event(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Gender(_Event, frozen=True, kw_only=True):
    """Apparent gender; `unknown` when the confidence is below the model's threshold."""

    label: GenderLabel
    confidence: Fraction


class Age(_Event, frozen=True, kw_only=True):
    """Apparent age as a bracket of a taxonomy; bracket `unknown` has no low and no high."""

    taxonomy: Annotated[TaxonomyName, OPEN]
    bracket: Annotated[
        str,
        Meta(
            pattern=r"^(\d{1,3}-\d{1,3}|\d{1,3}\+|child|young|adult|senior|unknown)$",
            description="Of the taxonomy, or `unknown`.",
        ),
        OPEN,
    ]
    low: Annotated[int, Meta(ge=0, le=100)] | None
    high: Annotated[int, Meta(ge=0, le=100)] | None
    confidence: Fraction
    interval: Annotated[
        Interval | None,
        Meta(description="Given where the bracket is unknown, too; null where nobody looked, or nothing may be said."),
    ] = None


class Visit(_Event, frozen=True, kw_only=True):
    """One person's visit: a face came, stayed and left. QoS 1, at least once; `event_id` removes doubles."""

    schema: Literal["passerby.visit/1"] = "passerby.visit/1"
    event_id: EventId
    site: Name
    device: Name
    boot_id: BootId
    seq: Seq
    started_at: Timestamp
    dwell_s: HalfSeconds
    attention_s: HalfSeconds
    glances: Count
    gender: Gender
    age: Age
    samples: Count
    quality: Fraction
    model_set: ModelSetText
    clock_synced: bool
    dated_late: Annotated[
        bool, Meta(description="Made before the time was known, and dated since by its seconds since boot.")
    ] = False
    historical: bool
    end_reason: Annotated[EndReason, OPEN]


class GenderCounts(_Event, frozen=True, kw_only=True):
    """People by apparent gender."""

    female: Count
    male: Count
    unknown: Count


class Live(_Event, frozen=True, kw_only=True):
    """People in front of the screen now. QoS 0, expires: never stored, never sent again."""

    schema: Literal["passerby.live/1"] = "passerby.live/1"
    site: Name
    device: Name
    at: Timestamp
    people: Count
    watchers: Annotated[int, Meta(ge=0, description="People whose face looks at the screen.")]
    longest_dwell_s: HalfSeconds
    gender: GenderCounts
    taxonomy: Annotated[TaxonomyName, OPEN]
    brackets: Annotated[dict[str, Count], Meta(description="People by bracket of the taxonomy, and `unknown`.")]
    model_set: ModelSetText


class Quantiles(_Event, frozen=True, kw_only=True):
    """Quantiles of a duration over a window's visits, seconds."""

    p25: HalfSeconds
    p50: HalfSeconds
    p75: HalfSeconds
    p95: HalfSeconds


class Cell(_Event, frozen=True, kw_only=True):
    """Visits of one apparent gender in one bracket; cells of fewer than k visits are left out."""

    gender: GenderLabel
    bracket: str
    visits: Count


class Aggregate(_Event, frozen=True, kw_only=True):
    """Visits of one window, summed. QoS 1, at least once; quantiles are null below k visits.

    Not sent by any release yet, so it may still be defined anew.
    """

    schema: Literal["passerby.aggregate/1"] = "passerby.aggregate/1"
    event_id: EventId
    site: Name
    device: Name
    boot_id: BootId
    seq: Seq
    started_at: Timestamp
    window_s: Annotated[int, Meta(ge=60, le=86_400)]
    ots: Annotated[int, Meta(ge=0, description="Opportunities to see: visits that ended in the window.")]
    watchers: Annotated[int, Meta(ge=0, description="Visits with attention.")]
    conversion: Annotated[float | None, Meta(description="watchers / ots; null when ots is below k.")]
    dwell_s: Quantiles | None
    attention_s: Quantiles | None
    taxonomy: Annotated[TaxonomyName, OPEN]
    k: Annotated[int, Meta(ge=1, description="Smallest group that is reported.")]
    cells: list[Cell]
    suppressed: Annotated[int, Meta(ge=0, description="Visits in cells that were left out.")]
    model_set: ModelSetText
    clock_synced: bool


Status = Literal["online", "offline", "stopped"]
"""Payload of the retained `status` topic: the bare word. `offline` is the last will, `stopped` a clean end."""


class Info(_Event, frozen=True, kw_only=True):
    """What this device is and does; retained."""

    schema: Literal["passerby.info/1"] = "passerby.info/1"
    site: Name
    device: Name
    version: str
    model_set: ModelSetText
    taxonomy: Annotated[TaxonomyName, OPEN]
    publish: list[Annotated[Literal["visit", "live", "aggregate"], OPEN]]
    minors: Annotated[Literal["unknown", "band", "drop"], OPEN]
    time_resolution_s: Annotated[int, Meta(ge=1)]
    network_source: Annotated[bool, Meta(description="True when the sensor may read a camera over the network.")]


class SensorHealth(_Event, frozen=True, kw_only=True):
    """The sensor's counters since it started."""

    state: Annotated[SensorState, OPEN]
    uptime_s: Count
    frames: Count
    dropped_frames: Count
    fps: Annotated[float, Meta(ge=0)]
    visits: Count
    lost_visits: Annotated[int, Meta(ge=0, description="Visits dropped because the publisher did not take them.")]
    camera_reopens: Count
    target: Annotated[Target, OPEN]
    fallbacks: Annotated[int, Meta(ge=0, description="Moves to the next target of the list, at the start and since.")]
    accelerator: Annotated[AcceleratorState, Meta(description="The first accelerator among the targets."), OPEN]
    accelerator_fault: Annotated[AcceleratorFault, Meta(description="What went wrong with it last."), OPEN]
    rss_mb: Count
    temperature_c: Annotated[int | None, Meta(description="Hottest part of the chip, degrees Celsius; null: unknown.")]
    cooling: Annotated[
        Cooling, Meta(description="Whether frames are left out for the heat, or the machine slows down."), OPEN
    ]
    static_faces: Annotated[
        int, Meta(ge=0, description="Faces in view that do not move at all, such as posters: no visits. At most 255.")
    ] = 0


class PublisherHealth(_Event, frozen=True, kw_only=True):
    """The publisher's counters since it started, and its outbox."""

    uptime_s: Count
    connected: bool
    reconnects: Count
    delivered: Count
    rejected_messages: Annotated[int, Meta(ge=0, description="Link messages that failed validation.")]
    outbox_rows: Count
    outbox_bytes: Count
    outbox_oldest_s: Count
    outbox_dropped: Annotated[int, Meta(ge=0, description="Events dropped by the outbox's stated policy.")]
    outbox_refusals: Annotated[
        int, Meta(ge=0, description="Commits refused (disk full); the sensor keeps those events.")
    ]
    unfit_events: Annotated[
        int,
        Meta(ge=0, description="Events that did not fit their own contract, so they were not sent: a fault of ours."),
    ] = 0


class Health(_Event, frozen=True, kw_only=True):
    """Counters of both halves. QoS 0; `sensor` is null while no sensor is linked."""

    schema: Literal["passerby.health/1"] = "passerby.health/1"
    site: Name
    device: Name
    at: Timestamp
    clock_synced: bool
    sensor: SensorHealth | None
    publisher: PublisherHealth


CommandName = Literal["pause", "resume", "health", "info"]


class Cmd(Struct, frozen=True, kw_only=True):
    """A command to the device, on `cmd/<name>`. It may pause, and resume what a remote command paused.

    Keys that this version does not know are ignored.
    """

    schema: Literal["passerby.cmd/1"] = "passerby.cmd/1"
    id: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The caller's own; comes back in the reply.")
    ]


class Reply(_Event, frozen=True, kw_only=True):
    """The device's answer to a command."""

    schema: Literal["passerby.reply/1"] = "passerby.reply/1"
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    command: Annotated[CommandName, OPEN]
    ok: bool
    reason: Annotated[str, Meta(max_length=200, description="Empty when ok.")]
