"""A button or key that pauses and resumes: Linux input events (linux/input.h), whatever they come from.

A button at a Raspberry Pi's pin becomes such a device with the overlay `gpio-key`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from edge.errors import SourceUnavailable, explain

_EVENT = struct.Struct("llHHi")
"""`struct input_event` on 64-bit Linux: seconds, microseconds, type, code, value."""
_EV_KEY, _PRESSED = 1, 1
KEY_PAUSE = 119
"""Code of the key Pause (linux/input-event-codes.h)."""


def presses(device: Path, code: int = KEY_PAUSE) -> Iterator[int]:
    """Yield the code at each press of that key, until the device goes away. Raises SourceUnavailable."""
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        message = explain(
            f"the button's device cannot be opened ({error.strerror})",
            where=str(device),
            next_step="see /dev/input/by-path; the user must be in group input",
        )
        raise SourceUnavailable(message) from error
    with os.fdopen(descriptor, "rb", buffering=0) as events:
        for event in _events(events.fileno()):
            if event[2:] == (_EV_KEY, code, _PRESSED):
                yield code


def _events(descriptor: int) -> Iterator[tuple[int, ...]]:
    """Whole events; a device gives several at once, a pipe may cut one."""
    left = b""
    while True:
        try:
            chunk = os.read(descriptor, _EVENT.size * 64)
        except OSError:  # unplugged
            return
        if not chunk:
            return
        left += chunk
        whole = len(left) // _EVENT.size * _EVENT.size
        yield from _EVENT.iter_unpack(left[:whole])
        left = left[whole:]
