"""A service goes on: full disk, a wall clock that jumps, a log that stays short."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.conftest import need_program
from tests.processes.sensor import Sensor

pytestmark = [pytest.mark.process, pytest.mark.broker]


def test_a_disk_that_is_full_holds_visits_back_and_takes_them_later(
    publisher: Any, broker: Mosquitto, listener: Listener, deliver: Callable[..., Any]
) -> None:
    publisher.start()
    deliver(publisher, 1, 3)
    eventually(lambda: len(listener.payloads("visit")) == 3, "the first three")
    # No file of the publisher may grow any more: what a write then meets is what a full disk gives.
    written = max(file.stat().st_size for file in publisher.state.glob("outbox.sqlite3*"))
    unlimited = resource.prlimit(publisher.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(publisher.pid, resource.RLIMIT_FSIZE, (written, unlimited[1]))
    sensor = Sensor(publisher.socket, 4)
    for _ in range(20):
        sensor.make()

    def refused() -> bool:
        sensor.work()
        return "the outbox cannot be written" in publisher.log()

    eventually(refused, "the refusal")
    held = sensor.waiting
    assert held > 0, "what is not on disk is not acknowledged"
    resource.prlimit(publisher.pid, resource.RLIMIT_FSIZE, unlimited)

    def taken() -> bool:
        sensor.work()
        return sensor.waiting == 0

    eventually(taken, "all acknowledged")
    eventually(lambda: len(set(listener.payloads("visit"))) == 23, "all delivered")
    assert sorted({json.loads(p)["seq"] for p in listener.payloads("visit")}) == list(range(1, 24))
    assert publisher.log().count("the outbox cannot be written") == 1, "one line a change"
    assert "takes events again" in publisher.log()
    sensor.close()


def test_a_clock_that_jumps_loses_nothing_and_shows_in_the_times(
    publisher: Any, listener: Listener, deliver: Callable[..., Any], tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0d")
    publisher.start(
        environment={
            "LD_PRELOAD": _faketime_library(),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
    )
    jumps = {"+0d": 0, "+730d": 730, "-7300d": -7300, "+1d": 1}
    for first, text in enumerate(jumps, start=1):
        clock.write_text(text)
        deliver(publisher, first, 1)
    eventually(lambda: len(listener.payloads("visit")) == 4, "all four")
    assert publisher.terminate() == 0
    events = sorted((json.loads(p) for p in listener.payloads("visit")), key=lambda event: event["seq"])
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    now = datetime.now(timezone.utc)
    days = [round((_started(event) - now).total_seconds() / 86_400) for event in events]
    assert days == list(jumps.values())


def _faketime_library() -> str:
    """Where faketime's library is, as faketime itself sets it: its wrapper would keep our signals to itself."""
    environment = subprocess.run(
        [need_program("faketime"), "-f", "+0d", "env"], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.partition("=")[::2] for line in environment.splitlines())["LD_PRELOAD"]


def _started(event: dict[str, Any]) -> datetime:
    return datetime.strptime(event["started_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def test_memory_stays_small(publisher: Any, listener: Listener, deliver: Callable[..., Any]) -> None:
    publisher.start()
    deliver(publisher, 1, 40)
    eventually(lambda: len(listener.payloads("visit")) == 40, "all forty")
    status = Path(f"/proc/{publisher.pid}/status").read_text()
    peak_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(f"publisher peak RSS {peak_mb:.1f} MB")
    assert peak_mb < 60


def test_an_idle_publisher_sleeps(publisher: Any, listener: Listener) -> None:
    publisher.start()
    eventually(lambda: bool(listener.payloads("health")), "up")
    before, began = _cpu_s(publisher.pid), time.monotonic()
    eventually(lambda: time.monotonic() - began > 2, "two seconds pass")
    assert _cpu_s(publisher.pid) - before < 0.1


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_ctrl_c_ends_with_130(publisher: Any, listener: Listener) -> None:
    publisher.start()
    eventually(lambda: listener.payloads("status") == [b"online"], "up")
    assert publisher.end_by(signal.SIGINT) == 130
    eventually(lambda: listener.payloads("status")[-1] == b"stopped", "stopped")
