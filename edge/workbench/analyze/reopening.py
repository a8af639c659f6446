"""Reopens a camera that was lost, waiting longer each time it does not come back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.clock import Backoff
from edge.errors import CameraLost, SourceUnavailable
from edge.sensor.ports import FrameSource
from edge.sensor.types import Frame


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A camera was lost (available False, and why) or gives frames again (after so many tries)."""

    available: bool
    reason: str
    tries: int


class Reopening:
    """A source that comes back. Implements `ports.FrameSource`.

    Waits double from initial_s to max_s, each shortened at random by up to half, so that many devices do not
    try at once; they begin anew after the first frame, not after the first opening.
    """

    def __init__(
        self,
        opener: Callable[[], FrameSource],
        *,
        initial_s: float,
        max_s: float,
        on_change: Callable[[CameraChange], None],
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Open for the first time: errors of that are the caller's. chance() gives 0-1."""
        self._opener = opener
        self._backoff = Backoff(min(initial_s, max_s), max_s, jitter=lambda: 1 - chance())
        self._on_change = on_change
        self._sleep = sleep
        self._tries = 0
        self._first_index = self._next_index = 0
        self._source = opener()
        self.live = self._source.live

    def read(self) -> Frame | None:
        """Return the next frame, however long the camera takes to come back; None at the end.

        Indices continue. Raises BadInput, which does not pass.
        """
        while True:
            try:
                return self._counted(self._source.read())
            except CameraLost as error:
                self._reopen(error)

    def close(self) -> None:
        """Close the source; safe to call twice."""
        self._source.close()

    def _counted(self, frame: Frame | None) -> Frame | None:
        if frame is None:
            return None
        if self._tries:
            self._on_change(CameraChange(True, "", self._tries))
            self._tries = 0
            self._backoff.reset()
        index = self._first_index + frame.index
        self._next_index = index + 1
        return replace(frame, index=index)

    def _reopen(self, lost: CameraLost) -> None:
        self._source.close()
        self._first_index = self._next_index
        if not self._tries:
            self._on_change(CameraChange(False, str(lost), 0))
        while True:
            self._sleep(self._backoff.next_wait_s())
            self._tries += 1
            try:
                self._source = self._opener()
            except SourceUnavailable:
                continue
            return
