"""The publisher's loop, on one page: the part that speaks and cannot see.

    link packets -> validate -> batch -> at most one commit an interval -> ack -> broker -> its ack -> delete

One thread; only the dialling of the broker has another. What the sensor got an ack for is on disk; what the broker
acknowledged is deleted with the next commit. A crash between any two steps repeats an event, never loses one.
"""

from __future__ import annotations

import logging
import math
import select
from pathlib import Path

from edge.errors import INTERRUPTED, KEPT
from edge.machine.stopping import Stop, stopped_by_signals
from edge.publisher.assemble import Parts, opened_parts
from edge.settings.settings import Settings

_log = logging.getLogger(__name__)

LONGEST_SLEEP_S = 1.0
FLUSH_S = 2.0
"""Patience at the end: for acks of what is under way, and for the last message to the broker."""


def run_publisher(
    settings: Settings,
    state_dir: Path,
    *,
    model_set: str,
    drain_timeout_s: float | None = None,
    drain_now: bool = False,
    link_path: Path | None = None,
    link_group: int | None = None,
    stop: Stop | None = None,
) -> int:
    """Publish until SIGTERM, SIGINT or `stop`; returns the exit code.

    `model_set` is name and version of the model set, such as `best@1.0.0`. With `drain_timeout_s` the end waits until
    the outbox is empty, at most so long, and is 3 when it is not; `drain_now` begins with that at once. `link_path`
    is the link's socket (default: in the state folder); `link_group` is a group id whose members may be the sensor,
    besides this user. Raises ConfigError, AlreadyRunning, OutboxFull.
    """
    stop = stop or Stop()
    if drain_now:
        stop.ask()
    try:
        with (
            stopped_by_signals(stop),
            opened_parts(settings, state_dir, model_set=model_set, link_path=link_path, link_group=link_group) as parts,
        ):
            code = Publisher(parts, stop, drain_timeout_s).run()
    finally:
        stop.close()
    return INTERRUPTED if stop.interrupted and code == 0 else code


class Publisher:
    """Runs the parts until it is asked to end."""

    def __init__(self, parts: Parts, stop: Stop, drain_timeout_s: float | None) -> None:
        self._parts, self._stop, self._drain_timeout_s = parts, stop, drain_timeout_s
        self._deadline = math.inf
        self._alive_at = 0.0

    def run(self) -> int:
        """The loop."""
        self._parts.notifier.ready()
        while not self._ended():
            self._wait()
            self._turn()
        return self._farewell()

    def _turn(self) -> None:
        parts = self._parts
        news = parts.broker.work()
        parts.dispatch.take(news)
        if news.connected:
            parts.reports.connected()
        passing = parts.intake.read()
        parts.commands.take(news.commands)
        parts.reports.take(passing)
        parts.intake.commit(parts.dispatch.acked)
        parts.dating.work()
        if not self._stop.asked or self._draining:
            parts.dispatch.send(hold_undated=parts.dating.holding and not self._stop.asked)
        self._feed_watchdog()

    @property
    def _draining(self) -> bool:
        return self._drain_timeout_s is not None

    def _wait(self) -> None:
        """Sleep until a descriptor or a time needs us."""
        parts = self._parts
        poller = select.poll()
        for descriptor, events in (
            *self._stop.waits(),
            *parts.link.waits(reading=parts.intake.reading),
            *parts.broker.waits(),
        ):
            poller.register(descriptor, events)
        waits = (
            LONGEST_SLEEP_S,
            parts.link.wait_s() if parts.intake.reading else None,
            parts.intake.wait_s(bool(parts.dispatch.acked)),
            parts.broker.wait_s(),
            parts.reports.wait_s(),
        )
        poller.poll(math.ceil(1000 * min(wait for wait in waits if wait is not None)))
        self._stop.take()

    def _ended(self) -> bool:
        if not self._stop.asked:
            return False
        parts = self._parts
        if self._deadline == math.inf:
            parts.notifier.stopping()
            self._deadline = parts.clock() + (FLUSH_S if self._drain_timeout_s is None else self._drain_timeout_s)
            return False  # one more turn reads what the sensor has sent
        if parts.clock() >= self._deadline:
            return True
        emptied = not self._draining or parts.outbox.tally.rows == 0
        return parts.intake.idle and emptied and not parts.dispatch.acked and parts.broker.settled()

    def _farewell(self) -> int:
        """Commit what is left and publish `stopped` to the broker; nothing is deleted without its ack."""
        parts = self._parts
        parts.channel.publish("status", b"stopped", retain=True)
        until = parts.clock() + FLUSH_S
        while not parts.broker.settled() and parts.clock() < until:
            self._wait()
            parts.dispatch.take(parts.broker.work())
            parts.intake.commit(parts.dispatch.acked)
        parts.intake.commit(parts.dispatch.acked, now=True)
        kept = parts.outbox.tally.rows
        _log.info("%d events delivered since the start", parts.dispatch.delivered)
        if kept:
            _log.info("outbox: %d events are kept for the next start (or `passerby publisher --drain`)", kept)
        left = kept > 0 or not parts.intake.idle  # what the disk refused stays with the sensor
        return KEPT if left and self._draining else 0

    def _feed_watchdog(self) -> None:
        every_s = self._parts.notifier.watchdog_s
        if every_s is not None and self._parts.clock() >= self._alive_at:
            self._alive_at = self._parts.clock() + every_s
            self._parts.notifier.alive()
