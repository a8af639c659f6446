"""Which system calls the locked sensor is refused, and why. Names that a machine lacks fall away there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from errno import ENOSYS, EPERM

from edge.sensor.lock.seccomp import Argument, Compare, Refusal

_PR_SET_DUMPABLE = 4
_INT = 0xFFFF_FFFF
"""The kernel reads an `int` argument from the lower half of its register only."""
_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_OPEN_FLAGS_AT = {"open": 1, "openat": 2}

NEW_FILES = (
    "creat", "truncate", "truncate64", "ftruncate", "ftruncate64", "fallocate", "mknod", "mknodat", "mkdir", "mkdirat",
    "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir",
)  # fmt: skip
"""Names of files hold bytes too, so they are neither made nor changed."""
FILE_MARKS = (
    "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "chmod", "fchmod", "fchmodat",
    "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
)  # fmt: skip
"""Extended attributes, modes, owners and times of files that exist: what is not content but stays on disk."""
FILE_FLAGS = (0x4008_6602, 0x4004_6602, 0x401C_5820, 0x4008_7602)
"""ioctl requests FS_IOC_SETFLAGS (64 and 32 bit), FS_IOC_FSSETXATTR, FS_IOC_SETVERSION (linux/fs.h): marks as well,
and they take a file that is open for reading."""
SHARED_MEMORY = (
    "shmget", "shmat", "msgget", "msgsnd", "semget", "semop", "semtimedop", "mq_open", "mq_unlink", "add_key",
    "keyctl", "request_key",
)  # fmt: skip
"""System V and POSIX queues, shared memory and keys outlive the process or reach others; RLIMIT_FSIZE sees none."""
OTHER_PROCESSES = (
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "execve", "execveat",
)  # fmt: skip
"""Another process could hold what we have given up. The sensor starts no program after the lock."""
KERNEL = (
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "fsopen", "fsconfig", "fsmount", "fspick",
    "move_mount", "open_tree", "mount_setattr", "name_to_handle_at", "open_by_handle_at", "acct", "bpf",
    "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
    "setrlimit",
)  # fmt: skip
"""Ways around the walls for a process that runs as root, as in a container; others may not call them anyway."""
SERVERS = ("bind", "listen", "accept", "accept4")
"""The sensor calls and is never called; binding a Unix socket would also make a file name."""
FALLS_BACK = ("openat2", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create")
"""ENOSYS, as on an older kernel, so that libraries take the plain call; no filter sees what the first four open."""
FCHMODAT2 = 452
"""Younger than libseccomp 2.5, which therefore cannot name it; numbers from 424 on are the same on all machines."""
NEWER_THAN_KNOWN = range(463, 512)
"""System calls after Linux 6.10 (`setxattrat` is the first): refused as on an older kernel, whatever they will do."""


def refusals(*, allow_network: bool) -> Iterator[Refusal]:
    """All rules. `allow_network` leaves IPv4 and IPv6 sockets open, for a camera on the network."""
    for name in (*NEW_FILES, *FILE_MARKS, *SHARED_MEMORY, *OTHER_PROCESSES, *KERNEL):
        yield Refusal(name, EPERM)
    for name in SERVERS:
        if not (allow_network and name == "bind"):  # a stream over UDP binds the port that it comes to
            yield Refusal(name, EPERM)
    for call in (*FALLS_BACK, *NEWER_THAN_KNOWN):
        yield Refusal(call, ENOSYS)
    yield Refusal(FCHMODAT2, ENOSYS)
    yield from _opens_for_writing()
    for request in FILE_FLAGS:
        yield Refusal("ioctl", EPERM, Argument(1, Compare.MASKED_EQUAL, _INT, request))
    yield from _sockets(allow_network=allow_network)
    yield Refusal("prctl", EPERM, Argument(0, Compare.MASKED_EQUAL, _INT, _PR_SET_DUMPABLE))
    yield Refusal("prlimit64", EPERM, Argument(2, Compare.NOT_EQUAL, 0))  # reading limits stays possible


def worker_refusals(*, makes_files: bool) -> Iterator[Refusal]:
    """All rules of an accelerator's worker and of the launcher that starts it: the sensor's, with named exceptions.

    A program may be started, which is bound by the same rules. A device may be opened for reading and writing, as USB
    needs: no file that is opened so takes a byte (RLIMIT_FSIZE). The worker may set its dumpable flag anew, since a
    started program has lost it. `makes_files`: an empty file may be made, as the NCS2's plugin does (mvnc.mutex).
    """
    spared: set[int | str] = {"execve", "execveat", "prctl"}
    opened = set(_OPEN_FLAGS_AT)
    yield from (rule for rule in refusals(allow_network=False) if rule.call not in spared | opened)
    yield from _opens(_making_flags(makes_files=makes_files))


def _opens_for_writing() -> Iterator[Refusal]:
    modes = [(os.O_ACCMODE, mode) for mode in (os.O_WRONLY, os.O_RDWR, os.O_ACCMODE)]
    yield from _opens([*modes, *_making_flags(makes_files=False)])


def _making_flags(*, makes_files: bool) -> list[tuple[int, int]]:
    made = () if makes_files else (os.O_CREAT,)
    return [(flag, flag) for flag in (*made, os.O_TRUNC, os.O_APPEND, _TMPFILE)]


def _opens(flags: Iterable[tuple[int, int]]) -> Iterator[Refusal]:
    for call, position in _OPEN_FLAGS_AT.items():
        for mask, masked in flags:
            yield Refusal(call, EPERM, Argument(position, Compare.MASKED_EQUAL, mask, masked))


def _sockets(*, allow_network: bool) -> Iterator[Refusal]:
    """Refuse every family but the allowed ones; "greater" also covers values with bits above the lower 32."""
    allowed = {socket.AF_UNIX, socket.AF_NETLINK} | ({socket.AF_INET, socket.AF_INET6} if allow_network else set())
    highest = max(allowed)
    for call in ("socket", "socketpair"):
        for family in range(highest):
            if family not in allowed:
                yield Refusal(call, EPERM, Argument(0, Compare.EQUAL, family))
        yield Refusal(call, EPERM, Argument(0, Compare.GREATER, highest))
