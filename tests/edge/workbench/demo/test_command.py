"""`passerby demo` on a machine with no camera, no broker, no network and an empty home."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.cli.schema import json_schema
from tests.conftest import unavailable
from tests.places import ROOT

NEW_USER, NEW_NET = 0x10000000, 0x40000000
WITHOUT_NETWORK = f"""
import ctypes, fcntl, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare({NEW_NET}) and libc.unshare({NEW_USER | NEW_NET}):
    sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
with socket.socket() as control:  # bring up the loopback interface, the only one there is
    fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 1))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def may_leave_the_network() -> bool:
    """Whether this user may have a network namespace of its own; some containers forbid it."""
    return subprocess.run([sys.executable, "-c", WITHOUT_NETWORK, "-c", "pass"], check=False).returncode == 0


class Demo:
    """One run of the demo, with nothing around it."""

    def __init__(self, folder: Path, shared: Path, *words: str, alone: bool = False) -> None:
        self.home, self.scratch = folder / "home", folder / "tmp"
        self.home.mkdir()
        self.scratch.mkdir()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PASSERBY_", "XDG_"))}
        environment |= {"PASSERBY_SHARED": str(shared), "HOME": str(self.home), "TMPDIR": str(self.scratch)}
        way = ["-c", WITHOUT_NETWORK] if alone else []
        command = [sys.executable, *way, "-m", "edge.cli", "demo", "--source", "demo:", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        self.code, self.said, self.complained = done.returncode, done.stdout, done.stderr

    def messages(self, kind: str) -> list[Any]:
        lines = [json.loads(line) for line in self.said.splitlines()]
        return [line["payload"] for line in lines if line["topic"] == f"passerby/demo/device/{kind}"]

    def left_behind(self) -> list[Path]:
        return [*self.home.rglob("*"), *self.scratch.rglob("*")]


@pytest.fixture
def portraits() -> None:
    for package in ("amqtt", "skimage", "matplotlib"):
        if importlib.util.find_spec(package) is None:
            unavailable(f"{package} is not installed (passerby[demo])")


pytestmark = [pytest.mark.process, pytest.mark.shared, pytest.mark.usefixtures("portraits")]


def test_two_people_are_two_visits_and_nothing_is_left_behind(tmp_path: Path, shared: Path) -> None:
    demo = Demo(tmp_path, shared, "--fast", "--json", alone=may_leave_the_network())
    assert demo.code == 0, demo.complained
    assert demo.complained == ""
    visits = demo.messages("visit")
    for visit in visits:
        jsonschema.Draft202012Validator(json_schema("visit-1")).validate(visit)
    assert len(visits) == 2
    assert visits[0]["gender"]["label"] == "female"
    assert all(visit["dwell_s"] >= 5 and visit["attention_s"] >= 3 for visit in visits)
    assert demo.messages("status") == ["online", "stopped"]
    assert demo.messages("info")[0]["site"] == "demo"
    assert demo.left_behind() == []


def test_people_read_a_line_an_event(tmp_path: Path, shared: Path) -> None:
    demo = Demo(tmp_path, shared, "--fast")
    assert demo.code == 0, demo.complained
    kinds = [line.split()[0] for line in demo.said.splitlines()]
    assert kinds[0].startswith("source")
    assert kinds[1] == "status"
    assert kinds.count("visit") == 2
    assert kinds[-1] == "status"
    assert all("{" not in line for line in demo.said.splitlines())


def test_missing_networks_are_named_with_the_way_to_get_them(tmp_path: Path) -> None:
    demo = Demo(tmp_path, tmp_path / "nothing", "--fast", "--set", "models.set=best")
    assert demo.code == 3, demo.complained
    assert "passerby models fetch yunet-2023mar" in demo.complained
    assert demo.complained.count("\n") == 1
    assert demo.left_behind() == []
