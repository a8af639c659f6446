"""`passerby run` as a person starts it: real clips, real networks, a real broker, and what goes wrong on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.cli.schema import json_schema
from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.places import ROOT

pytestmark = [pytest.mark.process, pytest.mark.shared, pytest.mark.broker]

TIMEOUT_S = 120
OWN_SIZE = ("--set", "detection.width_px=-1")
LIVELY = ("--set", "publish.live_interval_s=0.2")
CLIP_S = 10.0
"""Length of `two-faces-768x432.h264`."""


class Product:
    """Starts `passerby` with a state folder and a site of its own."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self.site = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
        self.state = folder / "state"
        self._video = shared / "video"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PASSERBY_")},
            "PASSERBY_SHARED": str(shared),
            "PASSERBY_STATE": str(self.state),
            "HOME": str(folder),
        }
        self._started: list[subprocess.Popen[str]] = []

    def start(self, command: str, url: str, *arguments: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "edge.cli", command, "--broker", url, "--set", f"identity.site={self.site}"]
        process = subprocess.Popen(
            [*words, *arguments], cwd=ROOT, env=self._environment, stderr=subprocess.PIPE, text=True
        )
        self._started.append(process)
        return process

    def start_clip(self, url: str, clip: str, *arguments: str) -> subprocess.Popen[str]:
        return self.start("run", url, "--source", str(self._video / clip), *arguments)

    def run_clip(self, url: str, clip: str, *arguments: str) -> tuple[int, str]:
        return end_of(self.start_clip(url, clip, *arguments))

    def kept(self) -> list[dict[str, Any]]:
        """Events in the outbox."""
        with closing(sqlite3.connect(self.state / "outbox.sqlite3")) as database:
            return [json.loads(row[0]) for row in database.execute("SELECT payload FROM events")]

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what it said, once it has ended."""
    _, said = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, said


def child_of(process: subprocess.Popen[str], word: str) -> int:
    """Process id of a supervisor's child."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (found,) = [int(pid) for pid in children if f"\0{word}\0" in Path(f"/proc/{pid}/cmdline").read_text()]
    return found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path / "mosquitto").start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def product(tmp_path: Path, shared: Path) -> Iterator[Product]:
    started = Product(tmp_path, shared)
    yield started
    started.end()


class Subscriber(Listener):
    """Listens to one site and reads its JSON."""

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads(kind)]

    def sees_two(self) -> bool:
        """Whether two people stand in front of the screen, long enough for a visit."""
        return any(live["people"] == 2 and live["longest_dwell_s"] >= 1 for live in self.events("live"))

    def states(self) -> list[str]:
        """What the sensor said that it does, in the health events."""
        return [event["sensor"]["state"] for event in self.events("health") if event.get("sensor")]

    def visits(self) -> dict[str, dict[str, Any]]:
        """Visits by event_id: doubles count once."""
        return {visit["event_id"]: visit for visit in self.events("visit")}


def listen(broker: Mosquitto, product: Product) -> Subscriber:
    return Subscriber(broker, f"passerby/{product.site}/#", name=product.site)


@pytest.fixture
def listener(broker: Mosquitto, product: Product) -> Iterator[Subscriber]:
    subscriber = listen(broker, product)
    yield subscriber
    subscriber.close()


def seconds_between(said: str, first: str, last: str) -> float:
    """Time between two lines of a log."""
    times = []
    for word in (first, last):
        (line,) = [line for line in said.splitlines() if word in line]
        times.append(datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f"))
    return (times[1] - times[0]).total_seconds()


def test_two_faces_are_exactly_two_valid_visits_and_the_run_ends_clean(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    code, said = product.run_clip(broker.url, "two-faces-768x432.h264", "--fps", "30")
    assert code == 0, said
    eventually(lambda: len(listener.payloads("status")) == 2, "the last word")
    assert listener.payloads("status") == [b"online", b"stopped"]
    visits = listener.events("visit")
    assert [visit["seq"] for visit in visits] == [1, 2]
    for visit in visits:
        jsonschema.Draft202012Validator(json_schema("visit-1")).validate(visit)
        assert visit["dwell_s"] >= 9.5
        assert visit["samples"] >= 5
        assert visit["historical"]
        assert visit["end_reason"] == "source_ended"
    for kind in ("live", "info", "health"):
        assert listener.events(kind)
        for event in listener.events(kind):
            jsonschema.Draft202012Validator(json_schema(f"{kind}-1")).validate(event)
    assert product.kept() == []


def test_a_broker_that_is_down_ends_in_3_and_a_later_drain_delivers_the_same_events(
    product: Product, tmp_path: Path
) -> None:
    later = Mosquitto(tmp_path / "later")
    code, said = product.run_clip(later.url, "walking-480x270.gif", *OWN_SIZE, "--drain-timeout", "1")
    assert code == 3, said
    assert "2 events are kept for the next start" in said
    assert 1 <= seconds_between(said, "source_ended", "are kept") < 6
    kept = {event["event_id"] for event in product.kept()}
    assert len(kept) == 2
    later.start()
    try:
        listener = listen(later, product)
        code, said = end_of(product.start("publisher", later.url, "--drain"))
        assert code == 0, said
        eventually(lambda: set(listener.visits()) == kept, "the kept events")
        assert product.kept() == []
        listener.close()
    finally:
        later.stop()


def test_ctrl_c_closes_the_open_visits_delivers_them_and_ends_in_130(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    running = product.start_clip(broker.url, "two-faces-768x432.h264", "--realtime", *LIVELY)
    eventually(listener.sees_two, "two people")
    running.send_signal(signal.SIGINT)
    code, said = end_of(running)
    assert code == 130, said
    eventually(lambda: listener.payloads("status")[-1:] == [b"stopped"], "the last word")
    assert [visit["end_reason"] for visit in listener.events("visit")] == ["stopped"] * 2
    assert "Traceback" not in said


def test_a_publisher_killed_in_the_middle_loses_no_visit(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    clip = ("two-faces-768x432.h264", "--realtime", "--fps", "60", *LIVELY)
    running = product.start_clip(broker.url, *clip)
    eventually(listener.sees_two, "two people")
    killed = child_of(running, "publisher")
    os.kill(killed, signal.SIGKILL)
    code, said = end_of(running)
    assert code == 0, said
    assert "publisher ended with signal 9, starts again" in said
    eventually(lambda: len(listener.visits()) == 2, "both visits")
    assert all(visit["dwell_s"] >= 4.5 for visit in listener.visits().values())
    assert product.kept() == []


def test_the_sensor_waits_for_a_stuck_publisher_as_long_as_it_may_drain(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    clip = ("two-faces-768x432.h264", "--realtime", "--fps", "60", "--drain-timeout", "8", *LIVELY)
    running = product.start_clip(broker.url, *clip)
    eventually(listener.sees_two, "two people")
    stuck = child_of(running, "publisher")
    os.kill(stuck, signal.SIGSTOP)
    assert running.stderr is not None
    said = ""
    while "may be lost" not in said:
        line = running.stderr.readline()
        assert line, said
        said += line
    os.kill(stuck, signal.SIGCONT)
    code, _ = end_of(running)
    assert code == 3
    assert "2 visits may be lost: the publisher did not acknowledge them in time" in said
    assert 8 <= seconds_between(said, "source_ended", "may be lost") < 12


def test_a_second_instance_on_the_same_state_folder_is_refused_and_harms_nothing(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    first = product.start_clip(broker.url, "two-faces-768x432.h264", "--realtime", *LIVELY)
    eventually(listener.sees_two, "two people")
    holder = child_of(first, "publisher")
    code, said = product.run_clip(broker.url, "two-faces-768x432.h264", "--realtime", "--quiet")
    assert code == 3
    assert said == (
        f"passerby: {product.state}: another publisher (pid {holder}) holds this state folder; "
        "stop it, or set PASSERBY_STATE to another folder\n"
    )
    first.send_signal(signal.SIGTERM)
    code, said = end_of(first)
    assert code == 0, said
    eventually(lambda: listener.payloads("status")[-1:] == [b"stopped"], "the last word")
    assert [visit["end_reason"] for visit in listener.events("visit")] == ["stopped"] * 2


def test_a_pause_over_mqtt_closes_visits_and_is_answered(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    running = product.start_clip(broker.url, "two-faces-768x432.h264", "--realtime", *LIVELY)
    eventually(listener.sees_two, "two people")
    listener.publish(f"passerby/{product.site}/device/cmd/pause", b'{"schema": "passerby.cmd/1", "id": "one"}')
    eventually(lambda: len(listener.visits()) == 2, "both visits")
    assert [visit["end_reason"] for visit in listener.visits().values()] == ["paused"] * 2
    assert [(reply["id"], reply["ok"]) for reply in listener.events("reply")] == [("one", True)]
    running.send_signal(signal.SIGTERM)
    code, said = end_of(running)
    assert code == 0, said
    assert "paused by a command: the clip waits" in said


def test_a_clip_that_was_paused_goes_on_where_it_was_and_counts_nobody_twice(
    product: Product, broker: Mosquitto, listener: Subscriber
) -> None:
    topic = f"passerby/{product.site}/device/cmd"
    running = product.start_clip(broker.url, "two-faces-768x432.h264", "--realtime", *LIVELY)
    eventually(listener.sees_two, "two people")
    listener.publish(f"{topic}/pause", b'{"schema": "passerby.cmd/1", "id": "one"}')
    eventually(lambda: len(listener.visits()) == 2, "both visits")
    listener.publish(f"{topic}/health", b'{"schema": "passerby.cmd/1", "id": "two"}')
    eventually(lambda: "paused" in listener.states(), "health")
    listener.publish(f"{topic}/resume", b'{"schema": "passerby.cmd/1", "id": "three"}')
    listener.publish(f"{topic}/resume", b'{"schema": "passerby.cmd/1", "id": "again"}')
    code, said = end_of(running)
    assert code == 0, said
    eventually(lambda: listener.payloads("status")[-1:] == [b"stopped"], "the last word")
    assert [reply["ok"] for reply in listener.events("reply")] == [True] * 4
    visits = listener.visits().values()
    assert sorted(visit["end_reason"] for visit in visits) == ["paused"] * 2 + ["source_ended"] * 2
    assert sum(visit["dwell_s"] for visit in visits) <= 2 * CLIP_S
    assert said.count("first frame done") == 1


def test_a_torn_clip_delivers_whom_it_showed_and_ends_in_2(
    product: Product, broker: Mosquitto, listener: Subscriber, shared: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.gif"
    whole = (shared / "video" / "walking-480x270.gif").read_bytes()
    torn.write_bytes(whole[: len(whole) * 9 // 10])
    code, said = end_of(product.start("run", broker.url, "--source", str(torn), *OWN_SIZE))
    assert code == 2, said
    assert f"passerby: {torn}: truncated file, got 31 whole frames" in said.splitlines()
    eventually(lambda: len(listener.visits()) == 2, "both visits")
    assert product.kept() == []


def test_small_faces_that_walk_up_are_two_visits(product: Product, broker: Mosquitto, listener: Subscriber) -> None:
    code, said = product.run_clip(broker.url, "walking-480x270.gif", *OWN_SIZE)
    assert code == 0, said
    eventually(lambda: len(listener.visits()) == 2, "both visits")


def test_backs_of_heads_are_at_most_three_visits(product: Product, broker: Mosquitto, listener: Subscriber) -> None:
    clip = ("no-faces-768x432.mp4", *OWN_SIZE, "--set", "models.threads=2")
    code, said = product.run_clip(broker.url, *clip)
    assert code == 0, said
    eventually(lambda: listener.payloads("status")[-1:] == [b"stopped"], "the last word")
    assert len(listener.visits()) <= 3
    assert "source_ended after 1394 frames" in said
