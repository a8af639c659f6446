"""What the sensor sends between visits: people now, its counters, and a sign of life to its supervisor."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.clock import Every, boottime
from edge.machine.counters import process_age_s
from edge.schemas.link import HealthMessage, LiveMessage
from edge.sensor.ports import VisitSink
from edge.settings.settings import Publish

_log = logging.getLogger(__name__)


class Heartbeat:
    """Called after every frame; sends live and health messages when their intervals have passed."""

    def __init__(
        self,
        settings: Publish,
        sink: VisitSink,
        *,
        live: Callable[[float], LiveMessage],
        health: Callable[[], HealthMessage],
        alive: Callable[[], None],
        changed: Callable[[], bool] = lambda: False,
        watchdog_s: float | None = None,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """`live` takes the frame's time; `alive` feeds a watchdog every `watchdog_s` seconds, if there is one.

        `changed`, called after every frame, returns whether health has a change that must not wait for its interval.
        """
        self._sink, self._live, self._health, self._alive, self._clock = sink, live, health, alive, clock
        self._changed = changed
        self._live_due = Every(settings.live_interval_s) if "live" in settings.events else None
        self._health_due = Every(settings.health_interval_s)
        self._alive_due = Every(watchdog_s) if watchdog_s is not None else None
        self._asked = self._begun = False

    def ask(self) -> None:
        """Send a health message at the next frame, whatever the interval."""
        self._asked = True

    def beat(self, frame_at: float) -> None:
        """Send what is due; `frame_at` is the frame's time in seconds."""
        if not self._begun:
            self._begun = True
            _log.info("first frame done %.2f s after the process began", process_age_s())
        now = self._clock()
        if self._live_due and self._live_due.due(now):
            self._sink.send(self._live(frame_at))
        if self._changed() or self._health_due.due(now) or self._asked:
            self._asked = False
            self._sink.send(self._health())
        if self._alive_due and self._alive_due.due(now):
            self._alive()
