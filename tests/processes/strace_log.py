"""Reads what `strace -f` wrote: which process opened what for writing, made which socket, looked up which name.

A process is "locked" from the moment a seccomp filter is loaded in it; what its threads and its children do after
that is after the lock. Only what strace saw is known: `TRACED` is the set of calls to ask it for.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

TRACED = "%file,%network,%process,seccomp,memfd_create,ftruncate,io_uring_setup,pidfd_getfd"
CHANGING_CALLS = frozenset({
    "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink",
    "unlinkat", "rmdir", "mknod", "mknodat", "truncate", "chmod", "fchmodat", "fchmodat2", "chown", "lchown",
    "fchownat", "setxattr", "lsetxattr", "utimensat", "utime", "utimes", "memfd_create", "ftruncate", "io_uring_setup",
})  # fmt: skip
_OPENING_CALLS = frozenset({"open", "openat", "openat2", "creat"})
_WRITING_FLAGS = re.compile(r"\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b|^creat$")
_STARTING_CALLS = frozenset({"clone", "clone3", "fork", "vfork"})
_RESOLVING_SOCKETS = ("nscd/socket", "systemd/resolve", "avahi-daemon")
_RESOLVING_FILES = ("/etc/resolv.conf", "/etc/hosts")
_RESOLVING_PORTS = ("53", "853", "5353")
_LINE = re.compile(r"^(?P<thread>\d+) +(?P<rest>.*)$")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>,? ?(?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?|0x[0-9a-f]+)(?P<note>.*)$")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DESCRIPTOR = re.compile(r"^-?\w+<(?P<path>[^>]*)>")
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
_HOST = re.compile(r'(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")')


class Event(NamedTuple):
    """One thing that a process did or tried. kind: write, change, socket, connect or lookup."""

    kind: str
    what: str
    call: str
    done: bool
    locked: bool


@dataclass
class Process:
    """One process with all its threads. `program` is the command line of its last exec."""

    pid: int
    program: str = ""
    locked: bool = False
    events: list[Event] = field(default_factory=list)

    def seen(self, *kinds: str, locked: bool | None = None, done: bool = True) -> list[str]:
        """What was done of some kinds (`done=False`: tried and refused), before or after the lock, or both."""
        return [
            f"{event.call} {event.what}"
            for event in self.events
            if event.kind in kinds and event.done is done and locked in (None, event.locked)
        ]

    def paths(self, *kinds: str, locked: bool | None = None) -> set[str]:
        """Paths of what was done of some kinds, without doubles."""
        return {e.what for e in self.events if e.kind in kinds and e.done and locked in (None, e.locked)}


def trace(
    command: Sequence[str], log: Path, *, environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command and all that it starts under strace; the log is for `read_log`."""
    strace = ["strace", "-f", "-qq", "-y", "-s", "256", "-e", f"trace={TRACED}", "-e", "signal=none", "-o", str(log)]
    return subprocess.run(
        [*strace, *command], env=dict(environment), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def read_log(log: Path) -> list[Process]:
    """Every process of a log, in the order of their start."""
    return read_lines(log.read_text(errors="replace").splitlines())


def read_lines(lines: Iterable[str]) -> list[Process]:
    """As `read_log`, from lines."""
    processes: dict[int, Process] = {}
    for thread, call in _whole_calls(lines):
        process = processes.get(thread)
        if process is None:
            process = processes[thread] = Process(thread)
        _take(call, process, processes)
    return list({process.pid: process for process in processes.values()}.values())


def _whole_calls(lines: Iterable[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Calls with their thread; the halves of an interrupted line are joined."""
    begun: dict[int, str] = {}
    for line in lines:
        if (parts := _LINE.match(line)) is None:
            continue
        thread, rest = int(parts["thread"]), parts["rest"]
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix("<unfinished ...>").rstrip()
            continue
        if resumed := _RESUMED.match(rest):
            rest = begun.pop(thread, "") + resumed["rest"]
        if call := _CALL.match(rest):
            yield thread, call


def _take(call: re.Match[str], process: Process, processes: dict[int, Process]) -> None:
    name, arguments, done = call["name"], call["arguments"], not call["result"].startswith("-")
    if name in _STARTING_CALLS and done:
        _start(int(call["result"]), arguments, process, processes)
    elif name == "execve" and done:
        process.program = " ".join(_STRING.findall(arguments.partition("[")[2]))
    elif name == "seccomp" and "FILTER" in arguments and done:
        process.locked = True
    else:
        for kind, what in _kinds(name, arguments):
            process.events.append(Event(kind, what, name, done, process.locked))


def _start(child: int, arguments: str, parent: Process, processes: dict[int, Process]) -> None:
    """A thread shares its process; a child begins as locked as its parent. Its first lines may come before this one."""
    early = processes.get(child)
    if "CLONE_THREAD" in arguments:
        processes[child] = parent
    elif early is None:
        processes[child] = Process(child, parent.program, parent.locked)
    if early is None:
        return
    events = [event._replace(locked=event.locked or parent.locked) for event in early.events]
    if "CLONE_THREAD" in arguments:
        parent.events += events
        parent.locked = parent.locked or early.locked
    else:
        early.events = events
        early.program = early.program or parent.program
        early.locked = early.locked or parent.locked


def _kinds(name: str, arguments: str) -> Iterator[tuple[str, str]]:
    if name in _OPENING_CALLS:
        path = _path(arguments)
        if _WRITING_FLAGS.search(arguments.rpartition('"')[2]) or name == "creat":
            yield "write", path
        if path in _RESOLVING_FILES:
            yield "lookup", path
    elif name in CHANGING_CALLS:
        yield "change", _path(arguments)
    elif name in ("socket", "socketpair"):
        yield "socket", arguments.partition(",")[0]
    elif name in ("connect", "sendto", "sendmsg", "sendmmsg", "bind") and (address := _address(arguments)):
        yield "connect", address
        if _resolves(address):
            yield "lookup", address


def _path(arguments: str) -> str:
    """The path of a call, made absolute by the folder that strace (-y) gives for the descriptor before it."""
    strings = _STRING.findall(arguments)
    folder = _DESCRIPTOR.match(arguments)
    if not strings:
        return folder["path"] if folder else arguments
    return str(PurePosixPath(folder["path"] if folder else "", strings[0]))


def _address(arguments: str) -> str:
    """`HOST:PORT` or the path of a Unix socket; empty where a call carries no address or a kernel one."""
    if "AF_UNIX" in arguments and "sun_path=" in arguments:
        return "".join(_STRING.findall(arguments.partition("sun_path=")[2])[:1])
    host, port = _HOST.search(arguments), _PORT.search(arguments)
    return f"{host[1] or host[2]}:{port[1]}" if host and port else ""


def _resolves(address: str) -> bool:
    return address.rpartition(":")[2] in _RESOLVING_PORTS or any(name in address for name in _RESOLVING_SOCKETS)
