"""Commands from the broker: pause, resume, health, info. They may pause, never override a pause at the device."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import get_args

import msgspec

from edge.publisher.ports import SensorLink
from edge.publisher.reports import Reports
from edge.schemas.events import Cmd, CommandName
from edge.schemas.link import HealthRequest, Pause, Resume

_log = logging.getLogger(__name__)

MARK_NAME = "paused-by-command"


class _Caller(msgspec.Struct):
    """Any object with a usable id: enough to answer a command that is otherwise wrong."""

    id: str


class RemotePause:
    """Whether a command paused the sensor; a mark in the state folder keeps it over restarts."""

    def __init__(self, folder: Path) -> None:
        self._mark = folder / MARK_NAME
        self.on = self._mark.exists()

    def set(self, on: bool) -> None:
        """Pause or not; where the disk is full it still holds until the publisher ends."""
        self.on = on
        try:
            if on:
                self._mark.touch(0o600)
            else:
                self._mark.unlink(missing_ok=True)
        except OSError as error:
            _log.error("%s: the pause will not outlast a restart (%s)", self._mark, error.strerror)


class Commands:
    """Carries out commands and answers each once."""

    def __init__(self, link: SensorLink, reports: Reports, pause: RemotePause) -> None:
        self._link, self._reports, self._pause = link, reports, pause
        self._was_linked = False
        self.rejected = 0
        """Commands that could not even be answered, since the start."""

    def take(self, commands: list[tuple[str, bytes]]) -> None:
        """Carry out what arrived."""
        self._remind()
        for name, payload in commands:
            self._take(name, payload)

    def _remind(self) -> None:
        """Send the state to a sensor that has just linked: it waits for it before it opens its camera, or missed it."""
        if self._link.linked and not self._was_linked:
            self._link.send(Pause() if self._pause.on else Resume())
            self._link.send(HealthRequest())
        self._was_linked = self._link.linked

    def _take(self, name: str, payload: bytes) -> None:
        command = _command(name)
        caller = _caller(payload)
        if command is None or caller is None:
            self._reject()
            return
        reason = self._obey(command) if _fits(payload) else "the payload is not a passerby.cmd/1"
        self._reports.reply(caller, command, reason)

    def _obey(self, command: CommandName) -> str:
        """Why it was not carried out; empty when it was."""
        if command == "pause":
            self._pause.set(True)
            self._link.send(Pause())
        elif command == "resume":
            return self._resume()
        elif command == "health":
            self._reports.ask()
        else:
            self._reports.send_info()
        return ""

    def _resume(self) -> str:
        if not self._pause.on and self._reports.locally_paused:
            return "paused at the device; resume it there"
        self._link.send(Resume())  # before the mark goes: a kill in between leaves a pause that may be undone again
        self._reports.resumed()
        self._pause.set(False)
        return ""

    def _reject(self) -> None:
        self.rejected += 1
        if self.rejected & (self.rejected - 1) == 0:  # 1, 2, 4, 8, ...: a flood does not fill the log
            _log.warning("broker: a command was not understood (%d so far)", self.rejected)


def _command(name: str) -> CommandName | None:
    known: tuple[CommandName, ...] = get_args(CommandName)
    return next((command for command in known if command == name), None)


def _caller(payload: bytes) -> str | None:
    """The caller's id, if it is one that a reply may carry."""
    try:
        caller = msgspec.json.decode(payload, type=_Caller).id
        return msgspec.convert({"id": caller}, Cmd).id
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        return None


def _fits(payload: bytes) -> bool:
    try:
        msgspec.json.decode(payload, type=Cmd)
    except ValueError:
        return False
    return True
