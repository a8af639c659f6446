"""Brokers that do not speak MQTT 5: the publisher falls back to 3.1.1 where the settings leave it open."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.mosquitto import eventually
from tests.processes.publisher import PublisherProcess

pytestmark = [pytest.mark.process, pytest.mark.broker]

CONNACK_OLD_BROKER = b"\x20\x02\x00\x01"
"""Unacceptable protocol version, as a 3.1.1 broker says it (MQTT 3.1.1, 3.2.2.3)."""
CONNACK_NEW_BROKER = b"\x20\x03\x00\x84\x00"
"""Unsupported protocol version, as a broker says it that knows of MQTT 5 (MQTT 5.0, 3.2.2.2)."""


class OldBroker:
    """Speaks 3.1.1 just well enough: acknowledges CONNECT, SUBSCRIBE and PUBLISH; answers MQTT 5 as told."""

    def __init__(self, answer_to_5: bytes) -> None:
        self.versions: list[int] = []
        self.published: list[bytes] = []
        self._answer_to_5 = answer_to_5
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as stream, contextlib.suppress(ConnectionError):  # a client may be gone
                self._talk(client, stream)

    def _talk(self, client: socket.socket, stream: Any) -> None:
        while kind := stream.read(1):
            body = stream.read(self._length(stream))
            if kind == b"\x10":
                self.versions.append(body[6])
                if body[6] == 5:
                    client.sendall(self._answer_to_5)
                    return
                client.sendall(b"\x20\x02\x00\x00")
            elif kind == b"\x82":
                client.sendall(b"\x90\x03" + body[:2] + b"\x01")
            elif kind[0] & 0xF0 == 0x30:
                end = 2 + int.from_bytes(body[:2], "big")
                self.published.append(body[2:end])
                if kind[0] & 0x06:
                    client.sendall(b"\x40\x02" + body[end : end + 2])

    def _length(self, stream: Any) -> int:
        total, shift = 0, 0
        while True:
            (byte,) = stream.read(1)
            total |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return total


@pytest.fixture
def old_broker() -> Iterator[Callable[[bytes], OldBroker]]:
    brokers: list[OldBroker] = []

    def make(answer: bytes) -> OldBroker:
        brokers.append(OldBroker(answer))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[PublisherProcess]:
    made = PublisherProcess(tmp_path, "")
    yield made
    made.close()


@pytest.mark.parametrize(
    "answer", [CONNACK_OLD_BROKER, CONNACK_NEW_BROKER, b""], ids=["old refusal", "new refusal", "hangs up"]
)
def test_visits_reach_a_broker_that_speaks_only_3_1_1(
    old_broker: Any, process: PublisherProcess, settings: Any, deliver: Any, answer: bytes
) -> None:
    broker = old_broker(answer)
    process.toml.write_text(settings(broker.url))
    process.start("10")
    deliver(process, 1, 3)
    assert process.terminate() == 0
    assert broker.versions == [5, 4]
    assert broker.published.count(b"passerby/berlin/kiosk/visit") == 3
    assert "connected with MQTT 3.1.1" in process.log()


def test_a_fixed_version_5_is_not_given_up(old_broker: Any, process: PublisherProcess, settings: Any) -> None:
    broker = old_broker(CONNACK_NEW_BROKER)
    process.toml.write_text(settings(broker.url, 'protocol = "5"'))
    process.start()
    eventually(lambda: len(broker.versions) >= 3, "three tries")
    assert set(broker.versions) == {5}
    assert "refuses this client (Unsupported protocol version)" in process.log()


def test_a_fixed_version_3_1_1_is_used_at_once(old_broker: Any, process: PublisherProcess, settings: Any) -> None:
    broker = old_broker(CONNACK_NEW_BROKER)
    process.toml.write_text(settings(broker.url, 'protocol = "3.1.1"'))
    process.start()
    eventually(lambda: b"passerby/berlin/kiosk/status" in broker.published, "online")
    assert broker.versions == [4]
