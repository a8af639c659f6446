"""`passerby run`: sensor and publisher as two child processes, started, watched, started again and wound down.

A child reports over sd_notify when it is ready, as to systemd. One that ends with 2 or 3 before it was ever ready
cannot work here, and its code becomes ours; any other end is followed by a fresh start after a jittered wait. When the
sensor ends with 0 its source is at an end: the publisher is asked (SIGTERM) to drain and to end.
"""

from __future__ import annotations

import logging
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from edge.clock import Backoff
from edge.errors import CHECK_FAILED, FRESH_PROCESS, INTERRUPTED, KEPT
from edge.machine.stopping import Stop, stopped_by_signals
from edge.supervisor.child import Child

_CANNOT_WORK = frozenset({2, 3})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits, in seconds."""

    retry_initial_s: float = 0.5
    retry_longest_s: float = 30.0
    steady_s: float = 30.0
    """A child that ran for so long begins with the first wait again."""
    stop_s: float = 10.0
    """For a child to end after SIGTERM, on top of the drain timeout; then it is killed."""


def supervise(
    publisher: Sequence[str],
    sensor: Sequence[str],
    *,
    finite: bool,
    drain_timeout_s: float,
    patience: Patience | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Run both until the source ends or SIGINT or SIGTERM comes; returns the exit code.

    `publisher` and `sensor` are command lines. `finite` says that the source ends by itself, as a sensor may find out
    of a stream too: one that ends in the middle is then not started again, since it would count people twice.
    0: all sent; 1: the sensor broke down in a clip; 3: events are kept in the outbox; 130: Ctrl-C; else the code of a
    child that cannot work here. Call it from the main thread.
    """
    patience = patience or Patience()
    with closing(Stop()) as stop, stopped_by_signals(stop):
        children = Child("publisher", publisher), Child("sensor", sensor)
        run = _Run(*children, stop, finite, drain_timeout_s, patience, clock)
        try:
            return run.until_the_end()
        finally:
            run.kill()


class _Run:
    """One life of the two children."""

    def __init__(
        self,
        publisher: Child,
        sensor: Child,
        stop: Stop,
        finite: bool,
        drain_timeout_s: float,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self._publisher, self._sensor, self._stop = publisher, sensor, stop
        self._finite, self._drain_timeout_s = finite, drain_timeout_s
        self._patience, self._clock = patience, clock
        waits = (patience.retry_initial_s, patience.retry_longest_s)
        self._backoffs = {child.name: Backoff(*waits) for child in (publisher, sensor)}
        self._start_at = dict.fromkeys(self._backoffs, clock())
        self._started_at = dict(self._start_at)
        self._code: int | None = None
        self._source_ended_at: float | None = None

    def until_the_end(self) -> int:
        """Keep both running until there is a reason to end; then stop the sensor, drain the publisher."""
        while self._code is None:
            for child in (self._publisher, self._sensor):
                self._start_if_due(child)
            self._turn(self._until_next_start_s())
            self._check_for_the_end()
        handed_over = self._end(self._sensor, self._drain_timeout_s + self._patience.stop_s) != KEPT
        if self._publisher.running:
            _log.info("delivering for at most %g s; a signal leaves the rest in the outbox", self._drain_timeout_s)
        drained = self._end(self._publisher, self._drain_timeout_s + self._patience.stop_s) == 0
        return KEPT if self._code == 0 and not (handed_over and drained) else self._code

    def kill(self) -> None:
        """End what still runs, and only what this supervisor started."""
        for child in (self._sensor, self._publisher):
            child.kill()

    def _start_if_due(self, child: Child) -> None:
        over = child is self._sensor and self._source_ended_at is not None
        if not child.running and not over and self._clock() >= self._start_at[child.name]:
            child.start()
            self._started_at[child.name] = self._clock()

    def _until_next_start_s(self) -> float:
        waiting = [self._start_at[c.name] for c in (self._publisher, self._sensor) if not c.running]
        if self._source_ended_at is not None:
            waiting.append(self._source_ended_at + self._drain_timeout_s)
        return min((max(0.0, at - self._clock()) for at in waiting), default=60.0)

    def _turn(self, longest_s: float) -> None:
        """Sleep until something happens; pass on what children write, note which ended and which signal came."""
        poll = select.poll()
        for descriptor, events in self._stop.waits():
            poll.register(descriptor, events)
        for descriptor in (*self._publisher.descriptors(), *self._sensor.descriptors()):
            poll.register(descriptor, select.POLLIN)
        poll.poll(longest_s * 1000 + 1)
        self._take_requests()
        for child in (self._publisher, self._sensor):
            child.listen()
            code = child.ended()
            if code is not None:
                self._after(child, code)

    def _take_requests(self) -> None:
        """The first request to end winds everything down; another one ends what still runs."""
        for _ in range(self._stop.take()):
            if self._code is not None:
                self.kill()
            self._code = INTERRUPTED if self._stop.interrupted else self._code or 0

    def _after(self, child: Child, code: int) -> None:
        """A child has ended: for good, or until its next start."""
        if self._code is not None:
            return
        in_a_clip = child is self._sensor and (self._finite or child.clip)
        if code in _CANNOT_WORK and (not child.ever_ready or in_a_clip):
            self._code = code
        elif child is self._sensor and code == 0:
            self._source_ended_at = self._clock()
        elif in_a_clip:
            _log.error("sensor ended with %s in the middle of the clip; starting anew would count twice", _cause(code))
            self._code = CHECK_FAILED
        else:
            self._schedule(child, code)

    def _schedule(self, child: Child, code: int) -> None:
        now, backoff = self._clock(), self._backoffs[child.name]
        if now - self._started_at[child.name] >= self._patience.steady_s:
            backoff.reset()
        wait_s = backoff.next_wait_s()
        self._start_at[child.name] = now + wait_s
        if code != FRESH_PROCESS:
            _log.warning("%s ended with %s, starts again in %.1f s", child.name, _cause(code), wait_s)

    def _check_for_the_end(self) -> None:
        """The source is at its end once there is a publisher to drain, or none came back in time."""
        if self._code is None and self._source_ended_at is not None:
            late = self._clock() >= self._source_ended_at + self._drain_timeout_s
            if self._publisher.ready or late:
                self._code = 0

    def _end(self, child: Child, within_s: float) -> int | None:
        """Ask a child to end and wait for it; its exit code, or None where it did not run or had to be killed."""
        if not child.send_signal(signal.SIGTERM):
            return None
        deadline = self._clock() + within_s
        while child.running:
            left_s = deadline - self._clock()
            if left_s <= 0:
                _log.warning("%s does not end and is killed", child.name)
                child.kill()
                return None
            self._turn(left_s)
        return child.code


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
