"""The example of a subscriber, at a real broker: each visit once, gaps said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import msgspec
import pytest

from tests.brokers.mosquitto import Listener, Mosquitto
from tests.places import ROOT

KIOSK, LIFE, NEXT_LIFE = "kiosk-07", "a" * 32, "b" * 32
WITHIN_S = 20.0
SUBSCRIBED = "subscribed to passerby/+/+/visit"

pytestmark = [pytest.mark.process, pytest.mark.broker]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path).start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def publisher(broker: Mosquitto) -> Iterator[Listener]:
    connected = Listener(broker)
    yield connected
    connected.close()


class Subscriber:
    """The example in a process of its own; `line` waits for the next line that it prints."""

    def __init__(self, broker: Mosquitto) -> None:
        command = [sys.executable, "examples/subscriber.py", "127.0.0.1", str(broker.port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        return self._lines.get(timeout=WITHIN_S)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    started = Subscriber(broker)
    assert started.line() == SUBSCRIBED
    yield started
    started.end()


def visit(seq: int, *, device: str = KIOSK, life: str = LIFE) -> bytes:
    """The documented visit with another place in another outbox; the same place has the same `event_id`."""
    shown = msgspec.json.decode((ROOT / "edge/schemas/examples/visit-1.json").read_bytes())[0]
    event_id = f"{life[:8]}-0000-4000-8000-{seq:012}"
    return msgspec.json.encode(shown | {"event_id": event_id, "seq": seq, "device": device, "boot_id": life})


def publish(publisher: Listener, *visits: bytes, device: str = KIOSK) -> None:
    for each in visits:
        publisher.publish(f"passerby/berlin-hbf/{device}/visit", each)


def shown(seq: int, device: str = KIOSK) -> str:
    words = "stayed 6.5 s, attention 3.0 s, female, 25-34"
    return f"2026-11-20T09:00:05Z berlin-hbf/{device} #{seq}: {words}"


def test_it_prints_a_visit_that_arrives_twice_once(publisher: Listener, subscriber: Subscriber) -> None:
    publish(publisher, visit(7), visit(7), visit(8), visit(7), visit(9))
    assert [subscriber.line() for _ in range(3)] == [shown(7), shown(8), shown(9)]


def test_it_says_how_many_visits_are_missing(publisher: Listener, subscriber: Subscriber) -> None:
    publish(publisher, visit(7), visit(10), visit(11))
    lines = [subscriber.line() for _ in range(4)]
    assert lines == [shown(7), "berlin-hbf/kiosk-07: 2 missing before #10", shown(10), shown(11)]


def test_another_device_and_another_life_of_the_outbox_count_for_themselves(
    publisher: Listener, subscriber: Subscriber
) -> None:
    publish(publisher, visit(7), visit(1, life=NEXT_LIFE))
    publish(publisher, visit(500, device="kiosk-08"), device="kiosk-08")
    publish(publisher, visit(8))
    assert [subscriber.line() for _ in range(4)] == [shown(7), shown(1), shown(500, "kiosk-08"), shown(8)]


@pytest.mark.parametrize("payload", [b"rubbish", b"{}", b"[]", b"\xff", b'{"event_id": []}'])
def test_what_is_not_a_visit_does_not_stop_it(publisher: Listener, subscriber: Subscriber, payload: bytes) -> None:
    publish(publisher, payload, visit(7))
    assert subscriber.line() == shown(7)


def test_the_broker_keeps_visits_while_it_is_down(broker: Mosquitto, publisher: Listener) -> None:
    before = Subscriber(broker)
    assert before.line() == SUBSCRIBED
    before.end()
    publish(publisher, visit(7))
    after = Subscriber(broker)
    lines = {after.line(), after.line()}
    after.end()
    assert lines == {SUBSCRIBED, shown(7)}
