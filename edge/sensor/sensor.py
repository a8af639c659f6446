"""The sensor's life: open the networks and the camera, lock, run the pipeline, hand over what is left, end."""

from __future__ import annotations

import gc
import logging
import os
import stat
import sys
import time
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from edge.catalog.lookup import open_catalog
from edge.clock import Backoff, Every, boottime
from edge.errors import FRESH_PROCESS, KEPT, LockUnavailable, SourceUnavailable, UsageError, explain
from edge.machine.counters import resident_mb
from edge.machine.heat import read_heat
from edge.machine.notify import Notifier
from edge.machine.stopping import POLL_S, Stop
from edge.schemas.link import (
    MAX_FPS_TENTHS,
    MESSAGES_PER_S,
    Command,
    HealthMessage,
    HealthRequest,
    LiveMessage,
    Pause,
    Resume,
)
from edge.schemas.vocabulary import AcceleratorState, SensorState
from edge.sensor.assemble import make_book, make_stages, open_networks
from edge.sensor.cooling import Governor
from edge.sensor.inference.accelerators.opening import Command as WorkerCommand
from edge.sensor.lock.locking import lock_sensor
from edge.sensor.pausing import LocalPause, pause_flag
from edge.sensor.pipeline import Counters, Outcome, Pipeline
from edge.sensor.ports import FrameSource
from edge.sensor.sources.address import is_network, shown
from edge.sensor.sources.newest import NewestFrame
from edge.sensor.sources.opening import may_come_back, open_source
from edge.sensor.sources.pacing import Limited
from edge.sensor.uplink.heartbeat import Heartbeat
from edge.sensor.uplink.link_client import LinkClient
from edge.sensor.visits.book import VisitBook
from edge.settings.settings import Settings

FLUSH_S = 5.0
"""Least patience for the publisher at the end, on top of what the link's rate makes necessary."""
ALIVE_S = 1.0
"""Between two signs of life while the last visits are handed over."""
OPENING_S = 20.0
"""How long a library may block while it opens a camera; a stream that does not answer takes 10 s."""
LINK_S, FIRST_WORD_S = 0.05, 1.0
"""Before the camera is opened: time for the link to come up, then at the longest for the publisher's first word."""

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
        self._started = boottime()
        self._networks = open_networks(settings, open_catalog(), worker_command=worker_command)
        self._counters = Counters()
        self._reopens = 0
        self._local_pause = LocalPause(settings.pause, pause_flag(settings.pause))
        self._paused_remotely = False
        self._governor = Governor(settings.thermal, settings.camera.fps, read_heat, boottime)
        self._accelerators: tuple[AcceleratorState, ...] = ()
        self._source: FrameSource | None = None
        self._newest: NewestFrame | None = None
        self._link = LinkClient(
            link_path,
            target=self._networks.target,
            taxonomy=settings.attributes.taxonomy,
            historical=not may_come_back(settings.camera.source),
            peer_uids=peer_uids,
        )
        if self._networks.untrained:
            _log.warning("model set %s has random test weights: its answers mean nothing", self._networks.name)

    def run(self) -> int:
        """See until the source ends, the camera is lost or somebody asks to stop; returns the exit code."""
        self._paused_remotely = self._publisher_says_pause()
        if self._paused and not self._wait_for_resume(live=True):
            return 0
        self._source = self._open_source()
        if self._source is None:
            return 0
        self._link.historical |= not self._source.live  # a stream may turn out to be a clip
        self._lock()
        pipeline = self._make_pipeline()
        self._counters = pipeline.counters
        self._notifier.ready(clip=not self._source.live)
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again in every pass
        outcome = self._see(pipeline, self._source)
        while outcome is Outcome.PAUSED and not self._source.live and self._resumed(pipeline):
            outcome = self._see(pipeline, self._source)
        if outcome is Outcome.CAMERA_LOST or (outcome is Outcome.PAUSED and self._source.live):
            return FRESH_PROCESS  # with this process goes every picture that its memory still holds
        return KEPT if self._link.unacknowledged else 0

    def _see(self, pipeline: Pipeline, source: FrameSource) -> Outcome:
        """Run the frames, then hand the visits over, whatever ended them. A file that is paused stays open."""
        outcome: Outcome | None = None
        try:
            outcome = pipeline.run(source)
        finally:
            if source.live or outcome is not Outcome.PAUSED:
                source.close()
            said = outcome.value if outcome else "broken off"
            _log.info("%s after %d frames, %d visits", said, self._counters.frames, self._counters.visits)
            self._hand_over()
        return outcome

    def _resumed(self, pipeline: Pipeline) -> bool:
        """Wait after a pause of a clip; False where somebody asked to stop meanwhile."""
        self._paused_remotely = pipeline.paused_by_command
        return self._wait_for_resume(live=False)

    def _hand_over(self) -> None:
        """Wait until the publisher has every visit, or for too long."""
        until = boottime() + max(FLUSH_S, self._patience_s) + self._link.unacknowledged / MESSAGES_PER_S
        while not self._link.flush(min(ALIVE_S, until - boottime())):
            if boottime() >= until:
                lost = self._link.unacknowledged
                _log.error("%d visits may be lost: the publisher did not acknowledge them in time", lost)
                return
            self._notifier.alive()

    def _publisher_says_pause(self) -> bool:
        """Whether the publisher's first word is a pause; False where there is no publisher."""
        begun = boottime()
        while not self._stop.asked and boottime() - begun < (FIRST_WORD_S if self._link.connected else LINK_S):
            commands = self._link.commands()
            if commands:
                return isinstance((_about_the_camera(commands) or commands)[-1], Pause)
            time.sleep(LINK_S / 10)
        return False

    def _open_source(self) -> FrameSource | None:
        """Open the source; a camera that is not there is tried again with backoff. None when stopped meanwhile."""
        camera = self._settings.camera
        backoff = Backoff(camera.reopen_initial_s, camera.reopen_max_s)
        reason = ""
        while not self._stop.asked:
            self._heed_commands()
            if self._paused and not self._wait_for_resume(live=True):
                return None
            try:
                with self._notifier.patience(OPENING_S):
                    source = open_source(camera.source, camera)
            except SourceUnavailable as error:
                if not may_come_back(camera.source):
                    raise
                self._notifier.ready()  # a camera may be long in coming
                if str(error) != reason:
                    reason = str(error)
                    _log.warning("%s; trying again until it is there", reason)
                self._reopens += 1
                self._link.send(self._health("camera_lost"))
                self._stop.sleep(backoff.next_wait_s(), self._notifier.alive)
            else:
                return self._newest_of(source) if source.live else source
        return None

    def _newest_of(self, camera: FrameSource) -> FrameSource:
        """Only the newest frame of a camera, and fewer of those while the machine is hot."""
        alive = self._notifier.alive
        self._newest = NewestFrame(camera, self._settings.camera.max_frame_age_s, waiting=alive)
        sleep = partial(self._stop.sleep, tick=alive)
        return Limited(self._newest, lambda: self._governor.interval_s, sleep=sleep)

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

    def _make_pipeline(self) -> Pipeline:
        book = make_book(self._settings, self._networks)
        pulse = Heartbeat(
            self._settings.publish,
            self._link,
            live=lambda at: self._live(book, at),
            health=lambda: self._health("running"),
            alive=self._notifier.alive,
            changed=self._changed,
            watchdog_s=self._notifier.watchdog_s,
        )
        stages = make_stages(self._settings, self._networks, book, self._link)
        return Pipeline(stages, pulse=pulse, stop=lambda: self._stop.asked, paused=self._locally_paused)

    def _locally_paused(self) -> bool:
        return self._local_pause.reason() != ""

    @property
    def _paused(self) -> bool:
        """Whether anything is in the way of seeing: then the camera is not even opened."""
        return self._paused_remotely or self._locally_paused()

    def _heed_commands(self) -> Sequence[Command]:
        """Take the commands that arrived; the last one about the camera says whether to pause."""
        commands = self._link.commands()
        camera = _about_the_camera(commands)
        if camera:
            self._paused_remotely = isinstance(camera[-1], Pause)
        return commands

    def _wait_for_resume(self, *, live: bool) -> bool:
        """Read nothing until somebody resumes (True) or stops (False) us; a camera is closed meanwhile."""
        self._notifier.ready()  # a pause may be long, and a service that waits is well
        _log.info("paused %s: %s", self._pause_reason(), "no camera is open" if live else "the clip waits")
        health_due = Every(self._settings.publish.health_interval_s)
        while not self._stop.asked:
            commands = self._heed_commands()
            if not self._paused:
                return True
            if health_due.due(boottime()) or any(isinstance(command, HealthRequest) for command in commands):
                self._link.send(self._health("paused"))
            self._notifier.alive()
            self._stop.sleep(POLL_S)
        return False

    def _changed(self) -> bool:
        """Whether something has changed since the last call that health should tell at once."""
        targets_changed, cooling_changed = self._targets_changed(), self._governor.look()
        if cooling_changed:
            _log.warning(
                "cooling: %s at %s degrees, at least %.2f s between frames",
                self._governor.cooling,
                self._governor.temperature_c,
                self._governor.interval_s,
            )
        return targets_changed or cooling_changed

    def _targets_changed(self) -> bool:
        """Whether an accelerator was lost or is back since the last call; visits then name another target."""
        before, self._link.target = self._link.target, self._networks.target
        accelerators = tuple(device.state for device in self._networks.accelerators.devices)
        seen, self._accelerators = self._accelerators, accelerators
        return before != self._link.target or seen != accelerators

    def _pause_reason(self) -> str:
        words = {"flag": "at the device", "hours": "outside opening hours", "": "by a command"}
        return words[self._local_pause.reason()]

    def _live(self, book: VisitBook, at: float) -> LiveMessage:
        now = book.live(at)
        brackets = cast(tuple[int, int, int, int, int, int, int, int, int], now.brackets)
        return LiveMessage(
            watchers=now.watchers,
            longest_dwell_halves=min(round(now.longest_dwell_s * 2), 2 * 86_400),
            female=now.female,
            male=now.male,
            unknown=now.unknown,
            taxonomy=self._settings.attributes.taxonomy,
            brackets=brackets,
            target=self._networks.target,
        )

    def _health(self, state: SensorState) -> HealthMessage:
        uptime_s = boottime() - self._started
        self._governor.look()
        celsius = self._governor.temperature_c
        accelerator = next(iter(self._networks.accelerators.devices), None)
        return HealthMessage(
            state=state,
            uptime_s=int(uptime_s),
            frames=self._counters.frames,
            dropped_frames=self._newest.dropped if self._newest else 0,
            fps_tenths=min(round(self._counters.frames / max(uptime_s, 0.1) * 10), MAX_FPS_TENTHS),
            visits=self._counters.visits,
            lost_visits=self._link.lost_visits,
            camera_reopens=self._reopens,
            target=self._networks.target,
            fallbacks=min(self._networks.moves, 99),
            accelerator=accelerator.state if accelerator else "none",
            accelerator_fault=accelerator.fault if accelerator else "none",
            rss_mb=min(resident_mb(), 32_767),
            temperature_c=min(max(round(celsius), 0), 125) if celsius is not None else -1,
            cooling=self._governor.cooling,
        )


def _about_the_camera(commands: Sequence[Command]) -> list[Pause | Resume]:
    """Those that pause or resume, oldest first: the last one counts."""
    return [command for command in commands if isinstance(command, Pause | Resume)]


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
