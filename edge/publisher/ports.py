"""What the publisher's loop expects of the link, the outbox and the broker: Protocols of at most four methods.

They stand here and not in `edge.sensor.ports` because that module is about pictures, and this half imports no arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from edge.publisher.types import Draft, News, Place, Row, Tally
from edge.schemas.link import PublisherMessage, SensorMessage

Wait = tuple[int, int]
"""A file descriptor and the poll events to wake up for."""


class SensorLink(Protocol):
    """The publisher's end of the link; see `edge.publisher.link_server.LinkServer`."""

    rejected: int

    @property
    def linked(self) -> bool:
        """True while a sensor is connected."""

    def waits(self, *, reading: bool) -> Sequence[Wait]:
        """What to wake up for; `reading` False leaves packets with the sensor."""

    def wait_s(self) -> float | None:
        """Seconds until a packet may be read that is held back now; None where none is."""

    def receive(self, limit: int) -> Sequence[SensorMessage]:
        """Valid messages that have arrived, at most `limit`; never blocks."""

    def send(self, message: PublisherMessage) -> None:
        """Send now or later; never blocks."""


class EventStore(Protocol):
    """The outbox; see `edge.publisher.outbox.outbox.Outbox`."""

    tally: Tally

    def put(self, drafts: Sequence[Draft], delivered: Collection[Place] = ()) -> None:
        """Store and forget in one transaction. Raises OutboxFull."""

    def due(self, limit: int, *, hold_undated: bool = False) -> Sequence[Row]:
        """The next events to send, without undated ones if `hold_undated`. Raises OutboxFull where the disk fails."""

    def rewind(self) -> None:
        """Return everything again that is still held."""

    def oldest_s(self) -> float:
        """Age of the oldest event, seconds."""


class UndatedStore(Protocol):
    """The outbox's events whose date is not known yet."""

    tally: Tally

    def date(self, redated: Callable[[bytes, int], bytes]) -> int:
        """Give them their date; returns how many. Raises OutboxFull."""


class Connection(Protocol):
    """The broker's connection, as the loop turns it; see `edge.publisher.broker.mqtt.MqttBroker`."""

    connected: bool
    connections: int

    def waits(self) -> Sequence[Wait]:
        """What to wake up for."""

    def wait_s(self) -> float:
        """Seconds until `work` has something to do even if nothing wakes up."""

    def work(self) -> News:
        """Dial, read, write, keep alive; never blocks."""

    def settled(self) -> bool:
        """True when nothing that was sent is still under way."""


class Channel(Protocol):
    """The broker, as the parts see it that send."""

    connected: bool
    connections: int

    def space(self) -> int:
        """How many events may be sent now."""

    def send(self, row: Row) -> None:
        """Send a stored event."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: float | None = None) -> None:
        """Send something that is not stored; dropped where it cannot go out now."""
