"""What a process says of itself agrees with what the kernel says of it."""

from __future__ import annotations

import mmap
import resource

from edge.machine.counters import resident_mb


def test_memory_grows_with_what_is_touched_and_stays_below_the_peak() -> None:
    before_mb = resident_mb()
    block = mmap.mmap(-1, 40_000_000)  # memory that nothing has used before
    block.write(b"x" * 40_000_000)

    assert 35 <= resident_mb() - before_mb <= 100
    assert resident_mb() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 * 1.05
    block.close()
