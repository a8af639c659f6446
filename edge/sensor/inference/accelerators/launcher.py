"""The launcher: starts an accelerator's worker, and starts it again when asked to; all behind the sensor's walls.

The locked sensor cannot start a program. This process is made before the lock, puts the same lock around itself, and
knows one command only, the worker's: `python -m edge.sensor.inference.accelerators.launcher DESCRIPTOR [--makes-files]
-- COMMAND`. It never sees a picture: the sensor gets the worker's pipes (unix(7), SCM_RIGHTS) and speaks to it
directly.

In, a word a packet: `start n`, `kill`. Out, JSON a packet: {"started": n} with the pipes' two ends; {"ended": n,
"code": exit code or minus the signal, "last": last line that it wrote to stderr}. It ends, and the worker with it,
when the sensor hangs up.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import LockUnavailable
from edge.sensor.inference.accelerators.launcher_process import COMMAND_NOT_FOUND
from edge.sensor.lock.walls import lock_worker

LIFE = "PASSERBY_WORKER_LIFE"
"""Environment of the worker: the number that the sensor gave its start."""
MUTEX = Path("/tmp/mvnc.mutex")
"""What the NCS2's plugin opens with O_CREAT; made here before the lock, so that Landlock need not let it be made."""
LAST_LINE_BYTES = 300
_PR_SET_PDEATHSIG = 1


class Launcher:
    """One worker's lives."""

    def __init__(self, control: socket.socket, command: Sequence[str]) -> None:
        self._control, self._command = control, tuple(command)
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._worker: subprocess.Popen[bytes] | None = None
        self._pidfd = self._stderr = -1
        self._said = b""
        self._life = self._wanted = 0

    def run(self) -> None:
        """Carry out commands until the sensor closes the socket."""
        while self._turn():
            pass
        self._kill()

    def _turn(self) -> bool:
        poll = select.poll()
        for descriptor in (self._control.fileno(), self._pidfd, self._stderr):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll()}
        if self._stderr in ready:
            self._listen()
        if self._pidfd in ready:
            self._bury()
        return self._control.fileno() not in ready or self._obey()

    def _obey(self) -> bool:
        word = self._control.recv(64)
        self._wanted = int(word.split()[1]) if word.startswith(b"start ") else 0
        self._kill()
        if self._worker is None:
            self._start()
        return bool(word)

    def _start(self) -> None:
        if not self._wanted:
            return
        self._life, self._wanted = self._wanted, 0
        variables = {**os.environ, LIFE: str(self._life), "PYTHONDONTWRITEBYTECODE": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            worker = subprocess.Popen(
                self._command,
                env=variables,
                preexec_fn=self._die_with_us,
                **pipes,  # type: ignore[call-overload]
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._tell(
                {
                    "ended": self._life,
                    "code": COMMAND_NOT_FOUND,
                    "last": f"{self._command[0]}: {error}"[:LAST_LINE_BYTES],
                }
            )
            return
        self._worker = worker
        self._pidfd, self._stderr, self._said = os.pidfd_open(worker.pid), worker.stderr.fileno(), b""
        os.set_blocking(self._stderr, False)
        ends = [worker.stdin.fileno(), worker.stdout.fileno()]
        self._tell({"started": self._life}, ends)
        worker.stdin.close()
        worker.stdout.close()

    def _die_with_us(self) -> None:
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def _listen(self) -> None:
        """Keep the end of what the worker writes: the reason, if it breaks down."""
        try:
            chunk = os.read(self._stderr, 65_536)
        except BlockingIOError:
            return
        self._said = (self._said + chunk)[-4096:]
        if not chunk:
            self._stderr = -1

    def _bury(self) -> None:
        if self._worker is None:
            return
        if self._stderr >= 0:
            self._listen()
        code = self._worker.wait()
        assert self._worker.stderr is not None
        self._worker.stderr.close()
        os.close(self._pidfd)
        self._worker, self._pidfd, self._stderr = None, -1, -1
        self._tell({"ended": self._life, "code": code, "last": _last_line(self._said)})
        self._start()

    def _kill(self) -> None:
        """End the worker; one that hangs in its driver may take its time, and is buried when it is gone."""
        if self._worker is not None:
            self._worker.kill()

    def _tell(self, message: dict[str, object], descriptors: Sequence[int] = ()) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:LAST_LINE_BYTES] if lines else ""


def main(arguments: Sequence[str]) -> int:
    """Lock this process and obey. Arguments: descriptor of the control socket, flags, `--`, the worker's command."""
    place = list(arguments).index("--")
    makes_files = "--makes-files" in arguments[:place]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # the sensor decides when we end: it still hands visits over
    with socket.socket(fileno=int(arguments[0])) as control:
        try:
            if makes_files:
                MUTEX.touch(0o600)
            lock_worker(makes_files=makes_files)
        except (LockUnavailable, OSError) as error:
            socket.send_fds(control, [json.dumps({"refused": str(error)[:LAST_LINE_BYTES]}).encode()], [])
            return LockUnavailable.exit_code
        try:
            Launcher(control, arguments[place + 1 :]).run()
        except OSError:
            return 1  # the sensor is gone in the middle of a command
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
