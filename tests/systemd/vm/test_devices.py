"""Cameras, sticks, limits: what only a kernel with devices can show of the units and the installed product."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.vm, pytest.mark.shared]

PSEUDO = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}


def test_a_v4l2_camera_may_come_late_be_unplugged_and_come_back(told: dict[str, Any]) -> None:
    took = {step: told[step]["took_s"] for step in ("no camera", "plugged in", "unplugged", "plugged in again")}
    print(took)

    assert all(seconds >= 0 for seconds in took.values()), took
    assert (told["unplugged"]["device"], told["plugged in again"]["device"]) == (False, True)


def test_the_kernel_holds_the_sensor_to_the_unit_s_limits(told: dict[str, Any]) -> None:
    assert told["limits"] == {
        "cpu.max": "150000 100000",
        "memory.max": str(768 << 20),
        "memory.swap.max": "0",
        "pids.max": "128",
    }


def test_the_sensor_s_unit_opens_the_camera_and_no_other_device(told: dict[str, Any]) -> None:
    opened = {path.removeprefix("/dev/") for path in told["walls"]["devices"]}

    assert "video0" in opened
    assert {name for name in opened if not name.startswith("pts/")} - PSEUDO == {"video0", "media0"}
    assert {"vda", "ttyS0", "kmsg"} <= set(told["walls"]["there"]), "there is more that it could open"
    assert told["walls"]["writable"] == []


def test_a_stick_belongs_to_the_sensor_s_group(told: dict[str, Any]) -> None:
    assert told["stick"] == {"group": "passerby-sensor", "mode": "0o660"}


def test_doctor_sees_camera_stick_and_walls(told: dict[str, Any]) -> None:
    found = {(finding["check"], finding["verdict"]): finding["found"] for finding in told["doctor"]["findings"]}

    assert "vivid" in found["camera", "pass"]
    assert "coral:usb is plugged in and not used" in found["accelerators", "warn"]
    assert "no file can grow" in found["sandbox", "pass"]
    assert ("memory cgroup", "pass") in found
