"""From the outbox to the broker: as many events under way as both allow, forgotten after the broker's ack only."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.errors import OutboxFull
from edge.publisher.ports import Channel, EventStore
from edge.publisher.types import News, Place

_log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Wait before a disk that could not be read is read again."""


class Dispatch:
    """Events on their way to the broker."""

    def __init__(self, outbox: EventStore, broker: Channel, *, clock: Callable[[], float]) -> None:
        self._outbox, self._broker, self._clock = outbox, broker, clock
        self._not_before = clock()
        self.acked: set[Place] = set()
        """Events that the broker has and the outbox still holds; the next commit empties it."""
        self._under_way: set[Place] = set()
        self._held = False
        self.delivered = 0
        """Events that the broker acknowledged, since the start."""

    def take(self, news: News) -> None:
        """Note what the broker acknowledged; a new connection begins with the oldest event again."""
        if news.connected:
            self._outbox.rewind()
            self._under_way.clear()
        self._under_way.difference_update(news.acked)
        self.acked.update(news.acked)
        self.delivered += len(news.acked)

    def send(self, *, hold_undated: bool = False) -> None:
        """Send the events that are due, as far as the window goes; `hold_undated`: but those without a date."""
        if self._held and not hold_undated:
            self._outbox.rewind()
        self._held = hold_undated
        space = self._broker.space()
        if not space or self._outbox.tally.rows <= len(self.acked) or self._clock() < self._not_before:
            return
        try:
            rows = self._outbox.due(space, hold_undated=hold_undated)
        except OutboxFull as error:
            self._not_before = self._clock() + RETRY_S
            _log.error("outbox: %s", error)
            return
        for row in rows:
            if row.place not in self.acked and row.place not in self._under_way:
                self._under_way.add(row.place)
                self._broker.send(row)
