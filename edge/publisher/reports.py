"""What the device publishes besides stored events: info, health, live, replies; none of it is kept for later."""

from __future__ import annotations

from collections.abc import Sequence

from edge.publisher.dispatch import Dispatch
from edge.publisher.events import Composer, WallClock
from edge.publisher.intake import Intake
from edge.publisher.ports import Channel, EventStore, SensorLink
from edge.schemas.events import CommandName, PublisherHealth
from edge.schemas.link import HealthMessage, HealthRequest, LiveMessage
from edge.schemas.vocabulary import SensorState, Target
from edge.settings.settings import Settings

ANSWER_S = 1.0
"""How long a health event waits for the sensor's counters when somebody asked for it."""

_LOST: SensorState = "camera_lost"


class Counts:
    """Reads the publisher's counters where they arise."""

    def __init__(
        self,
        link: SensorLink,
        outbox: EventStore,
        broker: Channel,
        intake: Intake,
        dispatch: Dispatch,
        composer: Composer,
    ) -> None:
        self._link, self._outbox, self._broker = link, outbox, broker
        self._intake, self._dispatch, self._composer = intake, dispatch, composer

    def read(self, uptime_s: float) -> PublisherHealth:
        """All of them, now."""
        tally = self._outbox.tally
        return PublisherHealth(
            uptime_s=int(uptime_s),
            connected=self._broker.connected,
            reconnects=max(0, self._broker.connections - 1),
            delivered=self._dispatch.delivered,
            rejected_messages=self._link.rejected,
            outbox_rows=tally.rows,
            outbox_bytes=tally.size_bytes,
            outbox_oldest_s=int(self._outbox.oldest_s()),
            outbox_dropped=tally.dropped,
            outbox_refusals=self._intake.refusals,
            unfit_events=self._composer.unfit,
        )


class Reports:
    """Info, health and live of one device."""

    def __init__(
        self,
        settings: Settings,
        composer: Composer,
        link: SensorLink,
        broker: Channel,
        counts: Counts,
        clock: WallClock,
    ) -> None:
        self._settings, self._composer, self._link, self._broker = settings, composer, link, broker
        self._counts, self._clock = counts, clock
        self._target: Target = settings.models.targets[0]
        self._sensor: HealthMessage | None = None
        self._began = self._health_at = clock.boot()
        self._asked = False

    def wait_s(self) -> float:
        """Seconds until the next health event."""
        return max(0.0, self._health_at - self._clock.boot())

    def connected(self) -> None:
        """Publish info and health to a broker that may have lost them."""
        self.send_info()
        self._health_at = self._clock.boot()

    def ask(self) -> None:
        """Send a health event soon, with fresh counters of the sensor where one is linked."""
        self._link.send(HealthRequest())
        self._asked = True
        self._health_at = self._clock.boot() + (ANSWER_S if self._link.linked else 0.0)

    def resumed(self) -> None:
        """A resume was sent to the sensor: what it last reported about its pause is out of date."""
        self._sensor = None

    def send_info(self) -> None:
        """Send what this device is, retained."""
        self._publish("info", self._composer.info(self._target), retain=True)

    def reply(self, caller: str, command: CommandName, reason: str) -> None:
        """Answer a command; `reason` is empty when it was carried out."""
        self._publish("reply", self._composer.reply(caller, command, reason))

    def take(self, messages: Sequence[LiveMessage | HealthMessage]) -> None:
        """Pass live events on, keep the sensor's counters, send health when it is time."""
        for message in messages:
            self._note_target(message.target)
            if isinstance(message, LiveMessage):
                self._live(message)
            else:
                at_once = self._asked or _is_urgent(self._sensor, message)
                self._sensor = message
                self._health_at = self._clock.boot() if at_once else self._health_at
        if self._clock.boot() >= self._health_at:
            self._health()

    @property
    def locally_paused(self) -> bool:
        """True when the sensor last reported that it is paused."""
        return self._link.linked and self._sensor is not None and self._sensor.state == "paused"

    def _note_target(self, target: Target) -> None:
        if target != self._target:
            self._target = target
            self.send_info()

    def _live(self, message: LiveMessage) -> None:
        if "live" in self._settings.publish.events:
            expires_s = 2 * self._settings.publish.live_interval_s
            self._publish("live", self._composer.live(message), expires_s=expires_s)

    def _health(self) -> None:
        now = self._clock.boot()
        self._asked = False
        self._health_at = now + self._settings.publish.health_interval_s
        if not self._link.linked:
            self._sensor = None
        event = self._composer.health(self._sensor, self._counts.read(now - self._began))
        self._publish("health", event, expires_s=2 * self._settings.publish.health_interval_s)

    def _publish(
        self, topic: str, payload: bytes | None, *, retain: bool = False, expires_s: float | None = None
    ) -> None:
        if payload is not None:
            self._broker.publish(topic, payload, retain=retain, expires_s=expires_s)


def _is_urgent(before: HealthMessage | None, now: HealthMessage) -> bool:
    """Whether a camera or an accelerator was lost or is back, or the heat has changed something."""
    was_lost = before is not None and before.state == _LOST
    if was_lost != (now.state == _LOST):
        return True
    return before is not None and (before.accelerator, before.cooling) != (now.accelerator, now.cooling)
