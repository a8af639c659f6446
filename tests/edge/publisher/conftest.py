"""Fixtures with a real mosquitto and real publisher processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.processes.publisher import PublisherProcess
from tests.processes.sensor import Sensor


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
