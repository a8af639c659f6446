"""A pause at the device, with the real sensor: it holds over restarts, and no command from afar undoes it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge.link.peer import SOCKET_NAME
from edge.publisher.link_server import LinkServer
from edge.schemas.link import Ack, HealthMessage, HealthRequest, Pause, Resume, VisitMessage
from tests.places import ROOT

pytestmark = [pytest.mark.process, pytest.mark.shared]

PATIENCE_S = 40.0


class Device:
    """The state folder of a device, the publisher's end of its link, and the sensor on it."""

    def __init__(self, folder: Path) -> None:
        self.flag = folder / "paused"
        self.server = LinkServer(folder / SOCKET_NAME)
        self.health: list[HealthMessage] = []
        self._environment = {**os.environ, "PASSERBY_STATE": str(folder), "PYTHONPATH": str(ROOT)}
        self._sensor: subprocess.Popen[bytes] | None = None

    def start(self, source: str = "fake:20000") -> None:
        words = ["sensor", "--source", source, "--realtime", "--set", "attributes.enabled=false"]
        words += ["--set", "publish.health_interval_s=1"]
        self._sensor = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *words], env=self._environment, cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def until(self, there: Callable[[HealthMessage], bool]) -> HealthMessage:
        """Listen until the sensor says that; returns what it said."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for message in self.server.receive(100):
                if isinstance(message, VisitMessage):
                    self.server.send(Ack(session=message.session, counter=message.counter))
                elif isinstance(message, HealthMessage) and there(message):
                    return message
            time.sleep(0.02)
        raise AssertionError("the sensor did not say it in time")

    def stop(self) -> None:
        if self._sensor is not None:
            self._sensor.terminate()
            self._sensor.wait(20)


@pytest.fixture
def device() -> Iterator[Device]:
    with TemporaryDirectory() as folder:
        made = Device(Path(folder))
        with closing(made.server):
            yield made
            made.stop()


def test_a_flag_pauses_and_its_end_resumes(device: Device) -> None:
    device.start()
    device.until(lambda health: health.state == "running" and health.frames > 0)
    device.flag.touch()
    paused = device.until(lambda health: health.state == "paused")
    device.server.send(HealthRequest())
    later = device.until(lambda health: health.state == "paused")
    assert later.frames == paused.frames, "nothing is read meanwhile"
    device.flag.unlink()
    device.until(lambda health: health.state == "running" and health.frames > paused.frames)


def test_a_command_does_not_undo_a_pause_at_the_device(device: Device) -> None:
    device.start()
    device.until(lambda health: health.state == "running")
    device.flag.touch()
    device.server.send(Pause())
    device.until(lambda health: health.state == "paused")
    device.server.send(Resume())
    device.server.send(HealthRequest())
    device.until(lambda health: health.state == "paused")
    device.flag.unlink()
    device.until(lambda health: health.state == "running")


def test_the_end_of_a_pause_at_the_device_does_not_undo_a_command(device: Device) -> None:
    device.start()
    device.until(lambda health: health.state == "running")
    device.server.send(Pause())
    device.flag.touch()
    device.until(lambda health: health.state == "paused")
    device.flag.unlink()
    for _ in range(3):  # three health intervals
        device.until(lambda health: health.state == "paused")
    device.server.send(Resume())
    device.until(lambda health: health.state == "running")


def test_a_sensor_that_starts_in_a_pause_opens_nothing(device: Device) -> None:
    device.flag.touch()
    device.start()
    assert device.until(lambda health: health.state == "paused").frames == 0
    device.flag.unlink()
    device.until(lambda health: health.state == "running" and health.frames > 0)


def test_a_sensor_waits_for_the_publisher_s_first_word_before_it_opens_anything(device: Device) -> None:
    device.start()
    deadline = time.monotonic() + PATIENCE_S
    while not device.server.linked and time.monotonic() < deadline:
        assert device.server.receive(10) == []
    device.server.send(Pause())
    assert device.until(lambda health: True).state == "paused", "its first word is not that it sees"
    device.server.send(Resume())
    device.until(lambda health: health.state == "running" and health.frames > 0)


def test_a_command_pauses_a_sensor_that_waits_for_its_camera(device: Device) -> None:
    device.start("/dev/video77")
    device.until(lambda health: health.state == "camera_lost")
    device.server.send(Pause())
    device.until(lambda health: health.state == "paused")
    device.server.send(Resume())
    device.until(lambda health: health.state == "camera_lost")
