"""The sensor's end of a worker's pipes: messages go out and come in piecewise; only `wait` waits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edge.sensor.inference.accelerators.workers.framing import MAX_HEAD_BYTES, Shape, read_head, size_of, write_head
from edge.sensor.types import Tensor, Tensors

_PIPE_BYTES = 1 << 20
"""The most that a user may ask for by default: a picture of 640x384 goes in at once."""
_CHUNK_BYTES = 1 << 18


class Answer(NamedTuple):
    """One message of a worker."""

    header: Mapping[str, Any]
    arrays: Tensors


class Channel:
    """Both pipes of one life of a worker. The descriptors are closed with it."""

    def __init__(self, to_worker: int, from_worker: int) -> None:
        self._to_worker, self._from_worker = to_worker, from_worker
        self._outgoing: deque[memoryview] = deque()
        self._incoming = bytearray()
        self.open = True
        """False once the worker closed its pipe, or sent something that is not a message."""
        for descriptor in (to_worker, from_worker):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(OSError):  # smaller pipes only mean more turns
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def post(self, header: dict[str, Any], arrays: Tensors) -> None:
        """Send a message, as far as the worker takes it now; the rest goes with later calls.

        The arrays must not change until an answer came.
        """
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        self._outgoing.append(memoryview(write_head(header, whole)))
        self._outgoing.extend(array.reshape(-1).view(np.uint8).data for array in whole.values() if array.size)
        self._write()

    def answers(self) -> list[Answer]:
        """Whole messages that have arrived."""
        self._write()
        found: list[Answer] = []
        while self.open and self._read():
            try:
                while (answer := _take(self._incoming)) is not None:
                    found.append(answer)
            except ValueError:
                self.open = False
        return found

    def wait(self, timeout_s: float, *others: int) -> None:
        """Sleep until there is something to do here, or to read from the other descriptors."""
        poll = select.poll()
        for descriptor in (self._from_worker, *others):
            poll.register(descriptor, select.POLLIN)
        if self._outgoing:
            poll.register(self._to_worker, select.POLLOUT)
        poll.poll(max(0.0, timeout_s) * 1000)

    def close(self) -> None:
        """Close both pipes; safe to call twice."""
        self.open = False
        self._outgoing.clear()
        for descriptor in {self._to_worker, self._from_worker} - {-1}:
            os.close(descriptor)
        self._to_worker = self._from_worker = -1

    def _write(self) -> None:
        while self.open and self._outgoing:
            part = self._outgoing[0]
            try:
                sent = os.write(self._to_worker, part)
            except BlockingIOError:
                return
            except OSError:
                self.open = False
                return
            if sent == len(part):
                self._outgoing.popleft()
            else:
                self._outgoing[0] = part[sent:]

    def _read(self) -> bool:
        """Read what is there; False where there is nothing."""
        try:
            chunk = os.read(self._from_worker, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self.open = False
        self._incoming += chunk
        return bool(chunk)


def _take(incoming: bytearray) -> Answer | None:
    """Cut the first whole message off; None where there is none yet. Raises ValueError for what is not a message."""
    end = incoming.find(b"\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        if len(incoming) >= MAX_HEAD_BYTES:
            raise ValueError("no first line")
        return None
    header, shapes = read_head(bytes(incoming[:end]))
    needed = end + 1 + sum(map(size_of, shapes))
    if len(incoming) < needed:
        return None
    arrays, place = {}, end + 1
    for shape in shapes:
        arrays[shape[0]] = _array(incoming, place, shape)
        place += size_of(shape)
    del incoming[:needed]
    return Answer(header, arrays)


def _array(incoming: bytearray, place: int, shape: Shape) -> Tensor:
    content = bytes(incoming[place : place + size_of(shape)])
    array: Tensor = np.frombuffer(content, shape[1]).reshape(shape[2])
    return array
