"""Looks for bytes in the memory of other processes (proc(5), /proc/PID/mem); needs root for those that forbid it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_CHUNK = 1 << 24


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for thread in _listed(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            found += [each for child in (thread / "children").read_text().split() for each in family(int(child))]
    return found


def holds(pid: int, needles: Sequence[bytes]) -> bool:
    """Whether any needle lies in the memory of a process; False where it has ended."""
    longest = max(len(needle) for needle in needles)
    with contextlib.suppress(OSError), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for begin, end in _regions(pid):
            for at in range(begin, end, _CHUNK):
                piece = _read(memory.fileno(), at, min(end - at, _CHUNK + longest))
                if any(needle in piece for needle in needles):
                    return True
    return False


def _regions(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        area, rights, *_ = line.split()
        if rights.startswith("r") and not line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            begin, end = (int(side, 16) for side in area.split("-"))
            yield begin, end


def _read(descriptor: int, at: int, size: int) -> bytes:
    try:
        return os.pread(descriptor, size, at)
    except OSError:
        return b""


def _listed(folder: str) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(Path(folder).iterdir())
    return []
