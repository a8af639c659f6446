"""Prints events as they arrive at a broker: what the demo shows, and how a subscriber would do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge.publisher.broker.broker_url import parse_broker_url

Listener = Callable[[str, Any], None]
"""Called with the topic and the payload: decoded JSON, or the bare word of a status."""


@contextmanager
def subscribed(url: str, topics: str, listener: Listener) -> Iterator[None]:
    """Subscribe to topics of a broker while the block runs; the listener is called in a thread of its own."""
    address = parse_broker_url(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2)

    def subscribe(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(topics, qos=1)

    def receive(_: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        listener(message.topic, _decode(message.payload))

    client.on_connect, client.on_message = subscribe, receive
    client.connect(address.host, address.port)
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def _decode(payload: bytes | bytearray) -> Any:
    try:
        return msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload.decode(errors="replace")
