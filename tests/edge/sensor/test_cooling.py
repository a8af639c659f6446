"""Heat read from trees like sysfs, and what the sensor does about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.machine.heat import FREQUENCY_CAPPED, UNDER_VOLTAGE, Heat, read_heat
from edge.sensor.cooling import Governor
from edge.sensor.sources.fake import ScriptedSource
from edge.sensor.sources.pacing import Limited
from edge.sensor.types import Frame
from edge.settings.settings import Thermal

THERMAL = "class/thermal"


def tree(root: Path, files: dict[str, str]) -> Path:
    """Files of a sysfs, by path."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return root


def test_a_raspberry_pi_tells_temperature_and_flags(tmp_path: Path) -> None:
    sys = tree(
        tmp_path,
        {
            f"{THERMAL}/thermal_zone0/type": "cpu-thermal",
            f"{THERMAL}/thermal_zone0/temp": "61322",
            f"{THERMAL}/thermal_zone0/trip_point_0_type": "critical",
            f"{THERMAL}/thermal_zone0/trip_point_0_temp": "110000",
            "devices/platform/soc/soc:firmware/get_throttled": "50005",
        },
    )
    assert read_heat(sys) == Heat(61.322, None, throttled=True, under_voltage=True, happened=5)


@pytest.mark.parametrize(
    ("flags", "throttled", "under_voltage"),
    [("0", False, False), ("1", False, True), ("2", True, False), ("8", True, False), ("80000", False, False)],
)
def test_each_flag_is_read(tmp_path: Path, flags: str, throttled: bool, under_voltage: bool) -> None:
    heat = read_heat(tree(tmp_path, {"devices/platform/soc/soc:firmware/get_throttled": flags}))
    assert (heat.throttled, heat.under_voltage) == (throttled, under_voltage)
    assert (UNDER_VOLTAGE, FREQUENCY_CAPPED) == (1, 2)


def test_a_jetson_tells_its_hottest_zone_its_limit_and_that_it_slows_down(tmp_path: Path) -> None:
    zones = {"cpu-thermal": "71000", "gpu-thermal": "74500", "cv0-thermal": "-256000", "tj-thermal": "74500"}
    files = {}
    for number, (kind, temperature) in enumerate(zones.items()):
        files[f"{THERMAL}/thermal_zone{number}/type"] = kind
        files[f"{THERMAL}/thermal_zone{number}/temp"] = temperature
    files |= {
        f"{THERMAL}/thermal_zone0/trip_point_0_type": "active",
        f"{THERMAL}/thermal_zone0/trip_point_0_temp": "50000",
        f"{THERMAL}/thermal_zone0/trip_point_1_type": "passive",
        f"{THERMAL}/thermal_zone0/trip_point_1_temp": "99000",
        f"{THERMAL}/cooling_device0/type": "pwm-fan",
        f"{THERMAL}/cooling_device0/cur_state": "3",
        f"{THERMAL}/cooling_device1/type": "cpufreq-cpu0",
        f"{THERMAL}/cooling_device1/cur_state": "0",
    }
    assert read_heat(tree(tmp_path, files)) == Heat(74.5, 99.0, throttled=False, under_voltage=False)
    files[f"{THERMAL}/cooling_device1/cur_state"] = "2"
    assert read_heat(tree(tmp_path, files)).throttled


def test_a_machine_that_tells_nothing_is_not_hot(tmp_path: Path) -> None:
    assert read_heat(tmp_path) == Heat(None, None, throttled=False, under_voltage=False)


def test_a_zone_that_is_no_number_or_is_not_readable_is_left_out(tmp_path: Path) -> None:
    sys = tree(tmp_path, {f"{THERMAL}/thermal_zone0/type": "cpu", f"{THERMAL}/thermal_zone0/temp": "N/A"})
    (sys / THERMAL / "thermal_zone1" / "temp").mkdir(parents=True)
    assert read_heat(sys).temperature_c is None


class Machine:
    """A machine whose temperature the test sets."""

    def __init__(self) -> None:
        self.now, self.heat = 0.0, Heat(50.0, None, throttled=False, under_voltage=False)

    def set(self, temperature_c: float | None, *, throttled: bool = False, limit_c: float | None = None) -> None:
        self.heat = Heat(temperature_c, limit_c, throttled=throttled, under_voltage=False)

    def govern(self, settings: Thermal | None = None, fps: float = 30.0) -> Governor:
        return Governor(settings or Thermal(), fps, lambda: self.heat, lambda: self.now)

    def rates(self, governor: Governor, checks: int) -> list[float]:
        """Frames a second after each check; 30 stands for no limit."""
        found = []
        for _ in range(checks):
            self.now += 5.0
            governor.check()
            found.append(round(1 / governor.interval_s, 2) if governor.interval_s else 30.0)
        return found


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_the_rate_is_halved_while_it_is_hot_and_never_falls_below_the_least(machine: Machine) -> None:
    governor = machine.govern()
    assert machine.rates(governor, 2) == [30.0, 30.0]
    machine.set(75.0)
    assert machine.rates(governor, 6) == [15.0, 7.5, 3.75, 2.0, 2.0, 2.0]
    assert governor.cooling == "slowed"


def test_it_gets_faster_only_after_a_while_well_below(machine: Machine) -> None:
    governor = machine.govern()
    machine.set(76.0)
    assert machine.rates(governor, 2) == [15.0, 7.5]
    machine.set(72.0)  # within the hysteresis
    assert machine.rates(governor, 10) == [7.5] * 10
    machine.set(69.0)
    assert machine.rates(governor, 12) == [7.5] * 5 + [15.0] * 6 + [30.0]
    assert governor.cooling == "normal"


def test_a_machine_that_already_slows_down_is_helped_whatever_it_says_of_its_heat(machine: Machine) -> None:
    governor = machine.govern()
    machine.set(None, throttled=True)
    assert machine.rates(governor, 2) == [15.0, 7.5]
    assert governor.cooling == "throttled"


def test_it_begins_below_the_kernels_own_limit_or_where_the_settings_say(machine: Machine) -> None:
    machine.set(93.0, limit_c=99.0)
    assert machine.rates(machine.govern(), 1) == [30.0]
    machine.set(94.0, limit_c=99.0)
    assert machine.rates(machine.govern(), 1) == [7.5], "one step at its start, one at the check"
    machine.set(60.0)
    assert machine.rates(machine.govern(Thermal(slow_from_c=60.0)), 1) == [7.5]


def test_a_change_is_told_once(machine: Machine) -> None:
    governor = machine.govern()
    assert not governor.check()
    machine.now = 5.0
    machine.set(90.0)
    assert governor.check()
    assert not governor.check(), "it is not time to check again"


def test_nothing_is_said_of_a_machine_without_a_thermometer(machine: Machine) -> None:
    machine.set(None)
    governor = machine.govern()
    assert (governor.cooling, governor.temperature_c, governor.interval_s) == ("unknown", None, 0.0)


def test_frames_keep_the_distance_that_is_asked_for(tmp_path: Path) -> None:
    now, interval_s, slept = 0.0, 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(round(seconds, 3))
        now += seconds

    frames = [Frame(None, index, 0.0) for index in range(4)]  # type: ignore[arg-type]
    source = Limited(ScriptedSource(frames, live=True), lambda: interval_s, clock=lambda: now, sleep=sleep)
    assert source.live
    assert [source.read(), source.read()] == frames[:2]
    interval_s = 0.5
    now += 0.2
    assert source.read() == frames[2]
    now += 1.0
    assert source.read() == frames[3]
    assert slept == [0.3]
