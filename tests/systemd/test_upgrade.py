"""From one release to another and back, with visits under way and a thousand waiting: none is lost, none is doubled."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.conftest import FLAGS, INSTALL, SETTINGS, Appliance
from tests.systemd.machine import Machine, within
from tests.systemd.releases import held, offer

pytestmark = [pytest.mark.systemd, pytest.mark.shared]

HALVES = ("publisher", "sensor")
WAITING = 1000
CLIP, LONG_CLIP, REPEATS = "/srv/passerby/clip/faces.h264", "/srv/long.h264", 15
"""Raw H.264 may be joined end to end: for a quarter of an hour somebody is in view, whenever a sensor is stopped."""
STEADY = SETTINGS.replace(CLIP, LONG_CLIP).replace("max_dwell_s = 10.0", "max_dwell_s = 3600.0")
BROKER = "max_queued_messages 0\n"
"""A subscriber that connects late gets all of them."""
FILL = f"""
from pathlib import Path
from edge.publisher.events import Composer, WallClock
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft
from edge.schemas.link import VisitMessage
from edge.settings.settings_file import load_settings

settings = load_settings(Path("/etc/passerby/passerby.toml"))
composer = Composer(settings, "nano@1.0.0", WallClock(1))
messages = [
    VisitMessage(
        session=1, counter=counter, started_s=1, dwell_halves=9, attention_halves=4, glances=counter, gender="female",
        gender_percent=90, taxonomy="ads-8", bracket=3, age_percent=70,
        interval_low=2, interval_high=3, samples=5, quality_percent=80,
        target="openvino:CPU", historical=False, end_reason="left",
    )
    for counter in range(1, {WAITING} + 1)
]
outbox = Outbox(Path("/var/lib/passerby/outbox.sqlite3"), settings.outbox)
outbox.put([Draft(message.session, message.counter, "visit", composer.visit(message)) for message in messages])
outbox.close()
"""


@pytest.fixture
def kiosk(machine: Machine) -> Iterator[Appliance]:
    """The services with a broker that is away and a thousand visits in the outbox."""
    machine.run("systemctl", "stop", "watcher", check=False)
    machine.write("/srv/events.log", "")
    machine.write("/etc/mosquitto/conf.d/upgrade.conf", BROKER)
    machine.write("/etc/passerby/passerby.toml", SETTINGS)
    machine.run("systemctl", "restart", "mosquitto")
    machine.run(INSTALL, *FLAGS)
    found = Appliance(machine, 0.0, "")
    found.watch()
    within(40, lambda: found.events(), "the first visit at the broker")
    machine.run("systemctl", "stop", "mosquitto")
    machine.run("systemctl", "stop", "passerby.target", "passerby-sensor", "passerby-publisher")
    machine.run(
        "runuser", "-u", "passerby-publisher", "-g", "passerby", "--", "/opt/passerby/current/bin/python", "-IBc", FILL
    )
    machine.run("sh", "-c", f"for _ in $(seq {REPEATS}); do cat {CLIP}; done > {LONG_CLIP}")
    machine.write("/etc/passerby/passerby.toml", STEADY)
    machine.run("systemctl", "start", "passerby.target")
    yield found
    machine.run("rm", "/etc/mosquitto/conf.d/upgrade.conf", LONG_CLIP)


def _in_view(kiosk: Appliance) -> int:
    """Wait until the sensor has somebody in view; how many visits were handed over by a stop so far."""
    within(60, lambda: all(kiosk.active(half) for half in HALVES) and _seeing_s(kiosk) > 3, "a sensor that sees")
    return held(kiosk.machine).reasons.count("stopped")


def _seeing_s(kiosk: Appliance) -> float:
    """Seconds since the sensor was locked and said READY."""
    shown = kiosk.machine.run("systemctl", "show", "--value", "-p", "ActiveEnterTimestampMonotonic", "passerby-sensor")
    return time.monotonic() - int(shown) / 1e6


def _version(kiosk: Appliance) -> str:
    return kiosk.machine.run("passerby", "--version").strip()


def test_nothing_is_lost_or_doubled_over_upgrade_roll_back_and_restarts(kiosk: Appliance, wheels: Path) -> None:
    machine, first, lost = kiosk.machine, _version(kiosk), _may_be_lost(kiosk)
    assert len(held(machine).reasons) >= WAITING

    handed = _in_view(kiosk)
    machine.run(INSTALL, "--wheels", offer(machine, wheels, "0.9.5"), *FLAGS[2:])
    assert _version(kiosk) == "0.9.5"
    assert held(machine).reasons.count("stopped") > handed, "the upgrade"

    handed = _in_view(kiosk)
    spoilt = offer(machine, wheels, "0.9.6", "import time\ntime.sleep(1e6)\n")
    done = machine.start(INSTALL, "--wheels", spoilt, *FLAGS[2:], PASSERBY_READY_S="10")
    assert "back to /opt/passerby/releases/0.9.5-" in done.communicate(timeout=900)[1]
    assert held(machine).reasons.count("stopped") > handed, "an upgrade that was taken back"

    handed = _in_view(kiosk)
    machine.run(INSTALL, *FLAGS)
    assert _version(kiosk) == first
    assert held(machine).reasons.count("stopped") > handed, "the way back by hand"

    handed = _in_view(kiosk)
    machine.run("systemctl", "restart", "passerby-sensor")
    assert held(machine).reasons.count("stopped") > handed, "a restart of the sensor"

    _in_view(kiosk)
    sensor = kiosk.pid("sensor")
    machine.run("systemctl", "restart", "passerby-publisher")
    _in_view(kiosk)
    assert kiosk.pid("sensor") == sensor, "the sensor keeps its visits while the publisher restarts"

    _everything_arrives(kiosk)
    assert _may_be_lost(kiosk) == lost


def _everything_arrives(kiosk: Appliance) -> None:
    machine = kiosk.machine
    machine.run("systemctl", "stop", "passerby-sensor")
    outbox = held(machine)
    assert len(outbox.reasons) > WAITING
    assert outbox.last_seq == outbox.taken, "every visit that a sensor counted has its place"
    machine.run("systemctl", "start", "mosquitto")
    within(120, lambda: not held(machine).reasons, "an empty outbox")
    machine.run("systemctl", "restart", "watcher")
    within(60, lambda: len(_seqs(kiosk, outbox.boot_id)) >= outbox.last_seq, "all at the subscriber")
    assert _seqs(kiosk, outbox.boot_id) == set(range(1, outbox.last_seq + 1))
    events = {json.dumps(event, sort_keys=True) for event in kiosk.events() if event["boot_id"] == outbox.boot_id}
    assert len(events) == len({json.loads(event)["event_id"] for event in events}) == outbox.last_seq
    print(f"{outbox.last_seq} visits, {len(kiosk.events())} messages")


def _seqs(kiosk: Appliance, boot_id: str) -> set[int]:
    return {event["seq"] for event in kiosk.events() if event["boot_id"] == boot_id}


def _may_be_lost(kiosk: Appliance) -> int:
    """How often a sensor has said that visits may be lost."""
    return kiosk.machine.journal("passerby-sensor").count("may be lost")
