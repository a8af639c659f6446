"""How the loop is woken and asked to end, from a signal or from another thread."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
from collections.abc import Iterator


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
