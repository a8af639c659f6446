"""A worker that tries what it must not, and says on stderr what became of it: `name=outcome` with semicolons.

Argument: a folder that this user may write, with an empty file `there` in it.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = "import socket, errno\ntry: socket.socket()\nexcept OSError as error: print(errno.errorcode[error.errno])"


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def write_into(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        file.write(b"x")


def main(folder: Path) -> None:
    there = folder / "there"
    started = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    found = {
        "make": outcome(lambda: os.close(os.open(folder / "new", os.O_CREAT | os.O_RDONLY))),
        "write": outcome(lambda: write_into(there)),
        "empty": outcome(lambda: os.open(there, os.O_WRONLY | os.O_TRUNC)),
        "append": outcome(lambda: os.open(there, os.O_WRONLY | os.O_APPEND)),
        "remove": outcome(there.unlink),
        "ipv4": outcome(lambda: socket.socket(socket.AF_INET)),
        "ipv6": outcome(lambda: socket.socket(socket.AF_INET6)),
        "netlink": outcome(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15).close()),
        "device": outcome(lambda: os.close(os.open("/dev/null", os.O_RDWR))),
        "memfd": outcome(lambda: os.memfd_create("x")),
        "core": str(max(resource.getrlimit(resource.RLIMIT_CORE))),
        "program": started.stdout.strip() or started.stderr.strip()[-40:],
    }
    sys.stderr.write("\n" + ";".join(f"{name}={value}" for name, value in found.items()) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
