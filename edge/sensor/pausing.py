"""Pauses that are decided at the device: a flag file (command, button), and the time outside opening hours.

The sensor reads both itself, so that they hold with no publisher; a command from the broker never undoes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from time import struct_time
from typing import Literal

from edge.clock import boottime
from edge.errors import ConfigError, UsageError, explain
from edge.machine.folders import state_dir
from edge.settings.opening_hours import is_open, parse_hours
from edge.settings.settings import Pause

FLAG_NAME = "paused"
LOOK_EVERY_S = 0.5

Reason = Literal["", "flag", "hours"]
"""Why nothing is seen; empty where nothing is in the way."""


class PauseFlag:
    """An empty file whose presence pauses; it outlives restarts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_set(self) -> bool:
        """Whether the file is there. Raises ConfigError where this user may not look."""
        try:
            return self.path.exists()
        except OSError as error:
            message = explain(
                f"cannot be looked for ({error.strerror})",
                where=f"pause.flag_file: {self.path}",
                next_step="put it into a folder that the sensor's user may enter",
            )
            raise ConfigError(message) from error

    def set(self, paused: bool) -> None:
        """Make or remove the file. Raises UsageError where this user may not."""
        try:
            if paused:
                self.path.touch(0o644)
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            message = explain(
                f"the pause cannot be {'set' if paused else 'lifted'} ({error.strerror})",
                where=str(self.path),
                next_step="run it as the user of the publisher, with its PASSERBY_STATE; see pause.flag_file",
            )
            raise UsageError(message) from error


def pause_flag(settings: Pause) -> PauseFlag:
    """The flag of these settings: `pause.flag_file`, else `paused` in the state folder."""
    return PauseFlag(Path(settings.flag_file) if settings.flag_file else state_dir() / FLAG_NAME)


class LocalPause:
    """Says whether the device itself wants a pause now."""

    def __init__(
        self,
        settings: Pause,
        flag: PauseFlag,
        *,
        local_time: Callable[[], struct_time] = time.localtime,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Raises ConfigError for opening hours that are none."""
        self._hours = [parse_hours(line) for line in settings.open_hours]
        self._flag, self._local_time, self._clock = flag, local_time, clock
        self._look_at = float("-inf")
        self._reason: Reason = ""

    def reason(self) -> Reason:
        """Why to pause; looked up at most twice a second, so that it may be asked at every frame."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._reason = self._find()
        return self._reason

    def _find(self) -> Reason:
        if self._flag.is_set:
            return "flag"
        return "hours" if self._hours and not is_open(self._hours, self._local_time()) else ""
