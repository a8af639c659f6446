"""What a process says of itself agrees with what the kernel says of it."""

from __future__ import annotations

import resource

from edge.health.counters import resident_mb


def test_memory_grows_with_what_is_touched_and_stays_below_the_peak() -> None:
    before_mb = resident_mb()
    block = b"x" * 40_000_000

    assert 35 <= resident_mb() - before_mb <= 60
    assert resident_mb() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 * 1.05
    assert len(block) == 40_000_000
