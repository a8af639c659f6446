"""What pauses the sensor: a flag file (`passerby pause`, button), the time outside opening hours, a command.

The sensor checks flag and hours itself, so that they hold with no publisher; a command from the broker never undoes
them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from time import struct_time
from typing import Literal

from edge.clock import boottime
from edge.errors import ConfigError, UsageError, explain
from edge.machine.folders import state_dir
from edge.schemas.link import Command, Pause, Resume
from edge.settings.opening_hours import is_open, parse_hours
from edge.settings.settings import Pause as PauseSettings

FLAG_NAME = "paused"
CHECK_EVERY_S = 0.5

Reason = Literal["", "flag", "hours", "command"]
"""Why nothing is seen; empty where nothing is in the way."""


class PauseFlag:
    """An empty file whose presence pauses; it outlives restarts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_set(self) -> bool:
        """Whether the file is there. Raises ConfigError where this user may not check."""
        try:
            return self.path.exists()
        except OSError as error:
            message = explain(
                f"cannot be checked ({error.strerror})",
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


def pause_flag(settings: PauseSettings) -> PauseFlag:
    """The flag of these settings: `pause.flag_file`, else `paused` in the state folder."""
    return PauseFlag(Path(settings.flag_file) if settings.flag_file else state_dir() / FLAG_NAME)


class Pauses:
    """Says whether anything pauses now. Until something else is said, no command does."""

    def __init__(
        self,
        settings: PauseSettings | None = None,
        flag: PauseFlag | None = None,
        *,
        local_time: Callable[[], struct_time] = time.localtime,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Without settings and flag only commands pause. Raises ConfigError for opening hours that cannot be read."""
        self._hours = [parse_hours(line) for line in settings.open_hours] if settings else []
        self._flag, self._local_time, self._clock = flag, local_time, clock
        self._check_at = float("-inf")
        self._local: Reason = ""
        self._commanded = False

    def take(self, commands: Sequence[Command]) -> None:
        """Obey commands, oldest first: the last one that pauses or resumes counts, until another comes."""
        for command in commands:
            if isinstance(command, Pause | Resume):
                self._commanded = isinstance(command, Pause)

    def reason(self) -> Reason:
        """Why to pause. Flag and hours are checked at most twice a second, so that it may be called at every frame."""
        now = self._clock()
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY_S
            self._local = self._find()
        return self._local or ("command" if self._commanded else "")

    def _find(self) -> Reason:
        if self._flag is not None and self._flag.is_set:
            return "flag"
        return "hours" if self._hours and not is_open(self._hours, self._local_time()) else ""
