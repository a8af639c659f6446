"""One attempt to reach the broker, in a thread of its own: name resolution, TCP and TLS may take long."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading

from paho.mqtt.client import Client


class Dial:
    """Connects a client and sends CONNECT; the client belongs to the thread until the attempt has ended."""

    def __init__(self, client: Client) -> None:
        """Begin the attempt."""
        self.client = client
        self.failure = ""
        """Why it failed, once it has ended; empty when the client is connected."""
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._mine, self._theirs = socket.socketpair()
        threading.Thread(target=self._run, name="broker-dial", daemon=True).start()

    def fileno(self) -> int:
        """Readable once the attempt has ended."""
        return self._mine.fileno()

    def done(self) -> bool:
        """True once the attempt has ended; do not call it again then."""
        try:
            self.failure = self._ended.get_nowait()
        except queue.Empty:
            return False
        self._mine.close()
        return True

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        self._mine.close()

    def _run(self) -> None:
        failure = ""
        try:
            self.client.reconnect()
        except (OSError, ValueError) as error:  # ValueError: a host name that cannot be resolved at all
            failure = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self._ended.put(failure)
        with contextlib.suppress(OSError), self._theirs as end:
            end.send(b"\0", socket.MSG_NOSIGNAL)
