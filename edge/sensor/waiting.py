"""What the sensor does while it sees nothing: it is paused, or its camera is not there yet."""

from __future__ import annotations

import logging
import time

from edge.clock import Backoff, Every, boottime
from edge.errors import SourceUnavailable
from edge.machine.notify import Notifier
from edge.machine.stopping import POLL_S, Stop
from edge.schemas.link import HealthRequest
from edge.sensor.pausing import Pauses
from edge.sensor.ports import FrameSource
from edge.sensor.sources.opening import may_come_back, open_source
from edge.sensor.uplink.link_client import LinkClient
from edge.sensor.vitals import Vitals
from edge.settings.settings import Settings

OPENING_S = 20.0
"""How long a library may block while it opens a camera; a stream that does not answer takes 10 s."""
LINK_S, FIRST_COMMAND_S = 0.05, 1.0
"""Before the camera is opened: time for the link to come up, then at the longest for the publisher's first command."""
_PAUSED_BY = {"flag": "at the device", "hours": "outside opening hours", "command": "by a command"}

_log = logging.getLogger(__name__)


class Waiting:
    """Waits for a source and for the end of a pause, receives commands, feeds the watchdog, reports health."""

    def __init__(
        self, settings: Settings, link: LinkClient, pauses: Pauses, vitals: Vitals, notifier: Notifier, stop: Stop
    ) -> None:
        self._settings, self._link, self._pauses = settings, link, pauses
        self._vitals, self._notifier, self._stop = vitals, notifier, stop

    def for_first_command(self) -> None:
        """Take the publisher's first commands, which say whether we are paused; no longer than it may need."""
        begun = boottime()
        while not self._stop.asked and boottime() - begun < (FIRST_COMMAND_S if self._link.connected else LINK_S):
            commands = self._link.commands()
            self._pauses.take(commands)
            if commands:
                return
            time.sleep(LINK_S / 10)

    def for_source(self) -> FrameSource | None:
        """Open the source; a camera that is not there is tried again with backoff. None when stopped meanwhile.

        Raises SourceUnavailable for a source that will not come back, and what opening raises.
        """
        camera = self._settings.camera
        backoff = Backoff(camera.reopen_initial_s, camera.reopen_max_s)
        reason = ""
        while not self._stop.asked:
            self._pauses.take(self._link.commands())
            if self._pauses.reason() and not self.for_resume(live=True):
                return None
            try:
                with self._notifier.patience(OPENING_S):
                    return open_source(camera.source, camera)
            except SourceUnavailable as error:
                if not may_come_back(camera.source):
                    raise
                if str(error) != reason:
                    reason = str(error)
                    _log.warning("%s; trying again until it is there", reason)
            self._without_camera(backoff.next_wait_s())
        return None

    def for_resume(self, *, live: bool) -> bool:
        """Read nothing until somebody resumes (True) or stops (False) us; a camera is closed meanwhile."""
        self._notifier.ready()  # a pause may be long, and a service that waits is well
        reason = self._pauses.reason() or "command"
        _log.info("paused %s: %s", _PAUSED_BY[reason], "no camera is open" if live else "the clip waits")
        health_due = Every(self._settings.publish.health_interval_s)
        while not self._stop.asked:
            commands = self._link.commands()
            self._pauses.take(commands)
            if not self._pauses.reason():
                return True
            if health_due.due(boottime()) or any(isinstance(command, HealthRequest) for command in commands):
                self._link.send(self._vitals.health("paused"))
            self._notifier.alive()
            self._stop.sleep(POLL_S)
        return False

    def _without_camera(self, wait_s: float) -> None:
        self._notifier.ready()  # a camera may be long in coming
        self._vitals.reopens += 1
        self._link.send(self._vitals.health("camera_lost"))
        self._stop.sleep(wait_s, self._notifier.alive)
