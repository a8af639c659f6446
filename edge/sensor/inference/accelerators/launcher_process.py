"""The sensor's end of the launcher: asks it to start or end the worker and receives the outcome; never waits."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

COMMAND_NOT_FOUND = 127
"""Exit code of a worker that could not even be started, as of a shell."""
_PACKET_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Started:
    """The worker runs; the descriptors are ours: what it reads from and what it writes to."""

    life: int
    to_worker: int
    from_worker: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The worker is gone: exit code, or minus the signal; `last` is the last line of its stderr."""

    life: int
    code: int
    last: str

    @property
    def reason(self) -> str:
        """Why, in words."""
        how = f"ended with signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        return f"its worker {how}" + (f" ({self.last})" if self.last else "")


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no launcher, for good: it could not lock itself, or has ended."""

    reason: str


News = Started | Ended | Refused


class LauncherProcess:
    """A launcher that was started for one worker's command. Make it before the sensor locks itself."""

    def __init__(self, command: Sequence[str], *, makes_files: bool = False) -> None:
        """command: the worker's. makes_files: it needs an empty file of its own (NCS2)."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            flags = ["--makes-files"] if makes_files else []
            program = [sys.executable, "-m", "edge.sensor.inference.accelerators.launcher", str(theirs.fileno())]
            self._process = subprocess.Popen(
                [*program, *flags, "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the sensor, which still hands visits over
            )
        self._gone = False

    @property
    def pid(self) -> int:
        """Process id of the launcher."""
        return self._process.pid

    def fileno(self) -> int:
        """Descriptor to wait on for news."""
        return self._control.fileno()

    def start(self, life: int) -> None:
        """Ask for a fresh worker, whose news carry this number; one that still runs is ended first."""
        self._say(b"start %d" % life)

    def kill(self) -> None:
        """Ask for the worker's end."""
        self._say(b"kill")

    def news(self) -> list[News]:
        """What has happened since the last call, oldest first."""
        found: list[News] = []
        while not self._gone:
            try:
                packet, descriptors, _, _ = socket.recv_fds(self._control, _PACKET_BYTES, 2)
            except BlockingIOError:
                break
            except OSError:
                packet, descriptors = b"", []
            if not packet:
                self._gone = True
                found.append(Refused("its launcher has ended"))
                break
            found.append(_read(json.loads(packet), descriptors))
        return found

    def close(self) -> None:
        """End worker and launcher, and wait for that; safe to call twice."""
        self._gone = True
        self._control.close()
        self._process.wait()

    def _say(self, word: bytes) -> None:
        if self._gone:
            return
        try:
            self._control.send(word, socket.MSG_NOSIGNAL)
        except OSError:
            return  # news() finds out


def _read(message: dict[str, object], descriptors: Sequence[int]) -> News:
    if "started" in message:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return Started(int(str(message["started"])), *descriptors)
    if "ended" in message:
        return Ended(int(str(message["ended"])), int(str(message["code"])), str(message["last"]))
    return Refused(str(message["refused"]))
