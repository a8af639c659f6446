"""The publisher's end of the link: receives one sensor's packets, never waits for it, never trusts it.

A Unix SOCK_SEQPACKET socket in the state folder. The kernel names the peer's user, packets are read through a
token bucket (what is over it stays with the sensor), and a packet that fails is counted and reported without content.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from edge.clock import boottime
from edge.errors import ConfigError, MessageRejected, explain
from edge.link.bucket import TokenBucket
from edge.link.codec import decode, encode
from edge.link.peer import peer_of
from edge.schemas.link import MAX_MESSAGE_BYTES, Ack, HealthRequest, PublisherMessage, SensorMessage

_log = logging.getLogger(__name__)


class LinkServer:
    """Listens for the sensor; one at a time."""

    def __init__(self, path: Path, *, group: int | None = None, clock: Callable[[], float] = boottime) -> None:
        """Listen on `path`; a socket that a killed publisher left there is replaced.

        Peers of the same user may connect (0600), with `group` also those of that group id (0660). Raises ConfigError.
        """
        self._path = path
        self._group = group
        self._bucket = TokenBucket(clock=clock)
        self._sensor: socket.socket | None = None
        self._queued: dict[str, PublisherMessage] = {}
        self._refused = 0
        self.rejected = 0
        """Packets that failed validation, since the start."""
        self._listener = _listen(path, group)

    @property
    def linked(self) -> bool:
        """True while a sensor is connected."""
        return self._sensor is not None

    def waits(self, *, reading: bool) -> list[tuple[int, int]]:
        """File descriptors and poll events to wake up for; `reading` False leaves packets with the sensor."""
        if self._sensor is None:
            return [(self._listener.fileno(), select.POLLIN)]
        events = select.POLLOUT if self._queued else 0
        if reading and self._bucket.wait_s() == 0.0:
            events |= select.POLLIN
        found = [(self._sensor.fileno(), events)] if events else []
        return found if _peer_closed(self._sensor) else [*found, (self._listener.fileno(), select.POLLIN)]

    def wait_s(self) -> float | None:
        """Seconds until the bucket lets the next packet in; None where it does not hold one back."""
        return (self._bucket.wait_s() or None) if self._sensor is not None else None

    def receive(self, limit: int) -> list[SensorMessage]:
        """Messages that have arrived, at most `limit` and what the bucket allows; also lets a new sensor in."""
        self._admit(limit)
        self._send_queued()
        messages: list[SensorMessage] = []
        while self._sensor is not None and len(messages) < limit and self._bucket.wait_s() == 0.0:
            packet = self._read(self._sensor)
            if packet is None:
                break
            self._bucket.take()
            try:
                messages.append(decode(packet))
            except MessageRejected as error:
                self._count(error)
        return messages

    def send(self, message: PublisherMessage) -> None:
        """Send now, or as soon as the sensor reads; a newer ack or command takes the place of an older one."""
        if self._sensor is not None:
            self._queued[_slot(message)] = message
            self._send_queued()

    def close(self) -> None:
        """Close the connection and remove the socket; safe to call twice."""
        self._disconnect()
        if self._listener.fileno() >= 0:
            self._listener.close()
            self._path.unlink(missing_ok=True)

    def _admit(self, limit: int) -> None:
        """Accept a waiting peer; refuse it where a sensor is linked already, or its user is another."""
        if self._sensor is not None and _peer_closed(self._sensor):
            if limit:
                return  # what it sent before it died is read first
            self._give_up(self._sensor)  # a fresh sensor must receive a pause, whatever cannot be kept
        try:
            peer, _ = self._listener.accept()
        except BlockingIOError:
            return
        if reason := self._objection(peer):
            peer.close()
            self._refused += 1
            if _is_milestone(self._refused):
                _log.warning("link: a peer was refused: %s (%d so far)", reason, self._refused)
            return
        peer.setblocking(False)
        self._sensor = peer
        _log.info("link: sensor linked")

    def _objection(self, peer: socket.socket) -> str:
        """Why a peer may not be the sensor; empty when it may."""
        who = peer_of(peer)
        if who.uid != os.geteuid() and (self._group is None or who.gid != self._group):
            return f"user id {who.uid} with group id {who.gid} is not allowed"
        return "a sensor is linked already" if self._sensor is not None else ""

    def _read(self, sensor: socket.socket) -> bytes | None:
        """One packet, cut at one byte over the limit; None when there is none now, or the sensor is gone."""
        while True:
            try:
                packet = sensor.recv(MAX_MESSAGE_BYTES + 1)
            except BlockingIOError:
                return None
            except ConnectionResetError:
                continue  # it died with our acks unread; what it sent before still waits
            except OSError:
                packet = b""
            if packet:
                return packet
            self._disconnect()
            return None

    def _give_up(self, sensor: socket.socket) -> None:
        unread = 0
        while self._read(sensor) is not None:
            unread += 1
        if unread:
            _log.error("link: %d messages of a sensor that ended are lost: no more visits can be held", unread)

    def _count(self, error: MessageRejected) -> None:
        self.rejected += 1
        if _is_milestone(self.rejected):
            _log.warning("link: %s (%d so far)", error, self.rejected)

    def _send_queued(self) -> None:
        """Send what is queued, as far as the sensor's buffer takes it."""
        while self._queued and self._sensor is not None:
            slot = next(iter(self._queued))
            try:
                self._sensor.send(encode(self._queued[slot]), socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except OSError:  # gone; reading finds out, after what it sent
                self._queued.clear()
                return
            del self._queued[slot]

    def _disconnect(self) -> None:
        self._queued.clear()
        if self._sensor is not None:
            self._sensor.close()
            self._sensor = None
            _log.info("link: sensor gone")


def _listen(path: Path, group: int | None) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(explain("is in the way of the link's socket", where=str(path), next_step="move it away"))
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        listener.bind(str(path))
        if group is not None and path.stat().st_gid != group:  # under systemd it is, and chown is forbidden
            os.chown(path, -1, group)
        path.chmod(0o600 if group is None else 0o660)
        listener.listen(4)  # only now can anybody connect: the mode is set before
    except OSError as error:
        listener.close()
        raise ConfigError(
            explain(
                f"cannot listen for the sensor ({error.strerror or error})",
                where=str(path),
                expected="a path of at most 107 bytes in a folder that this user may write",
                next_step="set PASSERBY_STATE",
            )
        ) from error
    return listener


def _is_milestone(count: int) -> bool:
    """1, 2, 4, 8, ...: a flood does not fill the log."""
    return count & (count - 1) == 0


def _peer_closed(sensor: socket.socket) -> bool:
    poller = select.poll()
    poller.register(sensor, 0)
    return bool(poller.poll(0))


def _slot(message: PublisherMessage) -> str:
    if isinstance(message, Ack):
        return "ack"
    return "health" if isinstance(message, HealthRequest) else "camera"
