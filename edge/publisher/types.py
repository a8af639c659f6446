"""What passes between the publisher's loop, the outbox and the broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class Stamp(NamedTuple):
    """What the outbox gives an event when it stores it."""

    event_id: str
    boot_id: str
    seq: int


class Draft(NamedTuple):
    """An event before it has its place. `render` writes its payload; None stores only that it was seen.

    A `render` that returns None found that the event does not fit its contract; it gets no place either.
    `began_s`: seconds since boot, of an event whose date is not known yet.
    """

    session: int
    counter: int
    kind: str
    render: Callable[[Stamp], bytes | None] | None
    began_s: int | None = None


class Place(NamedTuple):
    """Where an event is stored. It names the outbox's life too: a late acknowledgement never hits a newer event."""

    boot_id: str
    seq: int


class Row(NamedTuple):
    """A stored event, ready to be sent. `kind` is the last part of its topic."""

    place: Place
    kind: str
    payload: bytes


@dataclass(slots=True)
class Tally:
    """What the outbox holds: events, bytes of payload, the last seq, and how many the bounds dropped.

    `undated`: events among them whose date is not known yet.
    """

    rows: int = 0
    size_bytes: int = 0
    last_seq: int = 0
    dropped: int = 0
    undated: int = 0


@dataclass(slots=True)
class News:
    """What happened at the broker: events it acknowledged, commands (name, payload) it delivered."""

    connected: bool = False
    acked: list[Place] = field(default_factory=list)
    commands: list[tuple[str, bytes]] = field(default_factory=list)
