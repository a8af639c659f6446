"""Gives another source's frames no faster than a rate that may change while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.clock import boottime
from edge.ports import FrameSource
from edge.types import Frame


class Limited:
    """A live source whose newest frame is asked for less often. Implements `ports.FrameSource`."""

    def __init__(
        self,
        source: FrameSource,
        interval_s: Callable[[], float],
        *,
        clock: Callable[[], float] = boottime,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """interval_s() is the least time between two frames now; 0 does not wait."""
        self.live = source.live
        self._source, self._interval_s = source, interval_s
        self._clock, self._sleep = clock, sleep
        self._last_at = float("-inf")

    def read(self) -> Frame | None:
        """Wait until it is time, then return the source's next frame; errors are those of the source."""
        wait_s = self._last_at + self._interval_s() - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        self._last_at = self._clock()
        return self._source.read()

    def close(self) -> None:
        """Close the source; safe to call twice."""
        self._source.close()
