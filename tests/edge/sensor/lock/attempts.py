"""A process that locks itself as the sensor does and then tries things; prints what became of each as JSON.

Arguments: a folder to try in, and a Unix socket that listens. Run by test_privacy_lock.py.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import shared_memory
from pathlib import Path

from edge.sensor.lock.walls import lock_sensor

Attempt = Callable[[], object]
OTHER_FAMILIES = (0, 2, 10, 17, 29, 30, 31, 38, 40, 44, 63)
"""IPv4, IPv6, packets, CAN, TIPC, Bluetooth, crypto, virtual machines and others (Linux, socket.h)."""
LIBC = ctypes.CDLL(None, use_errno=True)


def call(number_or_name: int | str, *arguments: object) -> None:
    """A system call that the standard library does not offer; raises OSError."""
    ctypes.set_errno(0)
    if isinstance(number_or_name, int):
        result = LIBC.syscall(ctypes.c_long(number_or_name), *arguments)
    else:
        result = getattr(LIBC, number_or_name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def set_file_flags(path: str) -> None:
    """FS_IOC_SETFLAGS with the flags that the file has: 64 bits that stay on disk."""
    get_flags, set_flags = 0x80086601, 0x40086602  # linux/fs.h
    with Path(path).open("rb") as file:
        fcntl.ioctl(file, set_flags, fcntl.ioctl(file, get_flags, bytes(8)))


def in_child(action: Attempt) -> None:
    """Do it in a forked child: what is refused to the sensor is refused to its children."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, "in the child")


def writing(folder: Path, opened: int) -> dict[str, Attempt]:
    """Ways to leave bytes on a disk or in a file in memory."""
    old = str(folder / "old")
    return {
        "create": lambda: os.open(folder / "new", os.O_CREAT | os.O_WRONLY),
        "create in /dev/shm": lambda: os.open("/dev/shm/passerby-attempt", os.O_CREAT | os.O_RDWR),
        "create empty": lambda: os.open(folder / "new", os.O_CREAT | os.O_RDONLY),
        "overwrite": lambda: os.open(old, os.O_WRONLY),
        "append": lambda: os.open(old, os.O_WRONLY | os.O_APPEND),
        "read and write": lambda: os.open(old, os.O_RDWR),
        "cut on opening": lambda: os.open(old, os.O_RDONLY | os.O_TRUNC),
        "nameless file": lambda: os.open(folder, os.O_TMPFILE | os.O_RDWR),
        "write to an open file": lambda: os.write(opened, b"x"),
        "truncate": lambda: os.truncate(old, 0),
        "cut an open file": lambda: os.ftruncate(opened, 0),
        "grow an open file": lambda: os.posix_fallocate(opened, 0, 10),
        "mkdir": lambda: (folder / "d").mkdir(),
        "fifo": lambda: os.mkfifo(folder / "f"),
        "rename": lambda: Path(old).rename(folder / "renamed"),
        "link": lambda: os.link(old, folder / "linked"),
        "symlink": lambda: (folder / "s").symlink_to("bytes as a name"),
        "unlink": lambda: Path(old).unlink(),
        "chmod": lambda: Path(old).chmod(0o777),
        "utime": lambda: os.utime(old, (1, 1)),
        "file flags": lambda: set_file_flags(old),
        "xattr": lambda: os.setxattr(old, "user.face", b"pixels"),
        "memfd": lambda: os.memfd_create("frames"),
        "shared memory": lambda: shared_memory.SharedMemory(create=True, size=4096),
        "System V memory": lambda: call("shmget", 77, 4096, 0o1600),
        "System V queue": lambda: call("msgget", 77, 0o1600),
        "queue": lambda: call("mq_open", b"/passerby", os.O_CREAT | os.O_RDWR, 0o600, None),
        "openat2": lambda: call(437, -100, old.encode(), None, 0),
        "io_uring": lambda: call(425, 8, None),
        "setxattrat": lambda: call(463, -100, old.encode(), 0, b"user.face", None, 0),
        "bind a Unix socket": lambda: socket.socket(socket.AF_UNIX).bind(str(folder / "bound")),
    }


def talking() -> dict[str, Attempt]:
    """Ways to reach somebody else."""
    attempts: dict[str, Attempt] = {
        f"socket of family {family}": lambda family=family: socket.socket(family, socket.SOCK_DGRAM)
        for family in OTHER_FAMILIES
    }
    return {
        **attempts,
        "family with a high half": lambda: call(_socket_number(), ctypes.c_long(1 << 32 | 2), 1, 0),
        "look a name up": lambda: socket.getaddrinfo("127.0.0.1.nip.io", 80),
        "program": lambda: in_child(lambda: os.execv("/bin/true", ["true"])),
        "subprocess": lambda: subprocess.run(["/bin/true"], check=True),
        "file of a child": lambda: in_child(lambda: os.open("/tmp/passerby-attempt", os.O_CREAT | os.O_WRONLY)),
        "ptrace": lambda: call("ptrace", 0, 0, 0, 0),
        "read another process": lambda: call("process_vm_readv", os.getppid(), None, 0, None, 0, 0),
        "take a descriptor": lambda: call(438, os.pidfd_open(os.getppid()), 0, 0),
    }


def undoing() -> dict[str, Attempt]:
    """Ways to take the walls down again."""
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    return {
        "raise the file limit": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, endless),
        "raise the core limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, endless),
        "be dumpable": lambda: call("prctl", 4, 1, 0, 0, 0),
        "new namespace": lambda: call("unshare", 0x10000000),
        "mount": lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    }


def needed(folder: Path, link: str) -> dict[str, Attempt]:
    """What the sensor must still be able to do."""

    def talk() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end:
            end.connect(link)
            end.send(b"hello")

    def use_pipe() -> None:
        reader, writer = os.pipe()
        os.write(writer, b"x")
        os.read(reader, 1)

    def start_thread() -> None:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()

    return {
        "read a file": lambda: (folder / "old").read_bytes(),
        "list a folder": lambda: list(folder.iterdir()),
        "talk over the link": talk,
        "pair of Unix sockets": socket.socketpair,
        "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "pipe": use_pipe,
        "thread": start_thread,
        "memory": lambda: mmap.mmap(-1, 1 << 20),
        "executable memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
        "fork": lambda: in_child(lambda: None),
        "read limits": lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
        "read own counters": lambda: Path("/proc/self/statm").read_text(),
    }


def _socket_number() -> int:
    return {"x86_64": 41, "aarch64": 198}[os.uname().machine]


def _outcome(attempt: Attempt) -> str:
    try:
        attempt()
    except socket.gaierror:
        return "no name"
    except ValueError:  # what resource.setrlimit makes of EPERM
        return "EPERM"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def _try_all(attempts: dict[str, Attempt]) -> dict[str, str]:
    return {name: _outcome(attempt) for name, attempt in attempts.items()}


def main(folder: Path, link: str, *, allow_network: bool) -> None:
    """Start a thread, lock, try everything in this thread and in that one."""
    opened = os.open(folder / "open", os.O_CREAT | os.O_WRONLY)
    (folder / "old").write_text("old")
    locked = threading.Event()
    of_thread: dict[str, str] = {}

    def older_thread() -> None:
        locked.wait()
        of_thread.update(_try_all({**writing(folder, opened), **talking()}))

    thread = threading.Thread(target=older_thread)
    thread.start()
    report = lock_sensor(allow_network=allow_network)
    locked.set()
    thread.join()
    result = {
        "report": {name: getattr(report, name) for name in report.__slots__},
        "writing": _try_all(writing(folder, opened)),
        "talking": _try_all(talking()),
        "undoing": _try_all(undoing()),
        "needed": _try_all(needed(folder, link)),
        "older thread": of_thread,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    signal.alarm(60)
    main(Path(sys.argv[1]), sys.argv[2], allow_network="--allow-network" in sys.argv)
