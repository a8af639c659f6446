"""The one clock of a device: seconds since boot, suspended time included, never set back (CLOCK_BOOTTIME).

It also measures waits that grow (`Backoff`) and intervals (`Every`).
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boottime() -> float:
    """Seconds since boot, the same in every process of a machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def machine_boot() -> str:
    """Name of this life of the machine: seconds since boot mean the same as long as it is the same.

    `PASSERBY_BOOT`, which a unit that hides /proc/sys sets (systemd.unit(5), %b), else the kernel's (random(4)).
    """
    return os.environ.get("PASSERBY_BOOT") or _BOOT_ID.read_text().strip()


class Backoff:
    """Waits between attempts at one thing."""

    def __init__(self, initial_s: float, longest_s: float, *, jitter: Callable[[], float] = random.random) -> None:
        """`jitter` gives numbers from 0 to 1: a wait is between half and the whole of its doubling bound."""
        self._initial_s = initial_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._bound_s = initial_s

    def next_wait_s(self) -> float:
        """Seconds to wait before the next attempt; the bound of the wait after it doubles."""
        wait_s = self._bound_s * (0.5 + 0.5 * self._jitter())
        self._bound_s = min(self._longest_s, self._bound_s * 2.0)
        return wait_s

    def reset(self) -> None:
        """Begin again with the first wait: an attempt has succeeded."""
        self._bound_s = self._initial_s


class Every:
    """True at most once in `interval_s`; the first time at once."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next = float("-inf")

    def due(self, now: float) -> bool:
        """Whether it is time again at `now` seconds."""
        if now < self._next:
            return False
        self._next = now + self._interval_s
        return True
