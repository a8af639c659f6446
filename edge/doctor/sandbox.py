"""The sensor's walls: whether they can be put up on this system, and whether they stand round the sensor that runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from edge.doctor.findings import Finding, bad, doubtful, good
from edge.settings.settings import Settings

PROC = Path("/proc")
_TRIAL_S = 30.0
_FILTERED = "2"
_FIRST_WORDS = 6
"""`python -I -B -m edge.cli sensor` is the longest way to start one."""


def check_settings(settings: Settings) -> Iterator[Finding]:
    """What the settings take away from the walls."""
    if not settings.privacy.require_lock:
        yield doubtful("sandbox", "privacy.require_lock is false", "set it to true: false is for development")
    if settings.camera.allow_network_source:
        yield doubtful("sandbox", "camera.allow_network_source leaves the network open", "use a camera of this machine")


def try_lock(settings: Settings) -> Finding:
    """Lock a process of its own as the sensor does, and let it try what it must not."""
    network = ["network"] if settings.camera.allow_network_source else []
    try:
        with tempfile.TemporaryDirectory() as folder:  # what is locked cannot remove its own
            words = [sys.executable, "-m", "edge.doctor.trial", folder, *network]
            done = subprocess.run(words, capture_output=True, text=True, timeout=_TRIAL_S)
        told = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return bad("sandbox", f"the lock could not be tried ({error})", "see the log of `passerby sensor`")
    if told["refused"]:
        return bad("sandbox", told["refused"], "apt-get install libseccomp2; a container must allow seccomp")
    if told["leaks"]:
        return bad("sandbox", f"the lock lets through: {', '.join(told['leaks'])}", "report it: this must not be")
    return good("sandbox", f"the lock holds here: {told['walls']}")


def check_running(proc: Path = PROC) -> Iterator[Finding]:
    """The walls round each sensor that runs now."""
    running = list(sensors(proc))
    if not running:
        yield good("sandbox", "no sensor runs now")
    for process in running:
        missing = list(_missing_walls(process))
        if missing:
            found = f"sensor {process.name} runs without {', '.join(missing)}"
            yield bad(
                "sandbox", found, "see its log: it locks itself once networks and camera are open, and not in a pause"
            )
        else:
            yield good(
                "sandbox",
                f"sensor {process.name}: no file can grow, no core dump, no new privileges, seccomp on every thread",
            )


def sensors(proc: Path = PROC) -> Iterator[Path]:
    """Folders of the processes that are sensors."""
    for process in sorted(proc.glob("[0-9]*")):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        pairs = pairwise(words[:_FIRST_WORDS])
        if any(word.endswith((b"passerby", b"edge.cli")) and after == b"sensor" for word, after in pairs):
            yield process


def _missing_walls(process: Path) -> Iterator[str]:
    limits = _limits(process)
    if limits.get("Max file size") != "0":
        yield "its limit on files"
    if limits.get("Max core file size") != "0":
        yield "its limit on core dumps"
    threads = list((process / "task").glob("*")) or [process]
    statuses = [_status(thread) for thread in threads]
    if any(status.get("NoNewPrivs") != "1" for status in statuses):
        yield "no_new_privs"
    if any(status.get("Seccomp") != _FILTERED for status in statuses):
        yield "seccomp"


def _limits(process: Path) -> dict[str, str]:
    """Hard limits by name; columns are 26 characters wide (proc_pid_limits(5))."""
    try:
        lines = (process / "limits").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {line[:26].strip(): line[47:68].strip() for line in lines}


def _status(thread: Path) -> dict[str, str]:
    try:
        lines = (thread / "status").read_text().splitlines()
    except OSError:
        return {"NoNewPrivs": "1", "Seccomp": _FILTERED}  # it has just ended
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
