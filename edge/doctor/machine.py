"""The machine: clock, disk, swap, memory cgroup, heat. `root` stands in for / in tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.doctor.findings import Finding, bad, doubtful, good
from edge.machine.clock_sync import clock_synced
from edge.machine.heat import SINCE_BOOT, THROTTLED, UNDER_VOLTAGE, Heat, read_heat
from edge.settings.settings import Settings

ROOT = Path("/")
NO_TIME_BEFORE = 1_767_225_600.0
"""2026-01-01: a clock before it was never set."""
LITTLE_BYTES = 50_000_000
NEAR_C = 5.0


def check_clock(wall: Callable[[], float] = time.time, synced: Callable[[], bool] = clock_synced) -> Finding:
    """Whether the time is right, as far as the kernel knows."""
    if wall() < NO_TIME_BEFORE:
        return bad(
            "clock",
            f"the clock shows {time.strftime('%Y-%m-%d', time.gmtime(wall()))}",
            "set it, or connect a time server",
        )
    if synced():
        return good("clock", "kept by a time daemon")
    return doubtful("clock", "no time daemon keeps it", "timedatectl set-ntp true, and let UDP port 123 out")


def check_disk(settings: Settings, state: Path) -> Finding:
    """Whether the state folder can be written and the outbox has room."""
    folder = next((place for place in (state, *state.parents) if place.exists()), state)
    if not os.access(folder, os.W_OK | os.X_OK):
        return bad(
            "disk", f"{folder} cannot be written by this user", f"sudo chown $USER {folder}, or set PASSERBY_STATE"
        )
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e6:,.0f} MB free in {folder}"
    if free < LITTLE_BYTES:
        return bad("disk", found, "free some space: visits wait in the sensor's memory when it is full")
    if free < settings.outbox.max_bytes:
        return doubtful(
            "disk", f"{found}, the outbox may take {settings.outbox.max_bytes / 1e6:,.0f}", "lower outbox.max_bytes"
        )
    return good("disk", found)


def check_swap(root: Path = ROOT) -> Finding:
    """Memory that is swapped out to a disk may hold a frame; zram stays in memory."""
    lines = (root / "proc/swaps").read_text().splitlines()[1:]
    on_disk = [line.split()[0] for line in lines if not line.startswith("/dev/zram")]
    if on_disk:
        return doubtful(
            "swap",
            f"{', '.join(on_disk)}: a frame may be swapped out to disk",
            f"sudo swapoff {on_disk[0]}, and remove it from /etc/fstab",
        )
    return good("swap", "compressed memory only" if lines else "off")


def check_memory_cgroup(root: Path = ROOT) -> Finding:
    """Whether a unit's MemoryMax and MemorySwapMax do anything."""
    try:
        controllers = (root / "sys/fs/cgroup/cgroup.controllers").read_text().split()
    except OSError:
        return doubtful("memory cgroup", "no cgroups of version 2 here", "boot with systemd.unified_cgroup_hierarchy=1")
    if "memory" in controllers:
        return good("memory cgroup", "on")
    return doubtful(
        "memory cgroup",
        "off: MemoryMax does nothing",
        "add cgroup_enable=memory to /boot/firmware/cmdline.txt and restart",
    )


def check_heat(heat: Heat | None = None) -> Iterator[Finding]:
    """Heat now, and what has happened since boot."""
    now = read_heat() if heat is None else heat
    happened = now.happened or _vcgencmd() >> SINCE_BOOT
    degrees = "no thermometer" if now.temperature_c is None else f"{now.temperature_c:.0f} degrees"
    hot = now.temperature_c is not None and now.temperature_c >= (now.limit_c or 80.0) - NEAR_C
    if now.throttled or hot:
        slow = "the machine slows down" if now.throttled else "near the limit"
        yield doubtful("temperature", f"{degrees}, {slow}", "cool it, or lower camera.fps and models.threads")
    elif happened & THROTTLED:
        yield doubtful(
            "temperature", f"{degrees}, but the machine slowed down since boot", "cool it: a heat sink, a fan, less sun"
        )
    else:
        yield good("temperature", degrees)
    if now.under_voltage or happened & UNDER_VOLTAGE:
        yield doubtful("power", "under-voltage now or since boot", "use a stronger power supply and a shorter cable")


def _vcgencmd() -> int:
    """Flags of a Raspberry Pi whose kernel has no file for them."""
    program = shutil.which("vcgencmd")
    if program is None:
        return 0
    try:
        done = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=5)
        return int(done.stdout.partition("=")[2], 16)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0
