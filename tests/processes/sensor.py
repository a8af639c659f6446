"""A sensor that only invents visits: `python -m tests.processes.sensor SOCKET LOG FIRST COUNT`.

Visit n carries n in `glances`, so that a subscriber can tell which one it has. Each line of LOG is the number of a
visit that the link acknowledged, written before the next is looked at. It keeps unacknowledged visits and sends them
again after a reconnect, as the real one does.
"""

from __future__ import annotations

import secrets
import socket
import sys
import time
from collections import deque
from pathlib import Path

from edge.clock import boottime
from edge.link.codec import decode_publisher, encode
from edge.schemas.link import Ack, VisitMessage


def visit(session: int, counter: int, number: int) -> VisitMessage:
    return VisitMessage(
        session=session, counter=counter, started_s=int(boottime()) - 3, dwell_halves=5, attention_halves=2,
        glances=number, gender="female", gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
        interval_low=2, interval_high=3, samples=5,
        quality_percent=82, target="fake:CPU", historical=False, end_reason="left",
    )  # fmt: skip


class Sensor:
    def __init__(self, path: Path, first: int) -> None:
        self.session = secrets.randbits(32)
        self.commands: list[str] = []
        self._path = path
        self._first = first
        self._unacknowledged: deque[VisitMessage] = deque()
        self._made = 0
        self._socket: socket.socket | None = None
        self._unsent: deque[VisitMessage] = deque()

    def make(self) -> None:
        self._made += 1
        message = visit(self.session, self._made, self._first + self._made - 1)
        self._unacknowledged.append(message)
        self._unsent.append(message)

    @property
    def waiting(self) -> int:
        return len(self._unacknowledged)

    def work(self) -> list[int]:
        """Numbers of the visits that were acknowledged just now."""
        try:
            if self._socket is None:
                self._connect()
            assert self._socket is not None
            if self._unsent:
                self._socket.send(encode(self._unsent[0]), socket.MSG_DONTWAIT)
                self._unsent.popleft()
            packet = self._socket.recv(513, socket.MSG_DONTWAIT)
            if not packet:
                raise ConnectionError
            return self._take(decode_publisher(packet))
        except BlockingIOError:
            return []
        except OSError:
            self._socket = None
            return []

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self._path))
        self._socket = connection
        self._unsent = self._unacknowledged.copy()

    def _take(self, message: object) -> list[int]:
        done: list[int] = []
        if not isinstance(message, Ack):
            self.commands.append(type(message).__name__)
        if isinstance(message, Ack) and message.session == self.session:
            while self._unacknowledged and self._unacknowledged[0].counter <= message.counter:
                done.append(self._unacknowledged.popleft().glances)
        return done


def main(path: str, log: str, first: str, count: str) -> None:
    sensor = Sensor(Path(path), int(first))
    made = 0
    with Path(log).open("a", buffering=1) as acknowledged:
        while made < int(count) or sensor.waiting:
            if made < int(count) and sensor.waiting < 30:
                sensor.make()
                made += 1
            for number in sensor.work():
                acknowledged.write(f"{number}\n")
            time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
