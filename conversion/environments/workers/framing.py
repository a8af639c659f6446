"""How a worker and the project talk over pipes: one line of JSON, then the arrays that it names as npy bytes.

Both sides use this file: the project as `conversion.environments.workers.framing`, a worker as its neighbour `framing`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

import numpy as np

ARRAYS = "arrays"


class Pipe:
    """A stream without a file's number: numpy then reads and writes it in pieces and does not seek."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Up to size bytes; fewer only at the end."""
        return self._stream.read(size)

    def write(self, content: bytes) -> int:
        """Write all of it."""
        return self._stream.write(content)


def send(stream: IO[bytes], header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write one message."""
    line = json.dumps({**header, ARRAYS: list(arrays)})
    stream.write(line.encode() + b"\n")
    for array in arrays.values():
        np.lib.format.write_array(Pipe(stream), np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read one message. Raises ValueError where there is none, or only a part."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise ValueError("the message ended before its first line did")
    header = json.loads(line.decode())
    pipe = Pipe(stream)
    arrays = {name: np.lib.format.read_array(pipe, allow_pickle=False) for name in header.pop(ARRAYS)}
    return header, arrays


def take_stdout() -> IO[bytes]:
    """The stream for the answer; what libraries print from now on goes to stderr."""
    answer = os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    os.dup2(2, 1)
    return answer
