"""From the link into the outbox: gathers visits, commits at most once an interval, acknowledges after the commit.

Where the outbox refuses, visits are held here, unacknowledged, while live and health messages pass. When no more can
be held nothing is read: the sensor's own list is the next buffer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.clock import Backoff
from edge.errors import OutboxFull
from edge.publisher.events import Composer
from edge.publisher.ports import EventStore, SensorLink
from edge.publisher.types import Draft, Place
from edge.schemas.link import Ack, HealthMessage, LiveMessage, VisitMessage

_log = logging.getLogger(__name__)

MAX_READ = 64
"""Messages taken in one turn, and visits in one commit: what was held must fit the smallest outbox in parts."""
MAX_HELD = 4096
"""Visits that wait for a commit, at the very most; as many as a sensor keeps."""
EXPIRE_EVERY_S = 60.0
"""Without any visit, the outbox still checks for events that are too old."""


class Intake:
    """Visits on their way to the disk."""

    def __init__(
        self, link: SensorLink, outbox: EventStore, composer: Composer, *, interval_s: float, clock: Callable[[], float]
    ) -> None:
        self._link, self._outbox, self._composer, self._clock = link, outbox, composer, clock
        self._interval_s = interval_s
        self._backoff = Backoff(interval_s, max(5.0, interval_s))
        self._batch: list[Draft] = []
        self._next_commit = clock()
        self._last_commit = clock()
        self._refusal = ""
        self._behind = False
        self.refusals = 0
        """Commits that the disk or the bounds refused, since the start."""
        self.idle = True
        """True when the last read of the link returned nothing and no visit waits for a commit."""

    @property
    def reading(self) -> bool:
        """False when no more visits can be held: packets stay with the sensor."""
        return len(self._batch) < MAX_HELD

    def wait_s(self, delivered: bool) -> float | None:
        """Seconds until the next commit; None when there is nothing to commit."""
        return max(0.0, self._next_commit - self._clock()) if self._batch or delivered else None

    def read(self) -> list[LiveMessage | HealthMessage]:
        """Read what the link has: visits go into the batch, the rest is returned."""
        messages = self._link.receive(min(MAX_READ, MAX_HELD - len(self._batch)))
        self._behind = not self.reading or (self._behind and (bool(messages) or self._link.wait_s() is not None))
        passing: list[LiveMessage | HealthMessage] = []
        for message in messages:
            if isinstance(message, VisitMessage):
                render = self._composer.visit(message)
                self._batch.append(
                    Draft(message.session, message.counter, "visit", render, self._composer.began_s(message))
                )
            elif not self._behind:  # a live or health message that has waited is out of date
                passing.append(message)
        self.idle = not messages and not self._batch
        return passing

    def commit(self, delivered: set[Place], *, now: bool = False) -> None:
        """Store the batch and forget what was delivered, when it is time or `now`; then acknowledge."""
        at = self._clock()
        if not (self._batch or delivered or at - self._last_commit > EXPIRE_EVERY_S):
            return
        if at < self._next_commit and not now:
            return
        self._last_commit = at
        for taken in _parts(self._batch):
            try:
                self._outbox.put(taken, delivered)
            except OutboxFull as error:
                self._refused(error, at)
                return
            self._accepted(taken)
            delivered.clear()
        self._next_commit = at + self._interval_s

    def _accepted(self, taken: list[Draft]) -> None:
        if self._refusal:
            _log.info("outbox: takes events again")
            self._refusal = ""
            self._backoff.reset()
        for session, counter in {draft.session: draft.counter for draft in taken}.items():
            self._link.send(Ack(session=session, counter=counter))
        self._batch = self._batch[len(taken) :]

    def _refused(self, error: OutboxFull, at: float) -> None:
        self.refusals += 1
        self._next_commit = at + self._backoff.next_wait_s()
        if str(error) != self._refusal:  # one line a change
            self._refusal = str(error)
            _log.error("outbox: %s", error)


def _parts(batch: list[Draft]) -> list[list[Draft]]:
    """The batch in parts of one commit each; an empty one is one part."""
    return [batch[first : first + MAX_READ] for first in range(0, max(1, len(batch)), MAX_READ)]
