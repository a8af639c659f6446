"""Gives another source's frames no faster than a rate that may change while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from edge.clock import boottime
from edge.sensor.ports import FrameSource
from edge.sensor.types import Frame

_PAUSE_S = 2.0
"""A reader that takes longer for one frame was paused."""


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


class Realtime:
    """Another source's frames, each given no earlier than its time. Implements `ports.FrameSource`.

    The first frame's time becomes now and the others keep their distance; a slow reader gets every frame, late. Nothing
    is made up for after a pause: a reader that did not ask for so long finds the footage where it left it.
    """

    def __init__(
        self,
        source: FrameSource,
        clock: Callable[[], float] = boottime,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take a source, a clock in seconds and what waits that many seconds."""
        self.live = source.live
        self._source = source
        self._clock = clock
        self._sleep = sleep
        self._shift_s: float | None = None
        self._given_at = 0.0

    def read(self) -> Frame | None:
        """Wait for the next frame's time and return it; errors are those of the source."""
        away_s = self._clock() - self._given_at
        frame = self._source.read()
        if frame is None:
            return None
        if self._shift_s is None:
            self._shift_s = self._clock() - frame.captured_at
        elif away_s > _PAUSE_S:
            self._shift_s += away_s
        due_at = frame.captured_at + self._shift_s
        wait_s = due_at - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        self._given_at = self._clock()
        return replace(frame, captured_at=due_at)

    def close(self) -> None:
        """Close the source."""
        self._source.close()
