"""A child process that dies with us, reports over sd_notify when it is ready, and logs through a pipe.

The pipe matters: the locked sensor cannot write to a file, so its stderr would be lost where ours is one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from edge.machine.notify import CLIP

_PR_SET_PDEATHSIG = 1
_CHUNK = 65_536


class Child:
    """A command that is started, perhaps again and again; never touches a process that it did not start."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.ready = False
        """Whether the process that runs now has reported it."""
        self.ever_ready = False
        self.clip = False
        """Whether it has reported that its source ends by itself."""
        self.code: int | None = None
        """Exit code of the last process that ended; negative: the signal that ended it."""
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._notices: socket.socket | None = None
        self._unfinished = b""

    @property
    def running(self) -> bool:
        """Whether it was started and has not been seen to end."""
        return self._process is not None

    def start(self) -> None:
        """Start the command; nothing of ours but the pipe for stderr is handed on."""
        address = f"passerby-{os.getpid()}-{secrets.token_hex(8)}"  # abstract: leaves no file behind
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notices.bind(f"\0{address}")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHDOG_")}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**environment, "NOTIFY_SOCKET": f"@{address}"},
            start_new_session=True,  # Ctrl-C reaches us alone; we pass it on, once
            preexec_fn=_DieWithParent(),
        )
        os.set_blocking(self._stderr.fileno(), False)
        self._pidfd = os.pidfd_open(self._process.pid)
        self.ready = False

    def descriptors(self) -> list[int]:
        """What to wait on while it runs: its end, its notices, its stderr."""
        if self._process is None or self._notices is None:
            return []
        found = [self._pidfd, self._notices.fileno()]
        return found if self._stderr.closed else [*found, self._stderr.fileno()]

    def listen(self) -> None:
        """Read notices and pass on whole lines of stderr; never waits."""
        if self._process is None or self._notices is None:
            return
        with contextlib.suppress(BlockingIOError):
            while notice := self._notices.recv(256):
                words = notice.split(b"\n")
                self.ready = self.ready or b"READY=1" in words
                self.ever_ready = self.ever_ready or self.ready
                self.clip = self.clip or CLIP.encode() in words
        self._pass_on()

    def ended(self) -> int | None:
        """Exit code where it has ended since the last call, else None; negative: the signal that ended it."""
        if self._process is None or self._process.poll() is None:
            return None
        self.listen()
        self.code = self._process.returncode
        self._forget()
        return self.code

    def send_signal(self, number: signal.Signals) -> bool:
        """Send a signal to it; False where it does not run."""
        if self._process is None:
            return False
        self._process.send_signal(number)
        return True

    def kill(self) -> None:
        """End it at once, if it runs, and wait for that."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.ended()

    @property
    def _stderr(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stderr is not None
        return self._process.stderr

    def _pass_on(self) -> None:
        if self._stderr.closed:
            return
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._stderr.fileno(), _CHUNK):
                self._write_lines(chunk)
            self._stderr.close()

    def _write_lines(self, chunk: bytes) -> None:
        """Whole lines only, so that two children do not write into each other's lines."""
        lines, newline, self._unfinished = (self._unfinished + chunk).rpartition(b"\n")
        if newline:
            _write(lines + newline)

    def _forget(self) -> None:
        if self._unfinished:
            _write(self._unfinished + b"\n")
        self._unfinished = b""
        self._stderr.close()
        os.close(self._pidfd)
        if self._notices is not None:
            self._notices.close()
        self._process = None
        self.ready = False


class _DieWithParent:
    """Asks the kernel, in the child, to kill it when we are gone (prctl(2)); we have one thread, so forking is safe."""

    def __init__(self) -> None:
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._parent = os.getpid()

    def __call__(self) -> None:
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._parent:  # gone already, before the kernel knew
            os._exit(1)


def _write(text: bytes) -> None:
    with contextlib.suppress(OSError):  # a terminal that went away must not stop the children
        sys.stderr.buffer.write(text)
        sys.stderr.buffer.flush()
