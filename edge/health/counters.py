"""What a process can say of itself, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path


def resident_mb() -> int:
    """Memory that this process holds in RAM now, MB (10**6 bytes); see proc(5), statm."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000
