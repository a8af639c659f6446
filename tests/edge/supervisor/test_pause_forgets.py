"""A pause ends the process that saw: two seconds later no process of ours holds a marker that the camera showed.

The camera is a stream on loopback, because that is the only live source that needs no hardware; the way of a pause is
the same for all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sensor.types import Image
from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.conftest import unavailable
from tests.pictures.mjpeg_camera import MjpegCamera, mjpeg_camera
from tests.places import ROOT
from tests.processes.memory import family, holds

pytestmark = [pytest.mark.privacy, pytest.mark.process, pytest.mark.broker, pytest.mark.shared]

PAUSE, RESUME = b'{"schema": "passerby.cmd/1", "id": "p"}', b'{"schema": "passerby.cmd/1", "id": "r"}'
TOPIC = "passerby/site/device/cmd"
WITHIN_S = 2.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path / "mosquitto").start()
    yield mosquitto
    mosquitto.stop()


def marker() -> bytes:
    """A JPEG of noise: every stretch of it, packed or not, is like no other bytes."""
    noise = np.random.default_rng(20261121).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    ok, packed = cv2.imencode(".jpg", noise)
    assert ok
    return packed.tobytes()


def stretches(camera: MjpegCamera, packed: bytes) -> list[bytes]:
    """What to look for: pieces of the JPEG, and of the picture as the sensor's own library unpacks it."""
    capture = cv2.VideoCapture(camera.url, cv2.CAP_FFMPEG)
    ok, image = capture.read()
    capture.release()
    assert ok
    frame: Image = np.ascontiguousarray(image)
    rows = [frame[row].tobytes()[300:364] for row in range(20, 340, 40)]
    return [packed[at : at + 64] for at in range(2_000, len(packed) - 64, 20_000)] + rows


def test_two_seconds_after_a_pause_no_process_holds_what_the_camera_showed(
    broker: Mosquitto, shared: Path, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        unavailable("reading the memory of a process that forbids it needs root")
    packed = marker()
    listener = Listener(broker)
    with mjpeg_camera(packed) as camera:
        needles = stretches(camera, packed)
        running = _start(camera, broker, shared, tmp_path)
        try:
            eventually(lambda: any(holds(pid, needles) for pid in family(running.pid)), "the marker in the sensor")
            for word, payload in (("pause", PAUSE), ("resume", RESUME), ("pause", PAUSE)):
                told_at = time.monotonic()
                listener.publish(f"{TOPIC}/{word}", payload)
                if word == "resume":
                    eventually(lambda: any(holds(pid, needles) for pid in family(running.pid)), "the marker again")
                    continue
                _forgotten(running.pid, needles, told_at)
                eventually(lambda: b'"state":"paused"' in listener.payloads("health")[-1], "health says so")
                assert camera.watchers == 0
                assert not any(holds(pid, needles) for pid in family(running.pid))
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
            listener.close()


def _forgotten(pid: int, needles: list[bytes], since: float) -> None:
    """Fails where the marker is still, or again, in a process more than two seconds after the pause."""
    while any(holds(each, needles) for each in family(pid)):
        assert time.monotonic() - since < WITHIN_S, "the marker is still in memory"


def _start(camera: MjpegCamera, broker: Mosquitto, shared: Path, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PASSERBY_SHARED": str(shared), "PASSERBY_STATE": str(folder / "state")}
    environment |= {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "edge.cli", "run", "--source", camera.url, "--broker", broker.url, "--quiet"]
    command += ["--set", "camera.allow_network_source=true", "--set", "publish.health_interval_s=1"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
