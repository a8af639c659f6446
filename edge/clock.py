"""The one clock of a device: seconds since boot, suspended time included, never set back (CLOCK_BOOTTIME)."""

from __future__ import annotations

import time


def boottime() -> float:
    """Seconds since boot, the same in every process of a machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
