"""`passerby bench`: what it says, by name, and that the figures can be; how good they are is not tested here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import fields

from edge.cli.bench import CLIP, print_tables
from edge.sensor.geometry import Box
from edge.sensor.types import Detection
from edge.workbench.bench.faces import count_found
from edge.workbench.bench.footprint import Footprint
from edge.workbench.bench.measure import Report
from edge.workbench.bench.probes import MemoryFrames, Recorder
from tests.edge.sensor.inference.scripted import ScriptedSession
from tests.pictures.clips import draw
from tests.places import ROOT

pytestmark = [pytest.mark.benchmark, pytest.mark.process, pytest.mark.xdist_group("bench")]

PROMISED = (
    "seed_ms_per_frame", "passerby_ms_per_frame", "inference_ms_per_frame", "ratio", "overhead",
    "stages_ms_per_frame", "sensor_peak_mb", "publisher_peak_mb", "seed_peak_mb", "outbox_events_per_s",
)  # fmt: skip


@pytest.fixture(scope="module")
def report(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of one small run, as a program reads them."""
    folder = tmp_path_factory.mktemp("bench")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PASSERBY_")}
    environment |= {"PASSERBY_SHARED": str(shared), "HOME": str(folder), "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "edge.cli", "bench", "--frames", "20", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == [], "left behind"
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.shared
def test_a_program_finds_every_promised_figure(report: dict[str, Any]) -> None:
    assert set(PROMISED) <= set(report)
    assert set(report) == {field.name for kind in (Report, Footprint) for field in fields(kind)}


@pytest.mark.shared
def test_figures_are_positive_and_fit_each_other(report: dict[str, Any]) -> None:
    times = [report[name] for name in PROMISED if name != "stages_ms_per_frame"]
    assert all(math.isfinite(value) and value > 0 for value in [*times, *report["stages_ms_per_frame"].values()])
    assert report["ratio"] == pytest.approx(report["seed_ms_per_frame"] / report["passerby_ms_per_frame"])
    assert report["overhead"] == pytest.approx(report["passerby_ms_per_frame"] / report["inference_ms_per_frame"])
    assert report["idle_share"] == pytest.approx(report["idle_ms_per_frame"] / report["passerby_ms_per_frame"])
    assert len(report["stages_ms_per_frame"]) >= 6


@pytest.mark.shared
def test_what_was_seen_is_what_is_in_the_clip(report: dict[str, Any]) -> None:
    assert report["clip"] == Path(CLIP).name
    assert (report["frames"], report["rounds"], report["visits"]) == (20, 1, 2)
    assert report["faces_reference"] == 40
    assert 36 <= report["faces_found"] <= 40
    assert report["looks"] >= 2


@pytest.mark.shared
def test_people_read_tables(report: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(report)
    shown = capsys.readouterr().out
    for words in ("the same inference calls, bare", "peak memory, sensor", "outbox", "faces found"):
        assert words in shown


def face(x: float) -> Detection:
    return Detection(Box(x, 0, x + 10, 10), 0.9)


@pytest.mark.parametrize(
    ("reference", "seen", "count"),
    [
        ([face(0), face(50)], [face(1), face(51)], 2),
        ([face(0), face(50)], [face(1)], 1),
        ([face(0), face(1)], [face(0)], 1),  # one seen face is not two
        ([face(0)], [face(6)], 0),  # overlaps by a quarter only
        ([], [face(0)], 0),
    ],
)
def test_faces_are_found_where_they_overlap(reference: list[Detection], seen: list[Detection], count: int) -> None:
    assert count_found([reference], [seen]) == count


def test_the_recorder_runs_the_very_same_calls_again() -> None:
    inputs = [{"image": np.full((1, 2, 2, 3), n, np.uint8)} for n in range(3)]
    session = ScriptedSession([{"scores": np.zeros((1, 1), np.float32)}] * 5)
    recorder = Recorder()
    wrapped = recorder.wrap(session)
    for number, given in enumerate(inputs):
        recorder.recording = number > 0
        wrapped.start(given)
        wrapped.wait()
    recorder.recording = False
    recorder.replay()
    assert [int(np.max(seen["image"])) for seen in session.seen] == [0, 1, 2, 1, 2]


def test_frames_in_memory_are_a_source_with_an_end() -> None:
    source = MemoryFrames([draw(n) for n in range(3)], fps=10)
    times = []
    while (frame := source.read()) is not None:
        times.append(frame.captured_at)
    assert times == [0.0, 0.1, 0.2]
    assert source.read() is None
