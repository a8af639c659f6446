"""The sensor's lock: after it nothing can be written to a file, and only Unix sockets reach anybody.

Called once camera and models are open. It holds for every thread and cannot be undone. What stays open: what was
opened before, Unix sockets (the link, and any other that file permissions let the sensor reach), pipes, and stderr.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from edge.errors import LockUnavailable, explain
from edge.sensor.lock.landlock import restrict_writing
from edge.sensor.lock.rules import refusals, worker_refusals
from edge.sensor.lock.seccomp import SeccompFilter

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 3, 4, 38
_IP_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})
_FILTERED = "2"


@dataclass(frozen=True, slots=True)
class LockReport:
    """Which walls hold. `seccomp` and `no_new_privs` are True only if they hold for every thread.

    `landlock` is optional: kernels without it leave it False. `network` is the wall that was left open on purpose.
    """

    rlimit_fsize: bool
    rlimit_core: bool
    non_dumpable: bool
    no_new_privs: bool
    seccomp: bool
    landlock: bool
    network: bool

    @property
    def complete(self) -> bool:
        """Whether every wall but the optional one holds."""
        return self.rlimit_fsize and self.rlimit_core and self.non_dumpable and self.no_new_privs and self.seccomp

    def __str__(self) -> str:
        walls = [name for name in self.__slots__ if name != "network" and getattr(self, name)]
        return ", ".join(walls) + ("; IP sockets allowed" if self.network else "")


def lock_sensor(*, allow_network: bool = False) -> LockReport:
    """Put every wall up around this process, for good; `allow_network` leaves IP sockets for a network camera.

    Raises LockUnavailable: an IP socket is already open, or the system has no libseccomp or refuses the filter. The
    walls that were up by then stay.
    """
    _refuse_open_ip_sockets(allow_network=allow_network)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    landlock = restrict_writing()
    wall = SeccompFilter()
    wall.refuse(refusals(allow_network=allow_network))
    wall.load()
    report = _walls(landlock=landlock, network=allow_network)
    if not report.complete:
        raise LockUnavailable(explain("the sensor's lock does not hold", got=str(report), expected="every wall"))
    return report


ACCELERATOR_DEVICES = (Path("/dev/bus/usb"), *(Path(f"/dev/apex_{number}") for number in range(4)), Path("/dev/null"))
"""USB devices, and the Edge TPUs on PCI Express."""


def lock_worker(*, makes_files: bool) -> None:
    """Put the walls of an accelerator's worker around this process and all that it will start, for good.

    They are the sensor's with the exceptions of `edge.sensor.lock.rules.worker_refusals`. The dumpable flag alone does
    not outlast the start of a program. Raises LockUnavailable.
    """
    _refuse_open_ip_sockets(allow_network=False)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    restrict_writing(ACCELERATOR_DEVICES)
    wall = SeccompFilter()
    wall.refuse(worker_refusals(makes_files=makes_files))
    wall.load()


def open_ip_sockets() -> tuple[int, ...]:
    """Descriptors of this process that are sockets of IPv4 or IPv6."""
    descriptors = [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]
    return tuple(number for number in descriptors if _family(number) in _IP_FAMILIES)


def _walls(*, landlock: bool, network: bool) -> LockReport:
    """What the kernel reports now; only Landlock cannot be queried."""
    threads = [_status(thread / "status") for thread in Path("/proc/self/task").iterdir()]
    return LockReport(
        rlimit_fsize=resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0),
        rlimit_core=resource.getrlimit(resource.RLIMIT_CORE) == (0, 0),
        non_dumpable=_prctl(_PR_GET_DUMPABLE) == 0,
        no_new_privs=all(status["NoNewPrivs"] == "1" for status in threads),
        seccomp=all(status["Seccomp"] == _FILTERED for status in threads),
        landlock=landlock,
        network=network,
    )


def _status(file: Path) -> dict[str, str]:
    """Fields of proc_pid_status(5); a thread that has just ended has none to break."""
    try:
        lines = file.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {"NoNewPrivs": "1", "Seccomp": _FILTERED}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _family(descriptor: int) -> int:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return socket.AF_UNSPEC
        with socket.socket(fileno=os.dup(descriptor)) as end:
            return end.family
    except OSError:  # the listing's own descriptor is closed by now
        return socket.AF_UNSPEC


def _refuse_open_ip_sockets(*, allow_network: bool) -> None:
    if not allow_network and (found := open_ip_sockets()):
        raise LockUnavailable(
            explain("the sensor cannot lock itself", got=f"open IP sockets {found}", expected="none before the lock")
        )


def _prctl(option: int, value: int = 0) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    result: int = libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)
    if result < 0:
        reason = os.strerror(ctypes.get_errno())
        raise LockUnavailable(explain("the sensor cannot lock itself", where=f"prctl {option}", got=reason))
    return result
