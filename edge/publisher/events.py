"""Link messages to the events of `edge.schemas.events`: adds who, when and which networks; removes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple

import msgspec

from edge import __version__
from edge.clock import boottime
from edge.machine.clock_sync import clock_synced
from edge.publisher.encoder import EventEncoder
from edge.publisher.types import Stamp
from edge.schemas.events import (
    Age,
    CommandName,
    Gender,
    GenderCounts,
    Health,
    Info,
    Live,
    PublisherHealth,
    Reply,
    SensorHealth,
    Visit,
)
from edge.schemas.interval import COVERAGE, Interval, interval_of
from edge.schemas.link import HealthMessage, LiveMessage, VisitMessage
from edge.schemas.taxonomy import MINOR_BELOW, Bracket, taxonomy
from edge.schemas.vocabulary import Target
from edge.settings.settings import Settings

_VISIT = "passerby.visit/1"
_CHILD = Bracket("0-12", 0, MINOR_BELOW - 1)


class WallClock(NamedTuple):
    """How seconds since boot become UTC. Both clocks are read at each use: the wall clock may have been set."""

    resolution_s: int
    boot: Callable[[], float] = boottime
    wall: Callable[[], float] = time.time
    synced: Callable[[], bool] = clock_synced

    def at(self, boot_s: float) -> str:
        """UTC of a moment in seconds since boot, RFC 3339, rounded down to the resolution."""
        seconds = self.wall() - self.boot() + boot_s
        return _rfc3339(seconds // self.resolution_s * self.resolution_s)

    def now(self) -> str:
        """UTC now, rounded down to the resolution."""
        return self.at(self.boot())


class Composer:
    """Writes the events of one device. What does not fit its contract comes as None and is not to be sent."""

    def __init__(self, settings: Settings, model_set: str, clock: WallClock) -> None:
        """`model_set` is the set's name and version, such as `best@1.0.0`."""
        self._settings = settings
        self._who = settings.identity
        self._model_set = model_set
        self._clock = clock
        self._encoder = EventEncoder()

    @property
    def unfit(self) -> int:
        """Events that did not fit their contract, since the start."""
        return self._encoder.unfit

    def visit(self, message: VisitMessage) -> Callable[[Stamp], bytes | None] | None:
        """What writes a visit's payload once it has its place; None for a visit that the settings keep back."""
        if "visit" not in self._settings.publish.events:
            return None
        if _is_minor(message) and self._settings.privacy.minors == "drop":
            return None
        return lambda stamp: self._encoder.encode(self._visit(message, stamp))

    def began_s(self, message: VisitMessage) -> int | None:
        """Seconds since boot of a visit whose date is not known yet; None where the time is known."""
        return None if self._clock.synced() else message.started_s

    def redated(self, payload: bytes, began_s: int) -> bytes:
        """A stored visit with the date that its seconds since boot give now, and which says so.

        A later release may have stored it: fields that this one does not know stay, and so does another contract.
        """
        visit = msgspec.json.decode(payload, type=dict[str, Any])
        if visit.get("schema") != _VISIT:
            return payload
        dated = {"started_at": self._clock.at(began_s), "clock_synced": True, "dated_late": True}
        return msgspec.json.encode(visit | dated)

    def live(self, message: LiveMessage) -> bytes | None:
        """Payload of people now."""
        labels = [bracket.label for bracket in taxonomy(message.taxonomy).brackets]
        counts = dict(zip(labels, message.brackets, strict=False)) | {"unknown": message.brackets[-1]}
        event = Live(
            site=self._who.site,
            device=self._who.device,
            at=self._clock.now(),
            people=message.female + message.male + message.unknown,
            watchers=message.watchers,
            longest_dwell_s=message.longest_dwell_halves / 2,
            gender=GenderCounts(female=message.female, male=message.male, unknown=message.unknown),
            taxonomy=message.taxonomy,
            brackets=counts,
            model_set=self._ran_by(message.target),
        )
        return self._encoder.encode(event)

    def info(self, target: Target) -> bytes | None:
        """Payload of what this device is; `target` is what the sensor runs on, as last reported."""
        settings = self._settings
        event = Info(
            site=self._who.site,
            device=self._who.device,
            version=__version__,
            model_set=self._ran_by(target),
            taxonomy=settings.attributes.taxonomy,
            publish=list(settings.publish.events),
            minors=settings.privacy.minors,
            time_resolution_s=settings.privacy.time_resolution_s,
            network_source=settings.camera.allow_network_source,
        )
        return self._encoder.encode(event)

    def health(self, sensor: HealthMessage | None, publisher: PublisherHealth) -> bytes | None:
        """Payload of both halves' counters; `sensor` None where none is linked."""
        event = Health(
            site=self._who.site,
            device=self._who.device,
            at=self._clock.now(),
            clock_synced=self._clock.synced(),
            sensor=sensor_health(sensor) if sensor else None,
            publisher=publisher,
        )
        return self._encoder.encode(event)

    def reply(self, caller: str, command: CommandName, reason: str) -> bytes | None:
        """Payload of the answer to a command; `reason` is empty when it was carried out."""
        return self._encoder.encode(Reply(id=caller, command=command, ok=not reason, reason=reason))

    def _visit(self, message: VisitMessage, stamp: Stamp) -> Visit:
        return Visit(
            event_id=stamp.event_id,
            site=self._who.site,
            device=self._who.device,
            boot_id=stamp.boot_id,
            seq=stamp.seq,
            started_at=self._clock.at(message.started_s),
            dwell_s=message.dwell_halves / 2,
            attention_s=message.attention_halves / 2,
            glances=message.glances,
            gender=_gender(message, self._settings.privacy.minors),
            age=_age(message, self._settings.privacy.minors),
            samples=message.samples,
            quality=message.quality_percent / 100,
            model_set=self._ran_by(message.target),
            clock_synced=self._clock.synced(),
            historical=message.historical,
            end_reason=message.end_reason,
        )

    def _ran_by(self, target: Target) -> str:
        return f"{self._model_set}/{target}"


def sensor_health(message: HealthMessage) -> SensorHealth:
    """The sensor's counters as they stand in the health event."""
    return SensorHealth(
        state=message.state,
        uptime_s=message.uptime_s,
        frames=message.frames,
        dropped_frames=message.dropped_frames,
        fps=message.fps_tenths / 10,
        visits=message.visits,
        lost_visits=message.lost_visits,
        camera_reopens=message.camera_reopens,
        target=message.target,
        fallbacks=message.fallbacks,
        accelerator=message.accelerator,
        accelerator_fault=message.accelerator_fault,
        rss_mb=message.rss_mb,
        temperature_c=None if message.temperature_c < 0 else message.temperature_c,
        cooling=message.cooling,
        static_faces=message.static_faces,
    )


def _bracket(message: VisitMessage) -> Bracket | None:
    return taxonomy(message.taxonomy).brackets[message.bracket] if message.bracket >= 0 else None


def _interval(message: VisitMessage) -> Interval | None:
    run = (message.interval_low, message.interval_high) if message.interval_high >= 0 else None
    return interval_of(taxonomy(message.taxonomy), run)


def _is_minor(message: VisitMessage) -> bool:
    bracket, interval = _bracket(message), _interval(message)
    highest = [each.high for each in (bracket, interval) if each is not None]
    return bool(highest) and min(highest) < MINOR_BELOW


def _gender(message: VisitMessage, minors: str) -> Gender:
    if minors == "unknown" and _is_minor(message):
        return Gender(label="unknown", confidence=0.0)
    return Gender(label=message.gender, confidence=message.gender_percent / 100)


def _age(message: VisitMessage, minors: str) -> Age:
    bracket, interval = _bracket(message), _interval(message)
    if minors == "unknown" and _is_minor(message):
        bracket = _CHILD if bracket is not None and bracket.label != "child" else bracket
        interval = interval and Interval(low=_CHILD.low, high=_CHILD.high, coverage=COVERAGE)
    return Age(
        taxonomy=message.taxonomy,
        bracket=bracket.label if bracket else "unknown",
        low=bracket.low if bracket else None,
        high=bracket.high if bracket else None,
        confidence=message.age_percent / 100,
        interval=interval,
    )


def _rfc3339(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
