"""What a process knows about itself, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from edge.clock import boottime


def resident_mb() -> int:
    """Memory that this process holds in RAM now, MB (10**6 bytes); see proc(5), statm."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def process_age_s() -> float:
    """Seconds since this process began; see proc(5), stat, starttime."""
    after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started_s = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return boottime() - started_s
