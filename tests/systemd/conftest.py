"""One booted Debian with Passerby installed by install.sh from a folder of wheels, no network."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_program, unavailable
from tests.places import ROOT
from tests.systemd.machine import Machine, make_root
from tests.systemd.wheels import all_wheels

PACKAGES = (
    "systemd", "systemd-sysv", "udev", "dbus", "python3", "python3-venv", "libseccomp2", "mosquitto",
    "mosquitto-clients", "strace", "iproute2", "procps",
)  # fmt: skip
INSTALL = "/srv/passerby/systemd/install.sh"
FLAGS = ("--wheels", "/srv/passerby/wheels", "--models", "/srv/shared/models")
SETTINGS = """\
[identity]
site = "lab"
device = "lab-1"
[camera]
source = "/srv/passerby/clip/faces.h264"
realtime = true
[broker]
url = "mqtt://127.0.0.1:1883"
reconnect_max_s = 1.0
[publish]
health_interval_s = 1.0
[visits]
max_dwell_s = 10.0
"""


@dataclass
class Appliance:
    """A machine with Passerby on it."""

    machine: Machine
    install_s: float
    said: str

    def events(self, kind: str = "visit") -> list[dict[str, Any]]:
        """Events of a kind that the broker has given its subscriber, in the order of their arrival."""
        lines = self.machine.path("/srv/events.log").read_text().splitlines()
        return [json.loads(line.partition(" ")[2]) for line in lines if f"/{kind} {{" in line]

    def watch(self) -> None:
        """Subscribe, as a client that the broker remembers."""
        self.machine.run("touch", "/srv/events.log")
        words = "exec mosquitto_sub -h 127.0.0.1 -i watcher -c -q 1 -v -t 'passerby/#' >> /srv/events.log"
        self.machine.run(
            "systemd-run", "--unit", "watcher", "--collect", "--property=Restart=always", "sh", "-c", words
        )

    def pid(self, half: str) -> int:
        """Process of `sensor` or `publisher`; 0 where none runs."""
        return int(self.machine.show(f"passerby-{half}.service", "MainPID"))

    def active(self, half: str) -> bool:
        """Whether that half has said that it is ready and runs."""
        return self.machine.show(f"passerby-{half}.service", "ActiveState") == "active"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return all_wheels(
        tmp_path_factory.mktemp("appliance") / "wheels", python="3.13", machine="x86_64", extras="openvino"
    )


@pytest.fixture(scope="session")
def machine(shared: Path, wheels: Path) -> Iterator[Machine]:
    if os.geteuid() != 0:
        unavailable("booting a systemd needs root")
    if os.uname().machine != "x86_64":
        unavailable("the root file system is for x86-64")
    for program in ("unshare", "nsenter", "debootstrap"):
        need_program(program)
    with tempfile.TemporaryDirectory(prefix="passerby-lab-", dir="/var/tmp") as name:
        folder = Path(name)
        clip = folder / "clip"
        clip.mkdir()
        faces = (shared / "video" / "two-faces-768x432.h264").read_bytes()
        (clip / "faces.h264").write_bytes(faces * 6)  # a minute: raw H.264 may be strung together
        binds = {
            Path(shutil.copytree(ROOT / "systemd", folder / "systemd")): "/srv/passerby/systemd",
            wheels: "/srv/passerby/wheels",
            clip: "/srv/passerby/clip",
            shared: "/srv/shared",
        }
        booted = Machine(make_root("trixie", "amd64", PACKAGES), folder / "overlay", binds)
        try:
            booted.boot()
            yield booted
        finally:
            booted.cut_power()
            shutil.rmtree(folder / "overlay", ignore_errors=True)


@pytest.fixture(scope="session")
def appliance(machine: Machine) -> Appliance:
    machine.write("/etc/passerby/passerby.toml", SETTINGS)
    begun = time.monotonic()
    said = machine.run(INSTALL, *FLAGS, timeout_s=900)
    found = Appliance(machine, time.monotonic() - begun, said)
    found.watch()
    return found
