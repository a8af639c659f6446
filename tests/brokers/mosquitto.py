"""A mosquitto of the tests' own: on 127.0.0.1, its own port and folder; ends only the process that it started."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.conftest import need_program

DEADLINE_S = 20.0


def eventually(condition: Callable[[], bool], what: str = "", *, within_s: float = DEADLINE_S) -> None:
    """Poll until it is so; fail with what was waited for when the deadline passes."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {within_s} s: {what or condition}"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """The broker; `kill` is kill -9, `start` again on the same port and persistence."""

    def __init__(self, folder: Path, *, settings: str = "allow_anonymous true\n", autosave: bool = True) -> None:
        self.folder = folder
        self._autosave = "autosave_on_changes true\nautosave_interval 1\n" if autosave else ""
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "db").mkdir(parents=True, exist_ok=True)
        self.write(settings)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def write(self, settings: str) -> None:
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n"
            f"persistence true\npersistence_location {self.folder}/db/\n"
            f"{self._autosave}max_queued_messages 0\nmax_queued_bytes 0\n"
            f"user {getpass.getuser()}\n"
            "log_dest stderr\n" + settings
        )

    def start(self) -> Mosquitto:
        log = (self.folder / "mosquitto.log").open("ab")
        self._process = subprocess.Popen(
            [need_program("mosquitto"), "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
        )
        log.close()
        eventually(self._answers, "mosquitto listens")
        return self

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        """Whether it hangs up on what is neither MQTT nor TLS.

        A port that listens is not enough: mosquitto listens before its main loop begins, and a SIGTERM in between is
        lost (2.0.11 takes it, and then begins all the same).
        """
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                probe.sendall(bytes(16))
                return len(probe.recv(64)) < 64  # TLS says why before it hangs up
        except ConnectionResetError:
            return True
        except OSError:
            return False


class Listener:
    """A subscriber that remembers everything; its session outlives its connection, and it reconnects by itself."""

    def __init__(self, broker: Mosquitto, topics: str = "passerby/#", *, name: str = "listener", qos: int = 1) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self.ready = threading.Event()
        self._topics, self._qos = topics, qos
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self.ready.set()
        self._client.on_disconnect = lambda *_: self.ready.clear()
        self._client.on_message = lambda _, __, message: self.messages.append(message)
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", broker.port, clean_start=False, properties=kept)
        self._client.loop_start()
        assert self.ready.wait(DEADLINE_S), "subscribed"

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._topics, qos=self._qos)

    def payloads(self, last: str) -> list[bytes]:
        """Payloads of the topics whose last part is `last`, in order of arrival."""
        return [bytes(m.payload) for m in list(self.messages) if m.topic.rpartition("/")[2] == last]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(DEADLINE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
