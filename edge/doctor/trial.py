"""A process that locks itself as the sensor does and tries what it must not.

Call: `python -m edge.doctor.trial FOLDER [network]`; the folder is empty and whoever calls removes it.

Prints {"refused": why the lock could not be put up, "walls": those that hold, "leaks": what went through}.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from edge.errors import LockUnavailable
from edge.sensor.lock.walls import lock_sensor


def main() -> None:
    """Lock, try, report."""
    folder, allow_network = Path(sys.argv[1]), "network" in sys.argv[2:]
    with (folder / "there").open("wb") as there:
        try:
            report = lock_sensor(allow_network=allow_network)
        except LockUnavailable as error:
            _tell(refused=str(error))
            return
        attempts: dict[str, Callable[[], object]] = {
            "writing into a file": lambda: os.open(there.name, os.O_WRONLY),
            "making a file": lambda: os.open(folder / "new", os.O_CREAT | os.O_RDONLY),
            "growing an open file": lambda: os.write(there.fileno(), b"x"),
            "starting a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
            **({} if allow_network else {"an IP socket": lambda: socket.socket(socket.AF_INET)}),
        }
        leaks = [name for name, attempt in attempts.items() if _works(attempt)]
        _tell(walls=str(report), leaks=leaks)


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _tell(*, refused: str = "", walls: str = "", leaks: list[str] | None = None) -> None:
    sys.stdout.write(json.dumps({"refused": refused, "walls": walls, "leaks": leaks or []}))


if __name__ == "__main__":
    main()
