"""Faults of an accelerator while the real sensor runs: the frame loop goes on, and every change is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.catalog.lookup import Catalog
from edge.publisher.link_server import LinkServer
from edge.schemas.link import Ack, HealthMessage, LiveMessage, SensorMessage, VisitMessage
from edge.sensor.assemble import make_book, make_stages, open_networks
from edge.sensor.pipeline import Outcome, Pipeline
from edge.sensor.sources.fake import ScriptedSource
from edge.sensor.sources.pacing import Realtime
from edge.sensor.types import Frame, VisitSummary
from edge.settings.settings import Accelerators, Detection, Models, Settings
from tests.edge.sensor.inference.accelerators.conftest import fake_command
from tests.models.accelerated import OUTPUTS, install
from tests.pictures.portraits import two_portraits
from tests.places import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.process, pytest.mark.shared]

LONGEST_STALL_S = 1.0
FAULTS = ("crash", "hang", "device", "exit", "garbled")
SETTINGS = Settings(
    models=Models(set="accelerated", targets=("coral:usb", "openvino:CPU")),
    accelerators=Accelerators(answer_s=0.5, start_s=8.0, restart_initial_s=0.2, restart_max_s=0.4),
    detection=Detection(motion=0),  # it never idles
)
LIVES: tuple[Mapping[str, Any], ...] = (
    *({"good": 15, "then": fault} for fault in FAULTS),
    {"load": "library"},
    {"load": "firmware"},
    {"load": "crash"},
    {},
)


class Sink:
    """Takes what the pipeline says."""

    def __init__(self) -> None:
        self.visits: list[VisitSummary] = []

    def visit(self, summary: VisitSummary) -> None:
        self.visits.append(summary)

    def send(self, message: SensorMessage) -> None:
        pass

    def commands(self) -> list[Any]:
        return []

    def flush(self, timeout_s: float) -> bool:
        return True


class Beats:
    """When a frame was done, and on which target."""

    def __init__(self, target: Callable[[], str]) -> None:
        self.at: list[float] = []
        self.targets: list[str] = []
        self._target = target

    def beat(self, frame_at: float) -> None:
        self.at.append(time.monotonic())
        self.targets.append(self._target())

    def ask(self) -> None:
        pass


def frames(count: int, fps: float) -> Iterator[Frame]:
    """Two portraits that do not move, at their own pace."""
    image = two_portraits()
    for index in range(count):
        yield Frame(image, index, index / fps)


def test_no_fault_stalls_the_frame_loop_for_a_second_and_none_loses_a_frame(shared: Path, tmp_path: Path) -> None:
    catalog = install(tmp_path, shared)
    command = fake_command(*LIVES, shapes=OUTPUTS)
    networks = open_networks(SETTINGS, catalog, worker_command=lambda target: command)
    with closing(networks.accelerators):
        beats, sink = Beats(lambda: networks.target), Sink()
        stages = make_stages(SETTINGS, networks, make_book(SETTINGS, networks), sink)
        done = lambda: len(beats.targets) > 300 and set(beats.targets[-20:]) == {"coral:usb"}  # noqa: E731
        pipeline = Pipeline(stages, pulse=beats, stop=done)
        outcome = pipeline.run(Realtime(ScriptedSource(frames(1200, 30))))
        (device,) = networks.accelerators.devices
        assert device.losses == len(FAULTS)
    stalls = [later - earlier for earlier, later in pairwise(beats.at)]
    moves = [(a, b) for a, b in pairwise(beats.targets) if a != b]
    print(f"{len(stalls)} frames, {len(moves)} moves, longest stall {max(stalls):.3f} s")
    assert outcome is Outcome.STOPPED
    assert max(stalls) < LONGEST_STALL_S
    assert moves == [("coral:usb", "openvino:CPU"), ("openvino:CPU", "coral:usb")] * len(FAULTS)
    assert pipeline.counters.detections == pipeline.counters.frames
    assert pipeline.counters.faces > 0, "what stands in sees the portraits, which the scripted worker does not"


def taken(server: LinkServer) -> list[SensorMessage]:
    """What the sensor said; its visits are acknowledged."""
    messages = server.receive(100)
    for message in messages:
        if isinstance(message, VisitMessage):
            server.send(Ack(session=message.session, counter=message.counter))
    return messages


def spawn(catalog: Catalog, link: Path, *lives: Mapping[str, Any]) -> subprocess.Popen[str]:
    settings = msgspec.structs.replace(
        SETTINGS,
        camera=msgspec.structs.replace(SETTINGS.camera, source="fake:300", realtime=True, fps=60),
        publish=msgspec.structs.replace(SETTINGS.publish, live_interval_s=0.2, health_interval_s=60),
    )
    command = json.dumps(fake_command(*lives, shapes=OUTPUTS))
    arguments = [str(link), command, msgspec.json.encode(settings).decode()]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.edge.sensor.inference.accelerators.sensor_process", *arguments],
        env={**os.environ, "PASSERBY_MODELS": str(catalog.installed), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_the_locked_sensor_tells_each_change_and_starts_its_worker_again(shared: Path, tmp_path: Path) -> None:
    catalog = install(tmp_path, shared)
    told: list[SensorMessage] = []
    with tempfile.TemporaryDirectory() as folder, closing(LinkServer(Path(folder) / "link")) as server:
        sensor = spawn(catalog, Path(folder) / "link", {"good": 30, "then": "crash"}, {"load": "device"}, {})
        try:
            while sensor.poll() is None:
                told += taken(server)
                time.sleep(0.02)
            told += taken(server)
            log = sensor.communicate(timeout=20)[1]
        finally:
            sensor.kill()
    assert sensor.returncode == 0, log
    assert "locked: rlimit_fsize" in log
    health = [message for message in told if isinstance(message, HealthMessage)]
    states = [(message.accelerator, message.accelerator_fault, message.target) for message in health]
    assert states[0] == ("running", "none", "coral:usb")
    assert ("lost", "crash", "openvino:CPU") in states
    assert states[-1][0::2] == ("running", "coral:usb")
    assert health[-1].fallbacks == 1
    targets = [message.target for message in told if isinstance(message, LiveMessage)]
    assert [a for a, b in pairwise([*targets, ""]) if a != b] == ["coral:usb", "openvino:CPU", "coral:usb"]
    assert "coral:usb: lost (crash): its worker ended with signal 11" in log
    assert "coral:usb: is back" in log
