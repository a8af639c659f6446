"""Memory and outbox: each half in a process of its own, as it runs in the product."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from edge.config import Outbox as OutboxSettings
from edge.config import Settings
from edge.delivery.outbox import Outbox
from edge.delivery.stored import Draft
from edge.publishing.events import Composer, WallClock
from edge.schemas.link import VisitMessage

EVENTS, BATCH = 5_000, 100


def peak_mb(command: Sequence[str]) -> float:
    """Peak resident memory of a `python -m` command, MB (10**6 bytes). Raises CalledProcessError."""
    program = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    program += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    child = [sys.executable, "-c", program, sys.executable, "-m", *command]
    printed = subprocess.run(child, check=True, capture_output=True, text=True).stdout
    return int(printed) * 1024 / 1_000_000


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


def own_peak_mb() -> float:
    """Peak resident memory of this process, MB (10**6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1_000_000


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
        samples=5,
        quality_percent=82,
        target="openvino:CPU",
        historical=False,
        end_reason="left",
    )
