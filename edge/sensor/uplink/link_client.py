"""The sensor's end of the link: sends what was seen, keeps visits until they are on disk at the other end.

Visits wait in a bounded list until the publisher acknowledges them and are sent again, in order, after every
reconnect. When the list is full, new visits are lost and counted: counters stay without gaps, so that one
acknowledgement can cover all before it. Nothing here blocks but `flush`.
"""

from __future__ import annotations

import logging
import random
import secrets
import select
import socket
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from edge.clock import Backoff, boottime
from edge.errors import LinkError, MessageRejected
from edge.link.bucket import TokenBucket
from edge.link.codec import decode_publisher, encode
from edge.link.peer import check_peer, trusted_uids
from edge.schemas.link import MAX_MESSAGE_BYTES, Ack, Command, SensorMessage
from edge.schemas.vocabulary import Target, TaxonomyName
from edge.sensor.types import VisitSummary
from edge.sensor.uplink.coarsening import coarsen_visit

MAX_UNACKNOWLEDGED = 4096
"""Visits kept for a publisher that does not answer: about 1.5 MB, sent again in some 200 s."""
_RETRY_INITIAL_S, _RETRY_LONGEST_S = 0.05, 5.0
_POLL_S = 0.05
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

_log = logging.getLogger(__name__)


class LinkClient:
    """Implements `edge.sensor.ports.VisitSink` over the publisher's SOCK_SEQPACKET socket; for one thread."""

    def __init__(
        self,
        path: Path,
        *,
        target: Target,
        taxonomy: TaxonomyName,
        historical: bool = False,
        session: int | None = None,
        peer_uids: Collection[int] | None = None,
        clock: Callable[[], float] = boottime,
        jitter: Callable[[], float] = random.random,
        max_unacknowledged: int = MAX_UNACKNOWLEDGED,
    ) -> None:
        """Nothing is connected yet; the first use tries.

        `target` and `historical` (which may be changed) and `taxonomy` go into every visit. `session` is random
        (32 bit) unless given. `peer_uids`: users that the publisher may run as (ourselves and root unless given).
        """
        self._path = path
        self.target: Target = target
        """Goes into every visit that is taken from now on."""
        self._taxonomy: TaxonomyName = taxonomy
        self.historical = historical
        """Likewise: whether what is seen is a clip that is played."""
        self.session = secrets.randbits(32) if session is None else session
        self._peer_uids = trusted_uids() if peer_uids is None else peer_uids
        self._clock = clock
        self._bound = max_unacknowledged
        self._bucket = TokenBucket(clock=clock)
        self._backoff = Backoff(_RETRY_INITIAL_S, _RETRY_LONGEST_S, jitter=jitter)
        self._try_at = clock()
        self._connection: socket.socket | None = None
        self._packets: deque[bytes] = deque()  # packet i is the visit of counter acknowledged + 1 + i
        self._acknowledged = 0
        self._sent = 0  # packets at the front of the list that went out on this connection
        self._commands: list[Command] = []
        self.lost_visits = 0
        self._failure = ""

    @property
    def connected(self) -> bool:
        """Whether there is a publisher at the other end, as far as we know."""
        return self._connection is not None

    @property
    def unacknowledged(self) -> int:
        """Visits that are not known to be on disk."""
        return len(self._packets)

    def visit(self, summary: VisitSummary) -> None:
        """Take an ended visit; it is lost, and counted in `lost_visits`, when the list of waiting ones is full."""
        self._work()
        if len(self._packets) >= self._bound:
            self.lost_visits += 1
            return
        self._packets.append(self._packet(summary))
        self._send_waiting()

    def send(self, message: SensorMessage) -> None:
        """Send a live or health message now, or drop it where the link is down or busy. Raises MessageRejected."""
        packet = encode(message)
        self._work()
        if self._connection is not None and self._bucket.take():
            self._transmit(packet)

    def commands(self) -> Sequence[Command]:
        """Commands that arrived since the last call, oldest first; also sends what waits. Call it often."""
        self._work()
        arrived, self._commands = self._commands, []
        return arrived

    def flush(self, timeout_s: float) -> bool:
        """Wait until every visit is acknowledged; False when time ran out first."""
        deadline = self._clock() + timeout_s
        self._work()
        while self._packets and self._clock() < deadline:
            self._wait_for_answer()
            self._work()
        return not self._packets

    def close(self) -> None:
        """Close the connection; visits that wait are lost with this object. Safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _packet(self, summary: VisitSummary) -> bytes:
        counter = self._acknowledged + len(self._packets) + 1
        ahead_s = max(0.0, summary.last_seen - self._clock())  # of a clip that plays faster than time goes by
        message = coarsen_visit(
            replace(summary, first_seen=summary.first_seen - ahead_s, last_seen=summary.last_seen - ahead_s),
            session=self.session,
            counter=counter,
            taxonomy=self._taxonomy,
            target=self.target,
            historical=self.historical,
        )
        return encode(message)

    def _work(self) -> None:
        """Connect if it is time to, read what arrived, send what waits; never blocks."""
        if self._connection is None and self._clock() >= self._try_at:
            self._connect()
        if self._connection is not None:
            self._receive(self._connection)
        self._send_waiting()

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            connection.connect(str(self._path))
            check_peer(connection, self._peer_uids)
        except OSError as error:  # LinkError is one
            connection.close()
            self._disconnect(str(error) if isinstance(error, LinkError) else str(error.strerror))
            return
        self._connection = connection
        self._sent = 0
        self._failure = ""
        _log.info("link to the publisher is up")

    def _disconnect(self, reason: str) -> None:
        """Drop the connection, if any, and try again later; a reason is logged once until it changes."""
        self.close()
        self._try_at = self._clock() + self._backoff.next_wait_s()
        if reason != self._failure:
            _log.warning("no link to the publisher: %s", reason)
            self._failure = reason

    def _receive(self, connection: socket.socket) -> None:
        try:
            while packet := connection.recv(MAX_MESSAGE_BYTES + 1, socket.MSG_DONTWAIT):
                self._take(packet)
            self._disconnect("the publisher closed the connection; it serves one sensor at a time")
        except BlockingIOError:
            return
        except MessageRejected as error:
            self._disconnect(str(error))
        except OSError as error:
            self._disconnect(str(error.strerror))

    def _take(self, packet: bytes) -> None:
        message = decode_publisher(packet)
        self._backoff.reset()  # only a publisher that answers counts as one that works
        if not isinstance(message, Ack):
            self._commands.append(message)
        elif message.session == self.session:
            self._acknowledge(message.counter)

    def _acknowledge(self, counter: int) -> None:
        newly = counter - self._acknowledged
        if not 0 < newly <= len(self._packets):
            return
        for _ in range(newly):
            self._packets.popleft()
        self._acknowledged = counter
        self._sent = max(0, self._sent - newly)

    def _send_waiting(self) -> None:
        """Send visits in order while there are tokens; one token is left for a live or health message."""
        while self._connection is not None and self._sent < len(self._packets) and self._bucket.take(keep=1):
            if not self._transmit(self._packets[self._sent]):
                return
            self._sent += 1

    def _transmit(self, packet: bytes) -> bool:
        """Hand a packet to the kernel; False where it cannot take it now or the connection broke."""
        if self._connection is None:
            return False
        try:
            self._connection.send(packet, _FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            self._disconnect(str(error.strerror))
            return False
        return True

    def _wait_for_answer(self) -> None:
        poll = select.poll()
        if self._connection is not None:
            poll.register(self._connection, select.POLLIN)
        poll.poll(_POLL_S * 1000)
