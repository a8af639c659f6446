"""Dates of events that were made before the time was known: a machine without a clock of its own gets it late.

Their seconds since boot are kept beside them; once the clock is right their date follows from those. They are held
back for a while after boot, since the time usually comes soon; then they go out with `clock_synced` false.
"""

from __future__ import annotations

import logging

from edge.errors import OutboxFull
from edge.publisher.events import Composer, WallClock
from edge.publisher.ports import UndatedStore

_log = logging.getLogger(__name__)

CHECK_EVERY_S = 1.0


class Dating:
    """Checks whether the time has become known, and dates the events that wait for it."""

    def __init__(self, outbox: UndatedStore, composer: Composer, clock: WallClock, *, patience_s: float) -> None:
        """patience_s: seconds since boot for which undated events are held back."""
        self._outbox, self._composer, self._clock = outbox, composer, clock
        self._patience_s = patience_s
        self._check_at = clock.boot()

    @property
    def holding(self) -> bool:
        """Whether undated events wait for the time."""
        return self._outbox.tally.undated > 0 and self._clock.boot() < self._patience_s

    def work(self) -> None:
        """Date the waiting events once the time is known; checks at most once a second."""
        now = self._clock.boot()
        if not self._outbox.tally.undated or now < self._check_at:
            return
        self._check_at = now + CHECK_EVERY_S
        if not self._clock.synced():
            return
        try:
            dated = self._outbox.date(self._composer.redated)
        except OutboxFull as error:
            _log.error("outbox: %s", error)
            return
        _log.info("the time is known now: %d events are dated by their seconds since boot", dated)
