"""Fixtures with a real mosquitto and real publisher processes."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.broker.sensor_process import Sensor

ROOT = Path(__file__).parents[2]


class PublisherProcess:
    """A publisher that can be killed; its settings are a real file."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.state = folder / "state"
        self.toml = folder / "passerby.toml"
        self.toml.write_text(settings)
        self._log = folder / "publisher.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def socket(self) -> Path:
        return self.state / "link.sock"

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "tests.broker.publisher_process", str(self.state), str(self.toml)]
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | (environment or {}),
            )

    def kill(self) -> None:
        self.end_by(signal.SIGKILL)

    def terminate(self) -> int:
        return self.end_by(signal.SIGTERM)

    def wait(self, within_s: float = 20.0) -> int:
        assert self._process is not None
        return self._process.wait(within_s)

    def log(self) -> str:
        return self._log.read_text()

    def outbox_rows(self) -> int:
        """Events in the outbox, read beside the publisher."""
        with contextlib.closing(sqlite3.connect(self.state / "outbox.sqlite3")) as database:
            return int(database.execute("SELECT count(*) FROM events").fetchone()[0])

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def end_by(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path / "mosquitto").start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    subscriber = Listener(broker)
    yield subscriber
    subscriber.close()


@pytest.fixture
def settings() -> Callable[..., str]:
    """TOML of fast reconnects to an address; further lines go to `[broker]`, `rest` stands after it."""

    def write(url: str, *lines: str, rest: str = "") -> str:
        own = '[identity]\nsite = "berlin"\ndevice = "kiosk"\n'
        waits = "reconnect_initial_s = 0.05\nreconnect_max_s = 0.2\n"
        return f'{own}[broker]\nurl = "{url}"\n{waits}' + "".join(f"{line}\n" for line in lines) + rest

    return write


@pytest.fixture
def publisher(tmp_path: Path, broker: Mosquitto, settings: Callable[..., str]) -> Iterator[PublisherProcess]:
    process = PublisherProcess(tmp_path, settings(broker.url))
    yield process
    process.close()


@pytest.fixture
def deliver() -> Callable[[PublisherProcess, int, int], Sensor]:
    """Send so many visits, numbered from `first`, and wait until each is acknowledged."""

    def send(publisher: PublisherProcess, first: int, count: int) -> Sensor:
        sensor = Sensor(publisher.socket, first)
        for _ in range(count):
            sensor.make()

        def done() -> bool:
            sensor.work()
            return sensor.waiting == 0

        eventually(done, "every visit is acknowledged")
        sensor.close()
        return sensor

    return send
