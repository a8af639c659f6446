"""Ctrl-C while a live source is watched: that is how such an analysis ends, so what was seen is kept whole."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.sensor.types import Frame


class Interrupt:
    """Whether somebody pressed Ctrl-C. The first time it only breaks off the wait for a frame, the second time all."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def __call__(self) -> bool:
        """Whether somebody asked to stop."""
        return self.asked

    def handle(self, *_: object) -> None:
        """The signal's handler."""
        again, self.asked = self.asked, True
        if self._waiting or again:
            raise KeyboardInterrupt

    def wait_for(self, read: Callable[[], Frame | None]) -> Frame | None:
        """The frame that `read` gives, or None when Ctrl-C breaks it off."""
        self._waiting = True
        try:
            return read()
        except KeyboardInterrupt:
            return None
        finally:
            self._waiting = False


@contextmanager
def patient_interrupt() -> Iterator[Interrupt]:
    """Within it, Ctrl-C asks instead of breaking off. For the main thread."""
    interrupt = Interrupt()
    before = signal.signal(signal.SIGINT, interrupt.handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
