"""Messages between this project and a worker process over pipes: one line of JSON, then the bytes of its arrays.

Both sides use this file: sensor and conversion as `edge.sensor.inference.accelerators.workers.framing`; a worker in an
interpreter of its own as plain `framing`, its neighbour or on its PYTHONPATH. It runs in Python 3.7 and newer.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any, Dict, List, Tuple

import numpy as np

ARRAYS = "arrays"
MAX_HEAD_BYTES = 65536
MAX_ARRAY_BYTES = 1 << 26
"""Largest array that the sensor accepts from a worker."""
DTYPES = frozenset({"|u1", "|i1", "<i4", "<i8", "<f2", "<f4", "<f8"})
"""Types of arrays that a message may carry, as numpy writes them."""

Arrays = Dict[str, Any]
Shape = Tuple[str, str, Tuple[int, ...]]
"""Name, type and shape of an array."""


def write_head(header: Dict[str, Any], arrays: Arrays) -> bytes:
    """First line of a message."""
    named = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    return json.dumps({**header, ARRAYS: named}).encode() + b"\n"


def read_head(line: bytes, largest_bytes: int = MAX_ARRAY_BYTES) -> Tuple[Dict[str, Any], List[Shape]]:
    """Header and arrays of a first line. Raises ValueError where it is not one, or names an array of another type.

    largest_bytes: of one array; a larger one raises ValueError too.
    """
    header = json.loads(line.decode("ascii"))
    if not isinstance(header, dict):
        raise ValueError("the first line is not an object")
    try:
        shapes = [_read_shape(*named) for named in header.pop(ARRAYS, [])]
    except TypeError as error:
        raise ValueError("the first line names no arrays") from error
    if any(size_of(shape) > largest_bytes for shape in shapes):
        raise ValueError("an array that is too large")
    return header, shapes


def size_of(shape: Shape) -> int:
    """Bytes of an array."""
    return int(np.prod(shape[2], dtype=np.int64)) * np.dtype(shape[1]).itemsize


def _read_shape(name: Any, dtype: Any, sides: Any) -> Shape:
    fits = isinstance(name, str) and dtype in DTYPES and len(sides) <= 8 and all(type(n) is int for n in sides)
    shape = (name, dtype, tuple(sides))
    if not fits or min(sides, default=0) < 0 or size_of(shape) < 0:
        raise ValueError("an array that no message carries")
    return shape


def receive(stream: IO[bytes]) -> Tuple[Dict[str, Any], Arrays]:
    """Read one message of a peer that is trusted: arrays of any size.

    Raises EOFError where the stream has ended, ValueError where the message is broken.
    """
    line = stream.readline(MAX_HEAD_BYTES)
    if not line:
        raise EOFError
    header, shapes = read_head(line, sys.maxsize)
    return header, {shape[0]: _read_array(stream, shape) for shape in shapes}


def _read_array(stream: IO[bytes], shape: Shape) -> Any:
    array = np.empty(shape[2], shape[1])
    left = array.reshape(-1).view(np.uint8)
    while len(left):
        count = stream.readinto(left)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        left = left[count:]
    return array


def send(stream: IO[bytes], header: Dict[str, Any], arrays: Arrays) -> None:
    """Write one message."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    stream.write(write_head(header, whole))
    for array in whole.values():
        stream.write(array.tobytes())
    stream.flush()


def take_stdout() -> IO[bytes]:
    """The stream for answers; what libraries print from now on goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    os.dup2(2, 1)
    return answers
