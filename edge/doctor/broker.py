"""The broker: name and TCP, TLS, credentials, and whether it takes an event."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import MQTTProtocolVersion

from edge.doctor.findings import Finding, bad, good
from edge.errors import ConfigError
from edge.publisher.broker.broker_url import BrokerAddress
from edge.publisher.broker.mqtt_client import check_broker, make_client, tls_context
from edge.settings.settings import Broker, Settings

TIMEOUT_S = 10.0
TOPIC = "doctor"
"""Last part of the topic that an empty message is sent to; nobody subscribes to it."""


def check_mqtt(settings: Settings, timeout_s: float = TIMEOUT_S) -> Iterator[Finding]:
    """Each step on the way to the broker, up to the first that fails."""
    broker = settings.broker
    try:
        address = check_broker(broker)
    except ConfigError as error:
        yield bad("broker", str(error), "correct the [broker] section")
        return
    for step in (_reach, _shake_hands):
        finding = step(broker, address, timeout_s)
        if finding is not None:
            yield finding
            if finding.verdict == "fail":
                return
    yield from _speak(settings, address, timeout_s)


def _reach(broker: Broker, address: BrokerAddress, timeout_s: float) -> Finding:
    try:
        socket.create_connection((address.host, address.port), timeout_s).close()
    except OSError as error:
        return bad(
            "broker", f"{address}: {error.strerror or error}", "start the broker; check address, port and firewall"
        )
    return good("broker", f"{address}: TCP")


def _shake_hands(broker: Broker, address: BrokerAddress, timeout_s: float) -> Finding | None:
    if not address.tls:
        return None
    context = tls_context(broker)
    try:
        with (
            socket.create_connection((address.host, address.port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as end,
        ):
            return good("broker", f"{address}: {end.version()}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
        do = "set broker.ca_file; check the name in the certificate and this device's clock"
        return bad(
            "broker", f"{address}: TLS: {reason}", do if isinstance(error, ssl.SSLError) else "is it a TLS port?"
        )


def _speak(settings: Settings, address: BrokerAddress, timeout_s: float) -> Iterator[Finding]:
    versions = {"5": [MQTTv5], "3.1.1": [MQTTv311], "auto": [MQTTv5, MQTTv311]}[settings.broker.protocol]
    for version in versions:
        talk = _Talk(settings.broker, address, version, timeout_s)
        answer = talk.connect()
        if not answer:
            spoken = "5" if version == MQTTv5 else "3.1.1"
            user = f" as {settings.broker.username}" if settings.broker.username else ", without a user"
            yield good("broker", f"MQTT {spoken}{user}")
            yield _publish(settings, talk)
            return
    yield bad(
        "broker", f"the broker refuses this client ({answer})", "correct broker.username and broker.password_file"
    )


def _publish(settings: Settings, talk: _Talk) -> Finding:
    who, prefix = settings.identity, settings.broker.topic_prefix.strip("/")
    topic = f"{prefix}/{who.site}/{who.device}/{TOPIC}"
    reason = talk.publish(topic)
    if reason:
        return bad(
            "broker",
            f"does not take an event on {topic} ({reason})",
            f"let this user write {prefix}/{who.site}/{who.device}/#",
        )
    return good("broker", f"takes an event on {topic}")


class _Talk:
    """One connection, under a name of its own so that the publisher's stays."""

    def __init__(self, broker: Broker, address: BrokerAddress, version: MQTTProtocolVersion, timeout_s: float) -> None:
        self._client = make_client(broker, address, f"passerby-doctor-{secrets.token_hex(4)}", version)
        self._timeout_s = timeout_s
        self._connected: str | None = None
        self._published: str | None = None
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish

    def connect(self) -> str:
        """Empty, or why not."""
        try:
            self._client.reconnect()
        except (OSError, ValueError) as error:
            return str(getattr(error, "strerror", None) or error)
        self._turn(lambda: self._connected is not None)
        return "no answer to CONNECT" if self._connected is None else self._connected

    def publish(self, topic: str) -> str:
        """Empty, or why not. Closes the connection afterwards."""
        self._client.publish(topic, b"", qos=1)
        self._turn(lambda: self._published is not None)
        self._client.disconnect()
        return "no acknowledgement; it closed the connection" if self._published is None else self._published

    def _turn(self, done: Any) -> None:
        until = time.monotonic() + self._timeout_s
        while not done() and time.monotonic() < until and self._client.loop(0.1) == 0:
            pass

    def _on_connect(self, _: Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self._connected = str(reason) if reason.is_failure else ""

    def _on_publish(self, _: Client, __: Any, ___: int, reason: Any, ____: Any) -> None:
        self._published = str(reason) if reason.is_failure else ""
