"""How a process is asked to end, by a signal or from another thread, whatever its loop waits for."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

from edge.clock import boottime

POLL_S = 0.2
"""Longest pause between two checks while `Stop.sleep` sleeps."""
_CHUNK = 4096

T = TypeVar("T")


class Stop:
    """A request to end, for loops that poll, sleep or block in a read. One loop waits; anybody may ask."""

    def __init__(self) -> None:
        self.requests = 0
        """How often somebody has asked."""
        self.interrupted = False
        """Whether one of the requests was Ctrl-C."""
        self.breakable = False
        """Whether the loop blocks in `wait_for`, which Ctrl-C may break off."""
        self._taken = 0
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def asked(self) -> bool:
        """Whether somebody has asked for the end."""
        return self.requests > 0

    def ask(self, *, interrupted: bool = False) -> None:
        """Ask the loop to end; may be called from a signal handler and from any thread."""
        self.requests += 1
        self.interrupted = self.interrupted or interrupted
        if self._writer >= 0:
            with contextlib.suppress(BlockingIOError):  # full: it is awake
                os.write(self._writer, b"\0")

    def waits(self) -> list[tuple[int, int]]:
        """What a loop in poll must wake up for."""
        return [(self._reader, select.POLLIN)]

    def take(self) -> int:
        """Requests since the last call; a loop calls it after each poll, so that the next one sleeps."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, _CHUNK)
        new, self._taken = self.requests - self._taken, self.requests
        return new

    def sleep(self, seconds: float, tick: Callable[[], None] = lambda: None) -> None:
        """Sleep until the time is over or somebody asks; `tick` is called several times a second."""
        end = boottime() + seconds
        while not self.asked and (left := end - boottime()) > 0:
            tick()
            time.sleep(min(POLL_S, left))

    def wait_for(self, read: Callable[[], T]) -> T | None:
        """What a blocking `read` returns, or None where Ctrl-C breaks it off (`stopped_by_ctrl_c`)."""
        self.breakable = True
        try:
            return read()
        except KeyboardInterrupt:
            return None
        finally:
            self.breakable = False

    def close(self) -> None:
        """Free the descriptors; safe to call twice."""
        descriptors, self._reader, self._writer = (self._reader, self._writer), -1, -1
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)

    def obey_signals(self) -> None:
        """From now on SIGTERM and SIGINT ask for the end of this process. For the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        # Python's handlers run between two instructions; the kernel's byte wakes a poll that begins just then.
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.ask(interrupted=number == signal.SIGINT)


@contextlib.contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """SIGTERM and SIGINT ask for the end while the block runs; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handlers_kept(signal.SIGTERM, signal.SIGINT):
        wakeup = signal.set_wakeup_fd(-1)
        try:
            stop.obey_signals()
            yield
        finally:
            signal.set_wakeup_fd(wakeup)


@contextlib.contextmanager
def stopped_by_ctrl_c(stop: Stop) -> Iterator[None]:
    """The first Ctrl-C asks for the end and breaks `Stop.wait_for` off; another one raises KeyboardInterrupt.

    For the main thread.
    """

    def ask(*_: object) -> None:
        again = stop.asked
        stop.ask(interrupted=True)
        if stop.breakable or again:
            raise KeyboardInterrupt

    with _handlers_kept(signal.SIGINT):
        signal.signal(signal.SIGINT, ask)
        yield


@contextlib.contextmanager
def _handlers_kept(*numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
