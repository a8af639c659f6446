"""The product's own claim, held against the kernel: `passerby run` on every shared clip, under strace.

What is shown here, and no more: after its lock the sensor opens no file for writing, changes none and makes no IP
socket (it does not even try); it never made one before; no process looks up a name or writes outside its state folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers.mosquitto import Mosquitto
from tests.conftest import need_program
from tests.places import ROOT
from tests.processes.strace_log import Process, read_log, trace

pytestmark = [pytest.mark.privacy, pytest.mark.process, pytest.mark.strace, pytest.mark.broker, pytest.mark.shared]

CLIPS = ("two-faces-768x432.h264", "entrance-1080p.mp4", "walking-480x270.gif", "no-faces-768x432.mp4")
IP = {"AF_INET", "AF_INET6"}
HARMLESS = {"/dev/null"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path / "mosquitto").start()
    yield mosquitto
    mosquitto.stop()


class _Run:
    """One traced `passerby run`, with empty folders for its state and its home."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        need_program("strace")
        self.state, self.home = folder / "state", folder / "home"
        self.home.mkdir()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PASSERBY_", "XDG_"))}
        environment |= {
            "PASSERBY_SHARED": os.environ.get("PASSERBY_SHARED", ""),
            "PASSERBY_STATE": str(self.state),
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",  # an installed package is compiled by its installer
        }
        command = [sys.executable, "-m", "edge.cli", "run", *arguments]
        log = folder / "strace.log"
        done = trace(command, log, environment=environment, timeout_s=600)
        self.code, self.said = done.returncode, done.stderr
        self.processes = read_log(log)

    def process(self, word: str) -> Process:
        (found,) = [process for process in self.processes if f"edge.cli {word} " in process.program]
        return found

    def outside(self) -> set[str]:
        """Paths that any process wrote, made or changed outside its state folder."""
        written = set().union(*(process.paths("write", "change") for process in self.processes))
        return {path for path in written if not Path(path).is_relative_to(self.state)} - HARMLESS


def _assert_the_sensor_is_mute(sensor: Process) -> None:
    assert sensor.locked
    assert sensor.seen("write", "change", locked=True) == []
    assert sensor.seen("write", "change", locked=True, done=False) == []
    assert sensor.paths("write", "change") <= HARMLESS
    for done in (True, False):
        assert not IP & {what.split()[1] for what in sensor.seen("socket", done=done)}


def _assert_nobody_asks_for_names_or_writes_elsewhere(run: _Run) -> None:
    for process in run.processes:
        assert process.seen("lookup") == process.seen("lookup", done=False) == [], process.program
    assert run.outside() == set()
    assert list(run.home.iterdir()) == []


@pytest.mark.parametrize("clip", CLIPS)
def test_the_sensor_of_a_real_run_writes_nothing_and_reaches_nobody(
    shared: Path, broker: Mosquitto, tmp_path: Path, clip: str
) -> None:
    run = _Run(tmp_path, "--source", str(shared / "video" / clip), "--broker", broker.url)

    assert run.code == 0, run.said[-2000:]
    assert "seccomp" in run.said
    _assert_the_sensor_is_mute(run.process("sensor"))
    _assert_nobody_asks_for_names_or_writes_elsewhere(run)
    assert IP & run.process("publisher").paths("socket")  # the reader would have seen it


@pytest.mark.parametrize("target", ["onnxruntime:CPU", "opencv:CPU"])
def test_other_runtimes_keep_to_it_too(shared: Path, broker: Mosquitto, tmp_path: Path, target: str) -> None:
    clip = str(shared / "video" / "walking-480x270.gif")
    run = _Run(tmp_path, "--source", clip, "--broker", broker.url, "--target", target)

    assert run.code == 0, run.said[-2000:]
    _assert_the_sensor_is_mute(run.process("sensor"))
    _assert_nobody_asks_for_names_or_writes_elsewhere(run)
