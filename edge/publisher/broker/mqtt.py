"""The way to the broker over paho-mqtt: connects, stays connected, sends, and reports what was acknowledged.

Nothing here blocks but the dialling, which has a thread of its own; all else happens in `work`, in the caller's loop.
The outbox is the memory: every connection starts clean and holds no message of the one before.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.clock import Backoff, boottime
from edge.errors import ConfigError
from edge.publisher.broker.dial import Dial
from edge.publisher.broker.mqtt_client import CONNECT_TIMEOUT_S, check_broker, expiry, make_client
from edge.publisher.types import News, Place, Row
from edge.settings import settings as config

_log = logging.getLogger(__name__)

STABLE_S = 10.0
"""A connection that lasts so long was a good one: the next wait is the first again."""
MAX_COMMAND_BYTES = 1024
UNSUPPORTED_VERSION = 132
"""CONNACK reason 0x84 of MQTT 5; paho gives the 0x01 of older brokers the same name."""


class MqttBroker:
    """One broker; a lost connection is tried again for ever."""

    def __init__(
        self,
        broker: config.Broker,
        *,
        topics: str,
        client_id: str,
        max_inflight: int,
        clock: Callable[[], float] = boottime,
        backoff: Backoff | None = None,
    ) -> None:
        """`topics` begins every topic: `passerby/<site>/<device>`. Connects to nothing yet. Raises ConfigError."""
        self._address = check_broker(broker)
        self._broker, self._topics, self._client_id = broker, topics, client_id
        self._clock = clock
        self._backoff = backoff or Backoff(broker.reconnect_initial_s, broker.reconnect_max_s)
        self._version = MQTTv311 if broker.protocol == "3.1.1" else MQTTv5
        self._max_inflight = self._window = max_inflight
        self._client: Client | None = None
        self._dialling: Dial | None = None
        self._inflight: dict[int, Place | None] = {}
        self._news = News()
        self._said = ""
        self._at = clock()  # of the next attempt, or of the last change of the connection
        self.connected = False
        self.connections = 0
        """Connections that the broker accepted, since the start."""

    def waits(self) -> list[tuple[int, int]]:
        """File descriptors and poll events to wake up for."""
        if self._dialling is not None:
            return [(self._dialling.fileno(), select.POLLIN)]
        if self._client is None:
            return []
        connection = self._client.socket()
        writing = select.POLLOUT if self._client.want_write() else 0
        return [(connection.fileno(), select.POLLIN | writing)] if connection is not None else []

    def wait_s(self) -> float:
        """Seconds until `work` has something to do even if no descriptor wakes up."""
        if self._client is None and self._dialling is None:
            return max(0.0, self._at - self._clock())
        return 0.0 if _holds_more(self._client) else 1.0

    def work(self) -> News:
        """Dial, read, write, keep alive; returns what happened."""
        if self._dialling is not None:
            self._finish_dialling(self._dialling)
        elif self._client is None and self._clock() >= self._at:
            self._dial()
        if self._client is not None:
            self._pump(self._client)
        news, self._news = self._news, News()
        return news

    def space(self) -> int:
        """How many more events may be sent before the broker acknowledges some; 0 while there is no connection."""
        return max(0, self._window - len(self._inflight)) if self.connected else 0

    def send(self, row: Row) -> None:
        """Send an event, QoS 1; its place comes back in `News.acked`, or never when the connection breaks before."""
        if self._client is not None and self.connected:
            sent = self._client.publish(f"{self._topics}/{row.kind}", row.payload, qos=1)
            self._inflight[sent.mid] = row.place

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: float | None = None) -> None:
        """Send something that is not stored: retained texts QoS 1, others QoS 0; dropped while it cannot go out now."""
        if not retain and self._congested():
            return
        client = self._client
        if client is None or not self.connected:
            return
        name, properties = f"{self._topics}/{topic}", expiry(self._version, expires_s)
        sent = client.publish(name, payload, qos=int(retain), retain=retain, properties=properties)
        if retain:
            self._inflight[sent.mid] = None

    def settled(self) -> bool:
        """True when everything that was sent has been written and acknowledged, or nothing can be."""
        client = self._client
        return client is None or not self.connected or not (self._inflight or client.want_write())

    def close(self) -> None:
        """Send DISCONNECT, so that the last will is not sent, and close; safe to call twice."""
        if self._client is not None:
            client, self._client = self._client, None
            client.on_disconnect = None
            client.disconnect()
            client.loop_write()
            _drop(client)
        if self._dialling is not None:
            self._dialling.abandon()
            self._dialling = None
        self.connected = False

    def _congested(self) -> bool:
        """True when the socket does not take what waits already."""
        if self._client is not None and self._client.want_write():
            self._client.loop_write()
        return self._client is not None and self._client.want_write()

    def _dial(self) -> None:
        try:
            client = make_client(self._broker, self._address, self._client_id, self._version)
        except ConfigError as error:  # a password or certificate file that was readable at the start
            self._lost(str(error))
            return
        client.will_set(f"{self._topics}/status", b"offline", qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        client.on_socket_register_write = _left_to_the_loop
        self._dialling = Dial(client)

    def _finish_dialling(self, dial: Dial) -> None:
        if not dial.done():
            return
        self._dialling = None
        if dial.failure:
            self._lost(f"{self._address}: cannot be reached ({dial.failure})")
        else:
            self._client, self._at = dial.client, self._clock()

    def _pump(self, client: Client) -> None:
        client.loop_read()
        if self._client is client and client.want_write():
            client.loop_write()
        if self._client is client:
            client.loop_misc()
        if self._client is client and not self.connected and self._clock() - self._at > CONNECT_TIMEOUT_S:
            _drop(client)
            self._other_version()  # some brokers fall silent on a version that they do not know
            self._lost(f"{self._address}: does not answer CONNECT")

    def _on_connect(
        self, client: Client, _: Any, __: ConnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused(reason)
            return
        self.connected, self._at = True, self._clock()
        self.connections += 1
        self._say(f"{self._address}: connected with MQTT {'5' if self._version == MQTTv5 else '3.1.1'}", logging.INFO)
        self._window = min(self._max_inflight, getattr(given, "ReceiveMaximum", 65_535))
        client.subscribe(f"{self._topics}/cmd/+", qos=1)
        self.publish("status", b"online", retain=True)
        self._news.connected = True

    def _refused(self, reason: ReasonCode) -> None:
        tried = self._version
        if reason.value == UNSUPPORTED_VERSION and self._other_version() and tried == MQTTv5:
            self._client, self._at = None, self._clock()  # at once: the broker is there, it is only older
            return
        self._lost(f"{self._address}: the broker refuses this client ({reason})")

    def _on_disconnect(
        self, client: Client, _: Any, flags: DisconnectFlags, reason: ReasonCode, __: Properties | None
    ) -> None:
        if client is not self._client:
            return  # already accounted for
        if not self.connected:
            self._other_version()  # some brokers close the connection on a version that they do not know
            self._lost(f"{self._address}: closed the connection before it answered CONNECT")
            return
        if self._clock() - self._at >= STABLE_S:
            self._backoff.reset()
        if self._broker.protocol == "auto":
            self._version = MQTTv5  # it may come back as a newer one
        who = "the broker ended the connection" if flags.is_disconnect_packet_from_server else "connection lost"
        self._lost(f"{self._address}: {who} ({reason})")

    def _other_version(self) -> bool:
        """Try the other MQTT version next time, where the settings leave it open; False where they do not."""
        if self._broker.protocol == "auto":
            self._version = MQTTv311 if self._version == MQTTv5 else MQTTv5
        return self._broker.protocol == "auto"

    def _lost(self, why: str) -> None:
        self._client, self.connected = None, False
        self._inflight.clear()
        wait = self._backoff.next_wait_s()
        self._at = self._clock() + wait
        self._say(f"{why}; events stay in the outbox and it is tried again", logging.WARNING)

    def _on_publish(self, client: Client, _: Any, mid: int, reason: ReasonCode, __: Properties | None) -> None:
        place = self._inflight.pop(mid, None)
        if reason.is_failure:
            _drop(client)
            self._lost(f"{self._address}: the broker does not take an event ({reason})")
        elif place is not None:
            self._news.acked.append(place)

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        if message.retain:
            _log.warning("broker: a retained command was ignored; commands are for now, not for every connection")
        elif len(message.payload) <= MAX_COMMAND_BYTES:
            self._news.commands.append((message.topic.rpartition("/")[2], bytes(message.payload)))
        else:
            _log.warning("broker: a command of more than %d bytes was ignored", MAX_COMMAND_BYTES)

    def _say(self, text: str, level: int) -> None:
        if text != self._said:  # one line a change, not one an attempt
            self._said = text
            _log.log(level, "broker: %s", text)


def _left_to_the_loop(client: Client, _: Any, __: Any) -> None:
    """Set so that paho never writes from inside `publish`: `work` writes when the socket takes it."""


def _holds_more(client: Client | None) -> bool:
    """True when TLS has decrypted bytes that poll cannot see."""
    pending = getattr(client.socket(), "pending", None) if client is not None else None
    return bool(pending and pending())


def _drop(client: Client) -> None:
    client.on_disconnect = None
    connection = client.socket()
    if connection is not None:
        connection.close()
