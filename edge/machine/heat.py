"""How hot the machine is and whether it slows down because of it, read from sysfs without starting a program.

Sources: Documentation/ABI/testing/sysfs-class-thermal of the kernel (Jetson, Raspberry Pi, PCs); `get_throttled` of the
Raspberry Pi's firmware driver, whose bits are those of `vcgencmd get_throttled`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")
_FIRMWARE = ("devices/platform/soc/soc:firmware/get_throttled", "devices/platform/*/*firmware/get_throttled")
_CHIPS = ("cpu", "gpu", "soc", "tj", "x86_pkg", "bcm2835")
"""Words in the type of a zone that is the chip itself, not the case or a charger."""
_COLDEST_C, _HOTTEST_C = -30.0, 150.0
"""Zones outside this range have no sensor (some on Jetsons read -256)."""
UNDER_VOLTAGE, FREQUENCY_CAPPED, THROTTLED, SOFT_LIMIT = 1, 2, 4, 8
SINCE_BOOT = 16
"""Shift of the same bits that say what has happened since boot."""


@dataclass(frozen=True, slots=True)
class Heat:
    """One reading. `limit_c`: where the kernel begins to slow down, None where it does not report it."""

    temperature_c: float | None
    limit_c: float | None
    throttled: bool
    under_voltage: bool
    happened: int = 0
    """Bits of what has happened since boot (Raspberry Pi)."""


def read_heat(root: Path = SYS) -> Heat:
    """Hottest zone of the chip, lowest limit and flags; what the machine does not report stays None or False."""
    zones = _zones(root)
    flags = _firmware_flags(root)
    return Heat(
        max((temperature for temperature, _ in zones), default=None),
        min((limit for _, limits in zones for limit in limits), default=None),
        bool(flags & (FREQUENCY_CAPPED | THROTTLED | SOFT_LIMIT)) or _cools_now(root),
        bool(flags & UNDER_VOLTAGE),
        flags >> SINCE_BOOT,
    )


def _zones(root: Path) -> list[tuple[float, list[float]]]:
    """Temperature and limits of the chip's zones, or of all where no zone has such a name."""
    found = []
    for zone in sorted(root.glob("class/thermal/thermal_zone*")):
        temperature = _number(zone / "temp")
        if temperature is not None and _COLDEST_C < temperature / 1000 < _HOTTEST_C:
            found.append((_word(zone / "type").lower(), temperature / 1000, list(_limits(zone))))
    chips = [zone for zone in found if any(word in zone[0] for word in _CHIPS)]
    return [(temperature, limits) for _, temperature, limits in chips or found]


def _limits(zone: Path) -> Iterator[float]:
    """Trip points at which something is slowed down; `critical` is where it is switched off."""
    for kind in zone.glob("trip_point_*_type"):
        limit = _number(kind.with_name(kind.name.replace("_type", "_temp")))
        if _word(kind) in ("passive", "hot") and limit is not None and limit > 0:
            yield limit / 1000


def _cools_now(root: Path) -> bool:
    """Whether a processor is slowed down now; fans cool too, and slow nothing."""
    for device in root.glob("class/thermal/cooling_device*"):
        kind = _word(device / "type").lower()
        if "fan" not in kind and any(word in kind for word in ("cpu", "gpu", "processor", "devfreq")):
            state = _number(device / "cur_state")
            if state is not None and state > 0:
                return True
    return False


def _firmware_flags(root: Path) -> int:
    for pattern in _FIRMWARE:
        for file in root.glob(pattern):
            try:
                return int(_word(file), 16)
            except ValueError:
                continue
    return 0


def _number(file: Path) -> int | None:
    try:
        return int(_word(file))
    except ValueError:
        return None


def _word(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:  # a zone may refuse to be read while its sensor sleeps
        return ""
