"""A camera that hangs, with the real sensor: the visit ends at its last new picture, and health says so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import FRESH_PROCESS
from edge.link.peer import SOCKET_NAME
from edge.publisher.link_server import LinkServer
from edge.schemas.link import Ack, HealthMessage, VisitMessage
from tests.pictures.mjpeg_camera import mjpeg_camera
from tests.pictures.portraits import portrait_of_astronaut
from tests.places import ROOT

pytestmark = pytest.mark.process

PATIENCE_S = 60.0
FPS, NEW = 20.0, 80


def pictures() -> list[bytes]:
    """Somebody who stands there for four seconds, with a camera's noise: on a busy machine the first are missed."""
    rng = np.random.default_rng(1)
    portrait = portrait_of_astronaut()
    noisy = (np.clip(portrait + rng.integers(-4, 5, portrait.shape), 0, 255).astype(np.uint8) for _ in range(NEW))
    return [cv2.imencode(".jpg", picture)[1].tobytes() for picture in noisy]


def test_a_camera_that_hangs_is_reported_and_its_visit_ends_with_its_last_picture(tmp_path: Path) -> None:
    visits, states = list[VisitMessage](), list[str]()
    with mjpeg_camera(*pictures(), fps=FPS) as camera, closing(LinkServer(tmp_path / SOCKET_NAME)) as server:
        words = ["sensor", "--source", camera.url, "--set", "camera.allow_network_source=true"]
        words += ["--set", "camera.frozen_s=1", "--set", "attributes.enabled=false"]
        sensor = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PASSERBY_STATE": str(tmp_path), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        while sensor.poll() is None and time.monotonic() < deadline:
            for message in server.receive(100):
                if isinstance(message, VisitMessage):
                    visits.append(message)
                    server.send(Ack(session=message.session, counter=message.counter))
                elif isinstance(message, HealthMessage):
                    states.append(message.state)
            time.sleep(0.02)
        _, log = sensor.communicate(timeout=20)
    assert sensor.returncode == FRESH_PROCESS
    assert "camera: frozen for 1 s: the same picture again and again" in log
    assert states[-1] == "camera_lost"
    [visit] = visits
    assert visit.end_reason == "stopped"
    assert 0 < visit.dwell_halves <= 2 * NEW / FPS
