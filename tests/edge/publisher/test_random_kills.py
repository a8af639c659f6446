"""kill -9 of the sensor, the publisher and the broker at random moments, with visits flowing all the time."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.places import ROOT

pytestmark = [pytest.mark.process, pytest.mark.broker]

KILLS_OF_EACH = 18
PATIENCE_S = 0.35
"""A kill comes at a random moment of so many seconds after visits have begun to flow again."""
BLOCK = 300
"""Numbers that one life of the sensor may use; with the lives that there are they fit into `glances`."""


class SensorProcess:
    def __init__(self, socket: Path, log: Path) -> None:
        self._socket, self._log = socket, log
        self._lives = 0
        self._process: subprocess.Popen[bytes] | None = None
        log.touch()

    def start(self) -> None:
        first = self._lives * BLOCK
        self._lives += 1
        command = [sys.executable, "-m", "tests.processes.sensor", str(self._socket), str(self._log)]
        self._process = subprocess.Popen([*command, str(first), str(BLOCK)], cwd=ROOT)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def acknowledged(self) -> list[int]:
        """Numbers that the link acknowledged; a line that the kill cut is no number yet."""
        complete, _, _ = self._log.read_text().rpartition("\n")
        return [int(line) for line in complete.split("\n") if line]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto that forgets nothing which it acknowledged to us while the listener of this test is there.

    It acknowledges before it saves, so what it took must be out before that: no window to a subscriber, no waiting of
    small packets, and messages for an absent subscriber are kept.
    """
    settings = "allow_anonymous true\nmax_inflight_messages 0\nset_tcp_nodelay true\nqueue_qos0_messages true\n"
    mosquitto = Mosquitto(tmp_path / "mosquitto", settings=settings).start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    """Listens with QoS 0: it writes nothing, so the kernel still delivers what a killed broker had sent.

    With acks unread at the broker, the kernel would answer its death with a reset and drop what was under way.
    """
    subscriber = Listener(broker, qos=0)
    yield subscriber
    subscriber.close()


def test_no_acknowledged_visit_is_lost_and_doubles_keep_their_id(
    publisher: Any, broker: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    seed = int(os.environ.get("PASSERBY_KILL_SEED", random.SystemRandom().randrange(10**6)))
    print(f"PASSERBY_KILL_SEED={seed}")
    chance = random.Random(seed)
    sensor = SensorProcess(publisher.socket, tmp_path / "acknowledged")
    victims = [name for name in ("sensor", "publisher", "broker") for _ in range(KILLS_OF_EACH)]
    chance.shuffle(victims)
    publisher.start()
    sensor.start()
    try:
        for victim in victims:
            _flowing(sensor)
            time.sleep(chance.uniform(0.0, PATIENCE_S))  # the moment is meant to be any
            _kill(victim, sensor, publisher, broker, listener, also_publisher=chance.random() < 0.3)
        _flowing(sensor)
    finally:
        sensor.kill()
    acknowledged = set(sensor.acknowledged())
    eventually(lambda: publisher.outbox_rows() == 0, "the outbox is empty")
    eventually(lambda: acknowledged <= {event["glances"] for event in _visits(listener)}, "all that was acknowledged")
    publisher.terminate()
    events = _visits(listener)

    _each_visit_has_one_id(events)
    _seq_has_no_gap(events)
    doubles = len(events) - len({event["event_id"] for event in events})
    print(f"{len(victims)} kills, {len(acknowledged)} visits acknowledged, {doubles} doubles")
    assert len(victims) >= 50 and len(acknowledged) > 100


def _flowing(sensor: SensorProcess) -> None:
    before = len(sensor.acknowledged())
    eventually(lambda: len(sensor.acknowledged()) > before, "visits flow")


def _kill(
    victim: str, sensor: SensorProcess, publisher: Any, broker: Mosquitto, listener: Listener, *, also_publisher: bool
) -> None:
    if victim == "broker":
        assert listener.ready.wait(20)
        broker.kill()
        if also_publisher:  # in the middle of an outage
            _flowing(sensor)
            publisher.kill()
            publisher.start()
        broker.start()
        return
    process = sensor if victim == "sensor" else publisher
    process.kill()
    process.start()


def _visits(listener: Listener) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload in listener.payloads("visit")]


def _each_visit_has_one_id(events: list[dict[str, Any]]) -> None:
    ids: dict[int, set[str]] = defaultdict(set)
    texts: dict[str, set[str]] = defaultdict(set)
    for event in events:
        ids[event["glances"]].add(event["event_id"])
        texts[event["event_id"]].add(json.dumps(event, sort_keys=True))
    assert all(len(found) == 1 for found in ids.values()), "a visit has two ids"
    assert all(len(found) == 1 for found in texts.values()), "a double differs from its first"


def _seq_has_no_gap(events: list[dict[str, Any]]) -> None:
    assert len({event["boot_id"] for event in events}) == 1
    seqs = {event["seq"] for event in events}
    assert seqs == set(range(1, max(seqs) + 1))
