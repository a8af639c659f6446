"""Tries, inside a service's sandbox and without the sensor's own lock, what that service must not be able to do.

Started as ExecStart of a copy of the unit; prints what it could do as one line of JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

SKIPPED = ("/proc", "/sys")
FAMILIES = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "vsock": 40}
CLOSED = ("/etc/passerby/credentials", "/var/lib/passerby", "/home", "/root", "/run/dbus/system_bus_socket")


def writable_folders() -> list[str]:
    """Folders in which a file could be made, anywhere but in /proc and /sys."""
    found = []
    for folder, names, _ in os.walk("/"):
        names[:] = [name for name in names if not str(Path(folder, name)).startswith(SKIPPED)]
        probe = Path(folder) / "passerby-probe"
        try:
            probe.write_bytes(b"face")
        except OSError:
            continue
        probe.unlink()
        found.append(folder)
    return found


def openable_devices() -> list[str]:
    """Devices that can be opened, by path."""
    found = []
    for folder, _, names in os.walk("/dev"):
        for path in (Path(folder) / name for name in names):
            if not path.is_symlink() and (path.is_char_device() or path.is_block_device()):
                try:
                    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
                except OSError:
                    continue
                found.append(str(path))
    return found


def families() -> list[str]:
    """Kinds of sockets that can be made."""
    found = []
    for name, number in FAMILIES.items():
        try:
            socket.socket(number, socket.SOCK_RAW if name in ("netlink", "packet") else socket.SOCK_STREAM).close()
        except OSError:
            continue
        found.append(name)
    return found


def readable(paths: tuple[str, ...]) -> list[str]:
    """Those that this service can look into."""
    found = []
    for path in map(Path, paths):
        try:
            entries = list(path.iterdir()) if path.is_dir() else [path.stat()]
        except OSError:
            continue
        if entries:
            found.append(str(path))
    return found


def credentials() -> dict[str, str]:
    """What systemd has handed over."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return {path.name: path.read_text() for path in Path(folder).iterdir()} if folder else {}


def main() -> None:
    """Print everything."""
    interfaces = [line.split(":")[0].strip() for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]]
    result = {
        "writable": writable_folders(),
        "devices": openable_devices(),
        "families": families(),
        "interfaces": interfaces,
        "readable": readable(CLOSED),
        "credentials": credentials(),
        "capabilities": next(
            line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd")
        ),
    }
    sys.stderr.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
