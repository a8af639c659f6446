"""The sensor's life: open the networks and the camera, lock, run the pipeline, hand over what is left, end."""

from __future__ import annotations

import gc
import logging
import os
import stat
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

from edge.catalog.lookup import open_catalog
from edge.clock import boottime
from edge.errors import FRESH_PROCESS, KEPT, LockUnavailable, UsageError, explain
from edge.machine.heat import read_heat
from edge.machine.notify import Notifier
from edge.machine.stopping import Stop
from edge.schemas.link import MESSAGES_PER_S
from edge.sensor.assemble import make_book, make_stages, open_networks
from edge.sensor.cooling import Governor
from edge.sensor.inference.accelerators.opening import Command as WorkerCommand
from edge.sensor.lock.walls import lock_sensor
from edge.sensor.pausing import Pauses, pause_flag
from edge.sensor.pipeline import Outcome, Pipeline, Presence
from edge.sensor.ports import FrameSource
from edge.sensor.sources.address import is_network, shown
from edge.sensor.sources.frozen import Unfrozen
from edge.sensor.sources.newest import NewestFrame
from edge.sensor.sources.opening import may_come_back
from edge.sensor.sources.pacing import Limited
from edge.sensor.uplink.heartbeat import Heartbeat
from edge.sensor.uplink.link_client import LinkClient
from edge.sensor.uplink.messages import live_message
from edge.sensor.vitals import Vitals
from edge.sensor.waiting import Waiting
from edge.settings.settings import Settings

FLUSH_S = 5.0
"""Least patience for the publisher at the end, on top of what the link's rate makes necessary."""
ALIVE_S = 1.0
"""Between two signs of life while the last visits are handed over."""

_log = logging.getLogger(__name__)


class Sensor:
    """One process that sees. Opens its networks at once; raises what that raises."""

    def __init__(
        self,
        settings: Settings,
        link_path: Path,
        stop: Stop,
        *,
        patience_s: float = 0.0,
        peer_uids: Collection[int] | None = None,
        worker_command: WorkerCommand | None = None,
    ) -> None:
        """`patience_s`: how long the publisher may take for the last visits, `FLUSH_S` at least.

        `peer_uids`: users that the publisher may run as (ourselves and root unless given).

        `worker_command`: of an accelerator's worker, by target, in place of the real one.
        """
        self._settings, self._stop, self._patience_s = settings, stop, patience_s
        _need_allowed_source(settings)
        self._notifier = Notifier()
        started = boottime()
        self._networks = open_networks(settings, open_catalog(), worker_command=worker_command)
        self._link = LinkClient(
            link_path,
            target=self._networks.target,
            taxonomy=settings.attributes.taxonomy,
            historical=not may_come_back(settings.camera.source),
            peer_uids=peer_uids,
        )
        self._pauses = Pauses(settings.pause, pause_flag(settings.pause))
        self._governor = Governor(settings.thermal, settings.camera.fps, read_heat, boottime)
        self._vitals = Vitals(self._networks, self._governor, self._link, started=started)
        self._waiting = Waiting(settings, self._link, self._pauses, self._vitals, self._notifier, stop)
        if self._networks.untrained:
            _log.warning("model set %s has random test weights: its answers mean nothing", self._networks.name)

    def run(self) -> int:
        """See until the source ends, the camera is lost or somebody asks to stop; returns the exit code."""
        self._waiting.for_first_command()
        opened = self._waiting.for_source()
        if opened is None:
            return 0
        source = self._newest_of(opened) if opened.live else opened
        self._link.historical |= not source.live  # a stream may turn out to be a clip
        self._lock()
        presence = Presence()
        pipeline = self._make_pipeline(presence)
        source = Unfrozen(source, self._settings.camera.frozen_s, lambda: presence.in_view)
        self._notifier.ready(clip=not source.live)
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not visit it again in every pass
        outcome = self._see(pipeline, source)
        while outcome is Outcome.PAUSED and not source.live and self._waiting.for_resume(live=False):
            outcome = self._see(pipeline, source)
        if outcome is Outcome.CAMERA_LOST or (outcome is Outcome.PAUSED and source.live):
            return FRESH_PROCESS  # with this process goes every picture that its memory still holds
        return KEPT if self._link.unacknowledged else 0

    def _newest_of(self, camera: FrameSource) -> FrameSource:
        """Only the newest frame of a camera, and fewer of those while the machine is hot."""
        alive = self._notifier.alive
        newest = NewestFrame(camera, self._settings.camera.max_frame_age_s, waiting=alive)
        self._vitals.dropped = lambda: newest.dropped
        return Limited(newest, lambda: self._governor.interval_s, sleep=partial(self._stop.sleep, tick=alive))

    def _lock(self) -> None:
        if stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode):
            _log.warning("stderr is a file: the lock ends it here; use a pipe, such as 2> >(cat > FILE)")
        try:
            report = lock_sensor(allow_network=self._settings.camera.allow_network_source)
        except LockUnavailable as error:
            if self._settings.privacy.require_lock:
                raise
            _log.warning("the sensor is NOT locked, as privacy.require_lock = false allows: %s", error)
        else:
            _log.info("locked: %s", report)

    def _make_pipeline(self, presence: Presence) -> Pipeline:
        book = make_book(self._settings, self._networks)
        taxonomy = self._settings.attributes.taxonomy
        pulse = Heartbeat(
            self._settings.publish,
            self._link,
            live=lambda at: live_message(book.live(at), taxonomy, self._networks.target),
            health=lambda: self._vitals.health("running"),
            alive=self._notifier.alive,
            changed=self._vitals.changed,
            watchdog_s=self._notifier.watchdog_s,
        )
        stages = make_stages(self._settings, self._networks, book, self._link)
        pipeline = Pipeline(stages, pulse=pulse, stop=lambda: self._stop.asked, pauses=self._pauses, presence=presence)
        self._vitals.counters = pipeline.counters
        return pipeline

    def _see(self, pipeline: Pipeline, source: FrameSource) -> Outcome:
        """Run the frames, then hand the visits over, whatever ended them. A file that is paused stays open."""
        outcome: Outcome | None = None
        try:
            outcome = pipeline.run(source)
            if outcome is Outcome.CAMERA_LOST:
                _log.warning("%s; a fresh process opens it again", pipeline.loss)
                self._link.send(self._vitals.health("camera_lost"))
        finally:
            if source.live or outcome is not Outcome.PAUSED:
                source.close()
            ended = outcome.value if outcome else "broken off"
            _log.info("%s after %d frames, %d visits", ended, pipeline.counters.frames, pipeline.counters.visits)
            self._hand_over()
        return outcome

    def _hand_over(self) -> None:
        """Wait until the publisher has every visit, or for too long."""
        until = boottime() + max(FLUSH_S, self._patience_s) + self._link.unacknowledged / MESSAGES_PER_S
        while not self._link.flush(min(ALIVE_S, until - boottime())):
            if boottime() >= until:
                lost = self._link.unacknowledged
                _log.error("%d visits may be lost: the publisher did not acknowledge them in time", lost)
                return
            self._notifier.alive()
            self._notifier.ending_takes(5 * ALIVE_S)  # many visits take longer than a stop may


def _need_allowed_source(settings: Settings) -> None:
    address = settings.camera.source
    if is_network(address) and not settings.camera.allow_network_source:
        message = explain(
            "a network source opens the sensor's wall",
            where="camera.source",
            got=shown(address),
            expected="a camera or file of this machine",
            next_step="use `passerby analyze`, or set camera.allow_network_source = true",
        )
        raise UsageError(message)
