"""Memory and outbox: each half in a process of its own, as it runs in the product.

`python -m edge.workbench.bench.footprint FLAGS` prints the figures as JSON. It is a process of its own because the
kernel counts a parent's memory at the fork towards the peak of its child.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import InferenceError, explain
from edge.machine.folders import models_dir
from edge.publisher.events import Composer, WallClock
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft
from edge.schemas.link import VisitMessage
from edge.settings.settings import Outbox as OutboxSettings
from edge.settings.settings import Settings

EVENTS, BATCH = 5_000, 100
NO_BROKER = "mqtt://127.0.0.1:1"


class Footprint(msgspec.Struct, frozen=True):
    """The product's two processes on a clip. Memory is peak resident, MB (10**6 bytes)."""

    sensor_peak_mb: float
    publisher_peak_mb: float
    seed_peak_mb: float
    """The tutorials' pipeline on ten frames."""
    first_frame_s: float
    """From the start of the sensor's process to its first frame being done."""
    outbox_events_per_s: float
    """Into an outbox on this disk, in commits of 100."""


def footprint(flags: Sequence[str]) -> Footprint:
    """Measure in a small process of its own. Raises InferenceError with the last lines of a half that failed."""
    command = [sys.executable, "-m", "edge.workbench.bench.footprint", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InferenceError(explain("the bench's own processes failed", got=done.stderr.strip()[-400:]))
    return msgspec.json.decode(done.stdout, type=Footprint)


def measure(flags: Sequence[str]) -> Footprint:
    """Run publisher and sensor with these flags until the clip ends, then the tutorials' pipeline."""
    with tempfile.TemporaryDirectory(prefix="passerby-bench-") as folder:
        os.environ.update(PASSERBY_MODELS=str(models_dir()), PASSERBY_STATE=folder)
        publisher = _start("publisher", "--quiet", "--broker", NO_BROKER)
        sensor = _start("sensor", *flags)
        said = sensor.stderr.read().decode() if sensor.stderr else ""
        sensor_mb = _ended_peak_mb(sensor)
        publisher.terminate()
        publisher_mb = _ended_peak_mb(publisher)
    first = re.search(r"first frame done ([0-9.]+) s", said)
    if sensor.returncode or first is None:
        sys.exit(said)
    seed_mb = _ended_peak_mb(_start("bench", "--seed-only", "--frames", "10", *flags))
    return Footprint(sensor_mb, publisher_mb, seed_mb, float(first[1]), outbox_events_per_s())


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "edge.cli", *arguments], stderr=subprocess.PIPE)


def _ended_peak_mb(process: subprocess.Popen[Any]) -> float:
    """Wait for a process; the kernel gives its peak memory only to the process that reaps it."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024 / 1_000_000


def outbox_events_per_s() -> float:
    """Events a second into an outbox on this disk, in commits of 100."""
    composer = Composer(Settings(), "bench@1.0.0", WallClock(1))
    drafts = [Draft(1, n, "visit", composer.visit(_visit(n))) for n in range(1, EVENTS + 1)]
    with tempfile.TemporaryDirectory(prefix="passerby-bench-") as folder:
        outbox = Outbox(Path(folder) / "outbox.sqlite3", OutboxSettings())
        start = time.perf_counter()
        for first in range(0, EVENTS, BATCH):
            outbox.put(drafts[first : first + BATCH])
        seconds = time.perf_counter() - start
        outbox.close()
    return EVENTS / seconds


def _visit(counter: int) -> VisitMessage:
    return VisitMessage(
        session=1,
        counter=counter,
        started_s=counter,
        dwell_halves=13,
        attention_halves=6,
        glances=2,
        gender="female",
        gender_percent=93,
        taxonomy="ads-8",
        bracket=3,
        age_percent=71,
        interval_low=2,
        interval_high=3,
        samples=5,
        quality_percent=82,
        target="openvino:CPU",
        historical=False,
        end_reason="left",
    )


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measure(sys.argv[1:])).decode())
