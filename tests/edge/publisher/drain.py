"""How fast a backlog leaves the outbox, and what it costs: `python -m tests.edge.publisher.drain [EVENTS]`.

Fills an outbox through `Outbox.put`, then lets a publisher process empty it into a mosquitto of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from edge.publisher.assemble import OUTBOX_NAME
from edge.publisher.events import Composer, WallClock
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft
from edge.schemas.link import VisitMessage
from edge.settings import settings as config
from tests.brokers.mosquitto import Mosquitto
from tests.places import ROOT

BATCH = 200


class DrainReport(NamedTuple):
    """What was measured; RSS in MB of 1024 * 1024 bytes."""

    events: int
    filled_per_s: float
    """Events a second into the outbox, in commits of 200."""
    single_commits_per_s: float
    """Events a second when each has a commit, and so an fsync, of its own."""
    drained_s: float
    """From the start of the process, connecting included, to its end with an empty outbox."""
    drained_per_s: float
    rss_start_mb: float
    """After a tenth of the time: outbox open, connected, sending."""
    rss_peak_mb: float
    """The kernel's high-water mark (VmHWM)."""


def measure_drain(folder: Path, events: int = 100_000) -> DrainReport:
    """Fill and empty an outbox in `folder`. Raises RuntimeError when the publisher does not end with an empty one."""
    state = folder / "state"
    state.mkdir(parents=True)
    single_per_s = _fill(folder / "single.sqlite3", 1_000, batch=1)
    filled_per_s = _fill(state / OUTBOX_NAME, events, batch=BATCH)
    broker = Mosquitto(folder / "mosquitto", autosave=False).start()
    try:
        toml = folder / "passerby.toml"
        toml.write_text(f'[broker]\nurl = "{broker.url}"\n')
        seconds, rss, peak_mb = _drain(state, toml, folder / "publisher.log")
    finally:
        broker.stop()
    start_mb = rss[len(rss) // 10]
    return DrainReport(events, filled_per_s, single_per_s, seconds, events / seconds, start_mb, peak_mb)


def _fill(path: Path, events: int, *, batch: int) -> float:
    composer = Composer(config.Settings(), "best@1.0.0", WallClock(1))
    outbox = Outbox(path, config.Outbox())
    drafts = [Draft(1, counter, "visit", composer.visit(_visit(counter))) for counter in range(1, events + 1)]
    began = time.perf_counter()
    for start in range(0, events, batch):
        outbox.put(drafts[start : start + batch])
    seconds = time.perf_counter() - began
    outbox.close()
    return events / seconds


def _drain(state: Path, toml: Path, log: Path) -> tuple[float, list[float], float]:
    command = [sys.executable, "-m", "tests.processes.publisher", str(state), str(toml), "120", "now"]
    rss: list[float] = []
    peak_mb = 0.0
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        if "VmRSS" in status:  # a process that has just ended has none
            rss.append(_mb(status, "VmRSS"))
            peak_mb = _mb(status, "VmHWM")
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"the publisher ended with {process.returncode}: {log.read_text()}")
    return seconds, rss, peak_mb


def _mb(status: str, field: str) -> float:
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def _visit(counter: int) -> VisitMessage:
    return VisitMessage(
        session=1, counter=counter, started_s=1_000 + counter, dwell_halves=13, attention_halves=6, glances=2,
        gender="female", gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
        interval_low=2, interval_high=3, samples=5,
        quality_percent=82, target="openvino:CPU", historical=False, end_reason="left",
    )  # fmt: skip


def main() -> None:
    """Print the report as JSON."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure_drain(Path(folder), events)._asdict(), indent=2))


if __name__ == "__main__":
    main()
