"""A broker that falls silent on MQTT 5 is tried with 3.1.1."""

from __future__ import annotations

import socket

import pytest

from edge.publisher.broker.mqtt import MqttBroker
from edge.publisher.broker.mqtt_client import CONNECT_TIMEOUT_S
from edge.settings import settings as config
from tests.brokers.mosquitto import eventually

pytestmark = pytest.mark.process

VERSION_BYTE = 8
"""Offset in a CONNECT packet with one length byte (MQTT 5.0, 3.1.2.2)."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("protocol", "second"), [("auto", 4), ("5", 5)])
def test_the_next_try_uses_the_other_version_where_the_settings_leave_it_open(protocol: str, second: int) -> None:
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        settings = config.Broker(url=f"mqtt://127.0.0.1:{listener.getsockname()[1]}", protocol=protocol)  # type: ignore[arg-type]
        broker = MqttBroker(settings, topics="passerby/a/b", client_id="test", max_inflight=1, clock=clock)

        assert version_of_connect(broker, listener) == 5
        clock.now += CONNECT_TIMEOUT_S + 1
        broker.work()
        clock.now += settings.reconnect_max_s
        assert version_of_connect(broker, listener) == second
        broker.close()


def version_of_connect(broker: MqttBroker, listener: socket.socket) -> int:
    """Let the broker's client come, and say nothing to its CONNECT."""
    packet = b""
    connection: list[socket.socket] = []

    def came() -> bool:
        nonlocal packet
        broker.work()
        try:
            if not connection:
                connection.append(listener.accept()[0])
                connection[0].setblocking(False)
            packet += connection[0].recv(256)
        except BlockingIOError:
            return False
        return len(packet) > VERSION_BYTE

    eventually(came, "a CONNECT packet")
    return packet[VERSION_BYTE]
