"""What this process uses: memory, processor time, age. Read from the kernel, which the locked sensor may still do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from edge.clock import boottime

_STATM = Path("/proc/self/statm")


class ProcessCounters:
    """Counters of this process since it made this object."""

    def __init__(self, clock: Callable[[], float] = boottime) -> None:
        """`clock` gives seconds and is never set back."""
        self._clock = clock
        self._began_at = clock()
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began_at

    def cpu_s(self) -> float:
        """Seconds of processor time of all threads, since the process began."""
        return time.process_time()

    def rss_bytes(self) -> int:
        """Memory in use now: resident pages, shared ones included (proc_pid_statm(5), `resident`)."""
        return int(_STATM.read_text().split()[1]) * self._page_bytes

    def rss_mb(self) -> int:
        """`rss_bytes` in whole megabytes of 1,000,000 bytes, rounded up."""
        return -(-self.rss_bytes() // 1_000_000)
