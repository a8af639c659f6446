"""How the loop is woken and asked to end, from a signal or from another thread."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

from edge.clock import boottime


class Stop:
    """A request to end that also wakes up a loop in poll."""

    def __init__(self) -> None:
        self.asked = False
        self.interrupted = False
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def ask(self, *, interrupted: bool = False) -> None:
        """Ask the loop to end; may be called from a signal handler and from any thread."""
        self.asked = True
        self.interrupted = self.interrupted or interrupted
        with contextlib.suppress(OSError):  # full or closed: it is awake, or has ended
            self._writer.send(b"\0")

    def waits(self) -> list[tuple[int, int]]:
        """What to wake up for; nothing once it was asked, or the loop would never sleep again."""
        return [] if self.asked else [(self._reader.fileno(), select.POLLIN)]

    def close(self) -> None:
        """Free the descriptors; safe to call twice."""
        self._reader.close()
        self._writer.close()


@contextlib.contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """SIGTERM and SIGINT ask for the end while the block runs; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _: object) -> None:
        stop.ask(interrupted=number == signal.SIGINT)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


POLL_S = 0.2


class StopFlag:
    """Set by SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self._set = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self._set = True

    def __call__(self) -> bool:
        """Whether somebody asked to stop."""
        return self._set

    def sleep(self, seconds: float, tick: Callable[[], None] = lambda: None) -> None:
        """Sleep, but not beyond a wish to stop; `tick` is called several times a second."""
        end = boottime() + seconds
        while not self._set and (left := end - boottime()) > 0:
            tick()
            time.sleep(min(POLL_S, left))
