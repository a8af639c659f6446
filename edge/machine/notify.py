"""Reports the service's state to systemd: the sd_notify protocol (sd_notify(3)), one datagram a message."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping

CLIP = "X_SOURCE=clip"
"""A line for our own supervisor beside READY=1; sd_notify(3) reserves X_ for programs."""


class Notifier:
    """Sends to the service manager, or nowhere where there is none."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read NOTIFY_SOCKET and WATCHDOG_USEC; default: this process's environment."""
        found = os.environ if environment is None else environment
        self._address = found.get("NOTIFY_SOCKET", "")
        watchdog = found.get("WATCHDOG_USEC", "")
        mine = found.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(watchdog) / 2e6 if watchdog.isdigit() and mine and self._address else None
        """Seconds between two signs of life, half of what the manager allows; None when it asks for none."""

    def ready(self, *, clip: bool = False) -> None:
        """The service is up. clip: its source ends by itself; started again, it would be counted twice."""
        self._send(f"READY=1\n{CLIP}" if clip else "READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    @contextlib.contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Allow this long between two signs of life while a library may block, then as long as before."""
        if self.watchdog_s is None:
            yield
            return
        self._send(f"WATCHDOG_USEC={round(seconds * 1e6)}")
        try:
            yield
        finally:
            self._send(f"WATCHDOG_USEC={round(2e6 * self.watchdog_s)}\nWATCHDOG=1")

    def ending_takes(self, seconds: float) -> None:
        """Ask the manager not to kill a service that is ending for so long from now; no effect while it runs."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def stopping(self) -> None:
        """The service is ending."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A manager that went away or is busy must not stop the service.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end,
        ):
            end.setblocking(False)
            end.sendto(state.encode(), address)
