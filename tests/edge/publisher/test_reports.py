"""When health is sent before its interval has passed: a camera is lost, or is back."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from edge.publisher.events import Composer, WallClock
from edge.publisher.ports import Channel, SensorLink
from edge.publisher.reports import Counts, Reports
from edge.schemas.events import Health, PublisherHealth
from edge.schemas.link import HealthMessage
from edge.schemas.vocabulary import SensorState
from edge.settings.settings import Settings


class Broker:
    """Keeps what is published."""

    connected, connections = True, 1

    def __init__(self) -> None:
        self.states: list[str | None] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool, expires_s: float | None) -> None:
        if topic == "health":
            sensor = msgspec.json.decode(payload, type=Health).sensor
            self.states.append(sensor and sensor.state)


class Link:
    linked, rejected = True, 0


class NoCounts:
    def read(self, uptime_s: float) -> PublisherHealth:
        return PublisherHealth(
            uptime_s=int(uptime_s), connected=True, reconnects=0, delivered=0, rejected_messages=0, outbox_rows=0,
            outbox_bytes=0, outbox_oldest_s=0, outbox_dropped=0, outbox_refusals=0, unfit_events=0,
        )  # fmt: skip


def health(state: SensorState) -> HealthMessage:
    return HealthMessage(
        state=state, uptime_s=9, frames=90, dropped_frames=0, fps_tenths=100, visits=1, lost_visits=0,
        camera_reopens=0, target="openvino:CPU", fallbacks=0, accelerator="none", accelerator_fault="none", rss_mb=90,
        temperature_c=-1, cooling="unknown", static_faces=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        (["running", "running", "running"], ["running"]),
        (["running", "camera_lost", "running"], ["running", "camera_lost", "running"]),
        (["camera_lost", "camera_lost", "camera_lost"], ["camera_lost"]),
        (["running", "paused"], ["running"]),
    ],
)
def test_a_lost_camera_does_not_wait_for_the_interval(told: list[SensorState], sent: list[str]) -> None:
    settings, broker = Settings(), Broker()
    clock = WallClock(1, boot=lambda: 1000.0, wall=lambda: 1_795_176_000.0, synced=lambda: True)
    composer = Composer(settings, "nano@1.0.0", clock)
    reports = Reports(
        settings, composer, cast(SensorLink, Link()), cast(Channel, broker), cast(Counts, NoCounts()), clock
    )
    for state in told:
        reports.take([health(state)])
    assert broker.states == sent
