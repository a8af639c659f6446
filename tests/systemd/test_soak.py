"""Ten minutes in a shop: sixty random faults of the installed services, and nothing that was taken is lost.

PASSERBY_SOAK_S and PASSERBY_SOAK_FAULTS change its length, PASSERBY_SOAK_SEED repeats one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import pytest

from tests.conftest import need_program
from tests.models.accelerated import install
from tests.pictures.portraits import two_portraits
from tests.systemd.conftest import FLAGS, INSTALL, Appliance
from tests.systemd.faults import CLOCK, UNPLUGGED, draw, faults_of, play
from tests.systemd.machine import Machine, within

pytestmark = [pytest.mark.soak, pytest.mark.shared]

HERE = Path(__file__).parent
HALVES = ("publisher", "sensor")
SPAN_S = float(os.environ.get("PASSERBY_SOAK_S", "600"))
FAULTS = int(os.environ.get("PASSERBY_SOAK_FAULTS", "60"))
GROWTH = 0.05
STEADY_S = 10.0
"""A process is looked at when it has run for so long."""
SETTINGS = """\
[identity]
site = "lab"
device = "lab-1"
[camera]
source = "http://127.0.0.1:8090/live.mjpg"
allow_network_source = true
fps = 10
reopen_max_s = 1.0
[models]
set = "soak"
targets = ["ncs2", "openvino:CPU"]
[accelerators]
ncs2_python = "/usr/local/bin/stand-in"
restart_max_s = 2.0
[detection]
motion = 0
[tracking]
max_gap_s = 1.0
[broker]
url = "mqtt://127.0.0.1:1883"
reconnect_max_s = 1.0
[publish]
health_interval_s = 1.0
"""
SETS = """
schema = "passerby.sets/1"

[sets.soak]
version = "1.0.0"
description = "A detector that has a file for an accelerator."
detector = "accelerated"
attributes = ["age-gender-recognition-retail-0013"]
"""
STAND_IN = """\
#!/bin/sh
exec /opt/passerby/current/bin/python -IB /usr/local/lib/soak/stand_in.py \\
  /opt/passerby/current/lib/python3.13/site-packages/edge/sensor/inference/accelerators/workers %s
"""
CAMERA = """\
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/soak/scene_camera.py 8090 /usr/local/lib/soak
Restart=no
"""
JUMPING_CLOCK = f"""\
[Service]
Environment=LD_PRELOAD=/usr/local/lib/soak/libfaketime.so.1 FAKETIME_TIMESTAMP_FILE={CLOCK}
Environment=FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
"""
BROKER = """\
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
queue_qos0_messages true
"""
"""It acknowledges before it saves, so what it took must be at the subscriber by then: see tests/edge/publisher."""


@dataclass
class Memory:
    """Resident memory of a half over its lives: (seconds since the beginning, process, MB) while it is steady."""

    machine: Machine
    half: str
    begun: float = field(default_factory=time.monotonic)
    seen: dict[int, float] = field(default_factory=dict)
    steady: list[tuple[float, int, float]] = field(default_factory=list)

    def look(self) -> None:
        """Take a sample, if a process runs long enough."""
        now = time.monotonic()
        pid = int(self.machine.show(f"passerby-{self.half}.service", "MainPID"))
        if not pid or now - self.seen.setdefault(pid, now) < STEADY_S:
            return
        status = self.machine.path(f"/proc/{pid}/status")
        try:
            text = status.read_text()
        except OSError:
            return
        if "VmRSS:" in text:
            self.steady.append((now - self.begun, pid, int(text.partition("VmRSS:")[2].split()[0]) / 1024))

    def growth(self) -> float:
        """Share by which the last third of the samples is above the first."""
        values = [value for _, _, value in self.steady]
        third = len(values) // 3
        return median(values[-third:]) / median(values[:third]) - 1

    def longest_life(self) -> list[float]:
        """Samples of the process that was seen most."""
        lives: dict[int, list[float]] = defaultdict(list)
        for _, pid, value in self.steady:
            lives[pid].append(value)
        return max(lives.values(), key=len)


@pytest.fixture
def shop(machine: Machine, shared: Path, tmp_path: Path) -> Iterator[Appliance]:
    """The services behind a camera, an accelerator that stands in for one, a small disk and a clock that jumps."""
    soak = machine.path("/usr/local/lib/soak")
    soak.mkdir(parents=True)
    library = _faketime_library()
    for file in (HERE / "scene_camera.py", HERE / "stand_in.py", library):
        shutil.copyfile(file, soak / file.name)
    picture = two_portraits()
    for name, image in (("people.jpg", picture), ("nobody.jpg", np.full_like(picture, 96))):
        assert cv2.imwrite(str(soak / name), image)
    models = machine.path("/opt/passerby/models")
    models.mkdir(parents=True)
    install(models, shared)
    (models / "sets.toml").write_text(SETS)
    machine.write("/usr/local/bin/stand-in", STAND_IN % UNPLUGGED, mode=0o755)
    machine.write("/etc/passerby/passerby.toml", SETTINGS)
    machine.write(CLOCK, "+0h")
    machine.write("/srv/events.log", "")
    machine.write("/etc/mosquitto/conf.d/soak.conf", BROKER)
    machine.write("/etc/systemd/system/scene-camera.service", CAMERA)
    machine.write("/etc/systemd/system/passerby-publisher.service.d/50-soak.conf", JUMPING_CLOCK)
    machine.run("mkdir", "-p", "/var/lib/passerby")
    machine.run("mount", "-t", "tmpfs", "-o", "size=8M,mode=700", "tmpfs", "/var/lib/passerby")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "mosquitto", "scene-camera")
    said = machine.run(INSTALL, *FLAGS, "--with", "ncs2", "--with", "rtsp", timeout_s=900)
    found = Appliance(machine, 0.0, said)
    words = "exec mosquitto_sub -h 127.0.0.1 -i watcher -c -q 0 -v -t 'passerby/#' >> /srv/events.log"
    machine.run(
        "systemd-run", "--unit=watcher", "--property=Restart=always", "--property=RestartSec=100ms",
        "--property=StartLimitIntervalSec=0", "sh", "-c", words,
    )  # fmt: skip
    try:
        yield found
    finally:
        _print_what_they_said(machine)


def _faketime_library() -> Path:
    """What is loaded into a program that faketime starts; its own path may have $LIB in it."""
    wrapped = [need_program("faketime"), "-f", "+0d", "cat", "/proc/self/maps"]
    said = subprocess.run(wrapped, capture_output=True, text=True, check=True).stdout
    return Path(next(line.split()[-1] for line in said.splitlines() if "libfaketime" in line))


def test_random_faults_lose_no_visit_and_double_none(shop: Appliance) -> None:
    seed = int(os.environ.get("PASSERBY_SOAK_SEED", random.SystemRandom().randrange(10**6)))
    print(f"PASSERBY_SOAK_SEED={seed}")
    chance, machine = random.Random(seed), shop.machine
    within(40, lambda: len(shop.events()) >= 2, "the first visits")
    memories = [Memory(machine, half) for half in HALVES]

    def meanwhile() -> None:
        for memory in memories:
            memory.look()
        time.sleep(0.9)

    came = play(faults_of(machine, chance), draw(chance, FAULTS, SPAN_S), meanwhile)
    within(40, lambda: _well(shop), "both halves, the camera, the accelerator and an empty outbox")
    known = len(shop.events())
    within(40, lambda: len(shop.events()) >= known + 2, "visits after the last fault")
    machine.run("systemctl", "stop", "passerby-sensor")
    within(20, lambda: _life(shop)["rows"] == 0, "an empty outbox")
    events, life = shop.events(), _life(shop)
    restarts = {half: machine.show(f"passerby-{half}.service", "NRestarts") for half in HALVES}
    print(f"{sum(came.values())} faults {dict(came)}, {life['last_seq']} events, restarts {restarts}")
    print(f"{len(events) - len({event['event_id'] for event in events})} came twice, with their id")
    for memory in memories:
        long = memory.longest_life()
        print(
            f"{memory.half}: {len(memory.seen)} lives, {memory.steady[0][2]:.1f} MB to {memory.steady[-1][2]:.1f} MB,"
            f" growth {memory.growth():+.1%}; longest life {len(long)} samples, {long[0]:.1f} to {long[-1]:.1f} MB"
        )

    assert sum(came.values()) == FAULTS
    _nothing_is_lost(events, life)
    _nothing_is_doubled(events)
    assert shop.active("publisher")
    assert all(memory.growth() < GROWTH for memory in memories)


def _well(shop: Appliance) -> bool:
    health = shop.events("health")[-1]
    sensor = health["sensor"] or {}
    sees = sensor.get("state") == "running" and sensor.get("accelerator") == "running"
    return sees and all(shop.active(half) for half in HALVES) and _life(shop)["rows"] == 0


def _life(shop: Appliance) -> dict[str, Any]:
    """What the outbox itself says: its name, the last number it gave, how much it still holds."""
    program = (
        "import json, sqlite3; c = sqlite3.connect('file:/var/lib/passerby/outbox.sqlite3?mode=ro', uri=True); "
        "boot, last = c.execute('select boot_id, last_seq from life').fetchone(); "
        "rows = c.execute('select count(*) from events').fetchone()[0]; "
        "print(json.dumps({'boot_id': boot, 'last_seq': last, 'rows': rows}))"
    )
    found: dict[str, Any] = json.loads(shop.machine.run("/usr/bin/python3", "-c", program))
    return found


def _nothing_is_lost(events: list[dict[str, Any]], life: dict[str, Any]) -> None:
    """The sensor hears that a visit was taken after the commit that gave it its number: each number has arrived."""
    assert {event["boot_id"] for event in events} == {life["boot_id"]}
    missing = set(range(1, life["last_seq"] + 1)) - {event["seq"] for event in events}
    assert missing == set()


def _nothing_is_doubled(events: list[dict[str, Any]]) -> None:
    """One number, one id and one content each; and no two that say the same of the same moment."""
    texts = {json.dumps(event, sort_keys=True) for event in events}
    ids, seqs = {event["event_id"] for event in events}, {event["seq"] for event in events}
    assert len(texts) == len(ids) == len(seqs)
    contents = [
        json.dumps({name: value for name, value in json.loads(text).items() if name not in ("event_id", "seq")})
        for text in texts
    ]
    assert len(set(contents)) == len(contents)


def _print_what_they_said(machine: Machine) -> None:
    """For who has to find out."""
    for half in HALVES:
        lines = machine.journal(f"passerby-{half}").splitlines()
        print(f"--- {half}: {len(lines)} lines, the last of them:", *lines[-15:], sep="\n")
