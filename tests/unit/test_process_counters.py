"""What a process says of itself agrees with what the kernel says of it."""

from __future__ import annotations

import resource
import time

from edge.health.process import ProcessCounters


def test_uptime_follows_the_clock_that_was_passed_in() -> None:
    now = [100.0]
    counters = ProcessCounters(clock=lambda: now[0])

    now[0] = 103.5

    assert counters.uptime_s() == 3.5


def test_memory_grows_with_what_is_touched_and_stays_below_the_peak() -> None:
    counters = ProcessCounters()
    before = counters.rss_bytes()
    block = b"x" * 40_000_000

    assert 35_000_000 < counters.rss_bytes() - before < 60_000_000
    assert counters.rss_bytes() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 * 1.05
    assert counters.rss_mb() in (counters.rss_bytes() // 1_000_000, counters.rss_bytes() // 1_000_000 + 1)
    assert len(block) == 40_000_000


def test_processor_time_counts_work() -> None:
    counters = ProcessCounters()
    before, until = counters.cpu_s(), time.thread_time() + 0.05
    while time.thread_time() < until:
        pass

    assert counters.cpu_s() - before >= 0.05
