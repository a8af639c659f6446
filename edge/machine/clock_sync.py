"""Whether the wall clock is known to be right, according to the kernel."""

from __future__ import annotations

import ctypes
from pathlib import Path

STA_UNSYNC = 0x0040
"""Bit of `timex.status`: no time daemon has set the clock (adjtimex(2))."""
TIMESYNCD_MARK = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it at every synchronisation."""


class _Timex(ctypes.Structure):
    """Head of `struct timex` on 64-bit Linux (sys/timex.h); only the status is read, the rest is padding."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock_synced(mark: Path = TIMESYNCD_MARK) -> bool:
    """True when a time daemon keeps the clock; where a sandbox forbids the call, timesyncd's mark decides."""
    timex = _Timex()  # modes 0: reads, sets nothing
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        return mark.exists()
    return not timex.status & STA_UNSYNC
