"""Passerby as an installer gets it: install.sh, then two services under a real systemd, with all that may happen."""

from __future__ import annotations

import json
import re
import signal
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from tests.systemd.conftest import FLAGS, INSTALL, Appliance
from tests.systemd.machine import within
from tests.systemd.releases import offer

pytestmark = [pytest.mark.systemd, pytest.mark.shared]

HALVES = ("publisher", "sensor")
EXPOSURE = {"sensor": 1.0, "publisher": 1.5}
PSEUDO = {
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/pts/ptmx",
    "/dev/ptmx",
}
PROBE = Path(__file__).parent / "probe.py"


def _both_run(appliance: Appliance) -> bool:
    return all(appliance.active(half) for half in HALVES)


def _some_visits(appliance: Appliance, more: int = 1) -> None:
    wanted = len(appliance.events()) + more
    within(40, lambda: len(appliance.events()) >= wanted, f"{more} more visits at the broker")


def test_it_installs_from_wheels_and_runs(appliance: Appliance) -> None:
    print(f"install.sh took {appliance.install_s:.1f} s")  # the bar, on a quiet machine, is 180

    assert appliance.said.splitlines()[-1].endswith("runs")
    assert _both_run(appliance)
    _some_visits(appliance)


def test_the_sensor_has_locked_itself_with_every_wall(appliance: Appliance) -> None:
    within(20, lambda: "locked: " in appliance.machine.journal("passerby-sensor"), "the sensor's lock")
    said = appliance.machine.journal("passerby-sensor")

    assert "rlimit_fsize, rlimit_core, non_dumpable, no_new_privs, seccomp, landlock" in said


def test_done_again_it_changes_nothing(appliance: Appliance) -> None:
    before = [appliance.pid(half) for half in HALVES]

    said = appliance.machine.run(INSTALL, *FLAGS)

    assert "nothing to do" in said
    assert [appliance.pid(half) for half in HALVES] == before


@pytest.mark.parametrize("half", HALVES)
def test_the_exposure_is_small(appliance: Appliance, half: str) -> None:
    said = appliance.machine.run("systemd-analyze", "security", "--no-pager", f"passerby-{half}.service")
    exposure = float(re.findall(r"exposure level for \S+: ([0-9.]+)", said)[0])
    print(f"{half}: {exposure}")

    assert exposure <= EXPOSURE[half]


def test_systemd_finds_no_fault_in_the_units_with_any_drop_in(appliance: Appliance) -> None:
    machine = appliance.machine
    units = [f"/etc/systemd/system/passerby-{half}.service" for half in HALVES]
    for name in ("coral", "ncs2", "jetson", "rtsp"):
        folder = "/etc/systemd/system/passerby-sensor.service.d"
        machine.run("cp", f"/srv/passerby/systemd/drop-ins/{name}.conf", f"{folder}/99-verified.conf")
        done = machine.start("systemd-analyze", "verify", "--man=no", *units)
        said = "".join(done.communicate(timeout=60))
        machine.run("rm", f"{folder}/99-verified.conf")
        assert (name, done.returncode, said) == (name, 0, "")


def _probe(appliance: Appliance, half: str, drop_in: str = "") -> dict[str, Any]:
    """What a program can do in the unit of a half, with a drop-in or none: the installed unit, but another program."""
    machine, unit = appliance.machine, f"passerby-{half}.service"
    text = machine.run("cat", f"/etc/systemd/system/{unit}")
    text = re.sub(r"^ExecStart=.*$", "ExecStart=/usr/bin/python3 -IB /usr/local/lib/probe.py", text, flags=re.MULTILINE)
    text = re.sub(r"^(Type|Restart|WatchdogSec|PartOf|Wants|After)=.*$", "", text, flags=re.MULTILINE)
    machine.write(f"/etc/systemd/system/probe-{half}.service", text.replace("[Service]", "[Service]\nType=oneshot"))
    machine.write("/usr/local/lib/probe.py", PROBE.read_text())
    folder = f"/etc/systemd/system/probe-{half}.service.d"
    machine.run("rm", "-rf", folder)
    if drop_in:
        machine.run("install", "-D", f"/srv/passerby/systemd/drop-ins/{drop_in}.conf", f"{folder}/50-{drop_in}.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", f"probe-{half}.service", check=False)
    said = machine.run("journalctl", "--boot", "--no-pager", "--output=cat", "--unit", f"probe-{half}.service")
    lines = [line for line in said.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1])
    machine.run("rm", "-rf", folder, f"/etc/systemd/system/probe-{half}.service")
    return found


def test_the_sensor_s_unit_leaves_no_path_to_write_and_nobody_to_reach(appliance: Appliance) -> None:
    found = _probe(appliance, "sensor")

    assert found["writable"] == []
    assert found["families"] == ["unix", "netlink"]
    assert found["interfaces"] == ["lo"]
    assert found["readable"] == []
    assert found["credentials"] == {}
    assert int(found["capabilities"], 16) == 0


def test_the_ncs2_drop_in_opens_a_private_tmp_and_nothing_else(appliance: Appliance) -> None:
    closed, opened = _probe(appliance, "sensor"), _probe(appliance, "sensor", "ncs2")

    assert opened.pop("writable") == ["/tmp"]
    assert opened == {name: found for name, found in closed.items() if name != "writable"}


@pytest.mark.parametrize("name", ["coral", "jetson"])
def test_the_drop_ins_for_devices_open_no_file_and_no_network(appliance: Appliance, name: str) -> None:
    found = _probe(appliance, "sensor", name)

    assert (found["writable"], found["families"], found["interfaces"]) == ([], ["unix", "netlink"], ["lo"])


def test_only_the_rtsp_drop_in_opens_the_sensor_to_ip(appliance: Appliance) -> None:
    found = _probe(appliance, "sensor", "rtsp")

    assert found["families"] == ["unix", "inet", "inet6", "netlink"]
    assert found["writable"] == []


def test_the_publisher_s_unit_has_no_device_two_folders_and_its_credentials(appliance: Appliance) -> None:
    appliance.machine.write("/etc/passerby/credentials/broker-password", "secret\n", mode=0o600)

    found = _probe(appliance, "publisher")

    assert set(found["devices"]) <= PSEUDO
    assert not any(path.startswith("/dev/video") for path in found["devices"])
    assert sorted(set(found["writable"]) - {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}) == [
        "/run/passerby",
        "/var/lib/passerby",
    ]
    assert found["families"] == ["unix", "inet", "inet6"]
    assert found["readable"] == ["/var/lib/passerby"]
    assert found["credentials"]["broker-password"] == "secret\n"
    assert found["credentials"]["client.key"] == "\n"
    assert int(found["capabilities"], 16) == 0


@pytest.mark.parametrize("half", HALVES)
def test_a_hang_is_killed_and_started_again_within_ten_seconds(appliance: Appliance, half: str) -> None:
    within(30, lambda: _both_run(appliance), "both halves")
    before = appliance.pid(half)
    appliance.machine.run("kill", "-STOP", str(before))

    took_s = within(
        15, lambda: appliance.pid(half) not in (0, before) and appliance.active(half), f"a fresh {half}", every_s=0.05
    )
    print(f"{half}: ready again {took_s:.1f} s after it hung")

    assert took_s <= 10
    assert "Watchdog timeout" in appliance.machine.journal(f"passerby-{half}")


@pytest.mark.parametrize("half", HALVES)
def test_kill_9_is_followed_by_a_fresh_process_and_new_visits(appliance: Appliance, half: str) -> None:
    within(30, lambda: _both_run(appliance), "both halves")
    before = appliance.pid(half)

    appliance.machine.run("kill", f"-{signal.SIGKILL.value}", str(before))

    within(15, lambda: appliance.pid(half) not in (0, before) and appliance.active(half), f"a fresh {half}")
    _some_visits(appliance)


def test_a_paused_sensor_is_ready_however_often_it_starts(appliance: Appliance) -> None:
    _command(appliance, "pause")
    within(20, lambda: _state(appliance) == "paused", "health says paused")
    before = appliance.pid("sensor")
    appliance.machine.run("systemctl", "restart", "passerby-sensor")  # comes back only when it has said READY

    within(20, lambda: _state(appliance) == "paused", "health says paused")
    assert appliance.active("sensor")
    assert appliance.pid("sensor") != before
    _command(appliance, "resume")
    _some_visits(appliance)


def _command(appliance: Appliance, name: str) -> None:
    text = json.dumps({"id": name})
    appliance.machine.run(
        "mosquitto_pub", "-h", "127.0.0.1", "-q", "1", "-t", f"passerby/lab/lab-1/cmd/{name}", "-m", text
    )


def _state(appliance: Appliance) -> str:
    return _states(appliance, -1)[-1]


def _states(appliance: Appliance, since: int) -> list[str]:
    """Of the sensor, as health told from its `since`th time on; empty where no sensor was linked."""
    told = [health["sensor"] for health in appliance.events("health")[since:]]
    return [str(sensor["state"]) if sensor else "" for sensor in told]


def test_it_stops_within_five_seconds_with_open_visits_delivered(appliance: Appliance) -> None:
    appliance.machine.run("systemctl", "restart", "passerby-sensor")
    within(20, lambda: appliance.active("sensor"), "the sensor")
    before = len(appliance.events("live"))
    within(20, lambda: any(live["people"] for live in appliance.events("live")[before:]), "somebody in front")
    known = {visit["event_id"] for visit in appliance.events()}

    begun = time.monotonic()
    appliance.machine.run("systemctl", "stop", "passerby.target", "passerby-sensor", "passerby-publisher")
    took_s = time.monotonic() - begun
    print(f"stopped in {took_s:.1f} s")

    assert took_s <= 5
    fresh = [visit for visit in appliance.events() if visit["event_id"] not in known]
    assert "stopped" in {visit["end_reason"] for visit in fresh}
    appliance.machine.run("systemctl", "start", "passerby.target")
    within(20, lambda: _both_run(appliance), "both halves")


def test_what_was_not_delivered_survives_a_power_cut_and_arrives_after_the_boot(appliance: Appliance) -> None:
    machine = appliance.machine
    _some_visits(appliance)
    machine.run("systemctl", "stop", "mosquitto")
    within(40, lambda: _kept(appliance) >= 2, "visits in the outbox")
    kept = _kept(appliance)
    last = max(appliance.events(), key=lambda visit: int(visit["seq"]))

    machine.cut_power()
    machine.boot()
    appliance.watch()

    within(30, lambda: _both_run(appliance), "both halves after the boot")
    within(30, lambda: len(_after(appliance, last)) >= kept, f"{kept} kept visits at the broker")
    seqs = sorted({visit["seq"] for visit in _after(appliance, last)})
    assert seqs == list(range(last["seq"] + 1, last["seq"] + 1 + len(seqs)))


def _kept(appliance: Appliance) -> int:
    """Rows of the outbox, as its own file says."""
    count = "import sqlite3; c = sqlite3.connect('file:/var/lib/passerby/outbox.sqlite3?mode=ro', uri=True); "
    count += "print(c.execute('select count(*) from events').fetchone()[0])"
    return int(appliance.machine.run("/usr/bin/python3", "-c", count))


def _after(appliance: Appliance, last: dict[str, Any]) -> list[dict[str, Any]]:
    return [v for v in appliance.events() if v["boot_id"] == last["boot_id"] and v["seq"] > last["seq"]]


def test_an_orderly_reboot_brings_both_back_and_a_pause_at_the_device_with_them(appliance: Appliance) -> None:
    machine = appliance.machine
    assert "/var/lib/passerby-pause/paused" in machine.run("passerby", "pause")
    within(20, lambda: _state(appliance) == "paused", "health says paused")
    told = len(appliance.events("health"))
    machine.shut_down()
    machine.boot()
    appliance.watch()

    within(30, lambda: _both_run(appliance), "both halves after the boot")
    _command(appliance, "resume")  # of the broker, which has no say in this
    within(20, lambda: _states(appliance, told)[-3:] == ["paused"] * 3, "health after the boot")
    assert "running" not in _states(appliance, told)
    machine.run("passerby", "resume")
    _some_visits(appliance)


def test_a_press_of_the_button_pauses_and_the_next_one_resumes(appliance: Appliance) -> None:
    machine = appliance.machine
    within(30, lambda: _both_run(appliance), "both halves")
    machine.run("mkfifo", "--mode=644", "/etc/button")  # stands in for an input device
    unit = "/etc/systemd/system/passerby-button.service.d/50-test.conf"
    machine.write(unit, "[Service]\nEnvironment=PASSERBY_BUTTON=/etc/button\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "passerby-button")
    press = struct.pack("llHHi", 0, 0, 1, 119, 1)

    for wanted in ("paused", "running"):
        machine.path("/etc/button").write_bytes(press)
        within(20, lambda wanted=wanted: _state(appliance) == wanted, f"health says {wanted}")
    machine.run("systemctl", "stop", "passerby-button")
    machine.run("rm", "-r", "/etc/button", str(Path(unit).parent))
    machine.run("systemctl", "daemon-reload")


def test_doctor_finds_the_walls_round_the_sensor_that_runs(appliance: Appliance) -> None:
    within(30, lambda: _both_run(appliance), "both halves")
    words = ("passerby", "doctor", "--config", "/etc/passerby/passerby.toml", "--json")
    found = json.loads(appliance.machine.run(*words, check=False))["findings"]
    verdicts = {(finding["check"], finding["verdict"]) for finding in found}
    told = [finding["found"] for finding in found if finding["check"] == "sandbox"]

    assert {("camera", "pass"), ("models", "pass"), ("broker", "pass"), ("disk", "pass")} <= verdicts
    assert {name for name, verdict in verdicts if verdict == "fail"} == set(), found
    assert any(f"sensor {appliance.pid('sensor')}: no file can grow" in line for line in told), told


def _version(appliance: Appliance) -> str:
    return appliance.machine.run("passerby", "--version").strip()


def test_an_upgrade_keeps_settings_and_outbox(appliance: Appliance, wheels: Path) -> None:
    machine = appliance.machine
    within(30, lambda: _both_run(appliance), "both halves")
    settings = machine.path("/etc/passerby/passerby.toml").read_text()
    machine.run("systemctl", "stop", "mosquitto")
    within(40, lambda: _kept(appliance) >= 1, "a visit in the outbox")

    said = machine.run(INSTALL, "--wheels", offer(appliance.machine, wheels, "0.9.1"), *FLAGS[2:], timeout_s=900)

    assert "0.9.1" in said.splitlines()[-1]
    assert _version(appliance) == "0.9.1"
    assert _both_run(appliance)
    assert machine.path("/etc/passerby/passerby.toml").read_text() == settings
    assert _kept(appliance) >= 1
    assert len(list(machine.path("/opt/passerby/releases").iterdir())) == 2
    machine.run("systemctl", "start", "mosquitto")
    within(30, lambda: _kept(appliance) == 0, "delivery by the new version")


def test_a_version_that_does_not_get_ready_gives_way_to_the_one_before(appliance: Appliance, wheels: Path) -> None:
    folder = offer(appliance.machine, wheels, "0.9.2", "import time\ntime.sleep(1e6)\n")
    unit = appliance.machine.path("/etc/systemd/system/passerby-sensor.service").read_text()

    done = appliance.machine.start(INSTALL, "--wheels", folder, *FLAGS[2:], PASSERBY_READY_S="15")
    said, complained = done.communicate(timeout=900)

    assert done.returncode == 1, said + complained
    assert "is not ready after 15 s: back to /opt/passerby/releases/0.9.1-" in complained
    assert _version(appliance) == "0.9.1"
    assert _both_run(appliance)
    assert appliance.machine.path("/etc/systemd/system/passerby-sensor.service").read_text() == unit
    _some_visits(appliance)


def test_a_setting_that_is_wrong_stops_an_upgrade_before_anything_changes(appliance: Appliance, wheels: Path) -> None:
    settings = appliance.machine.path("/etc/passerby/passerby.toml")
    good, before = settings.read_text(), [appliance.pid(half) for half in HALVES]
    settings.write_text(good + "[camra]\nfps = 3\n")

    done = appliance.machine.start(INSTALL, "--wheels", offer(appliance.machine, wheels, "0.9.3"), *FLAGS[2:])
    complained = done.communicate(timeout=900)[1]
    settings.write_text(good)

    assert done.returncode == 2
    assert "camra" in complained
    assert _version(appliance) == "0.9.1"
    assert [appliance.pid(half) for half in HALVES] == before


def test_it_can_be_removed_with_and_without_what_it_knows(appliance: Appliance) -> None:
    machine = appliance.machine
    dry = machine.run(INSTALL, "--uninstall", "--purge", "--dry-run")
    assert "would run: rm -rf /etc/passerby /var/lib/passerby" in dry
    assert _both_run(appliance)

    machine.run(INSTALL, "--uninstall")
    assert [appliance.pid(half) for half in HALVES] == [0, 0]
    assert machine.path("/etc/passerby/passerby.toml").exists()
    assert machine.path("/var/lib/passerby/outbox.sqlite3").exists()

    machine.run(INSTALL, "--uninstall", "--purge")
    left = machine.run("find", "/etc", "/opt", "/usr/local", "/var/lib", "/run", "-name", "*passerby*")
    assert left == ""
    assert "passerby" not in machine.run("cat", "/etc/passwd") + machine.run("cat", "/etc/group")
