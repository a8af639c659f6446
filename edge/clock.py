"""The one clock of a device: seconds since boot, suspended time included, never set back (CLOCK_BOOTTIME)."""

from __future__ import annotations

import os
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boottime() -> float:
    """Seconds since boot, the same in every process of a machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def machine_boot() -> str:
    """Name of this life of the machine: seconds since boot mean the same as long as it is the same.

    `PASSERBY_BOOT`, which a unit sets whose walls hide /proc/sys (systemd.unit(5), %b), else the kernel's (random(4)).
    """
    return os.environ.get("PASSERBY_BOOT") or _BOOT_ID.read_text().strip()
