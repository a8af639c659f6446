"""What the sensor counts, clipped to what the link can carry."""

from __future__ import annotations

from edge.link.codec import decode, encode
from edge.machine.heat import Heat
from edge.schemas.link import MAX_REOPENS, HealthMessage
from edge.sensor.cooling import Governor
from edge.sensor.pipeline import Counters
from edge.sensor.uplink.messages import health_message
from edge.settings.settings import Thermal


def health(counters: Counters, reopens: int) -> HealthMessage:
    governor = Governor(Thermal(), 30.0, lambda: Heat(None, None, throttled=False, under_voltage=False), lambda: 0.0)
    return health_message(
        "running", counters, governor, None, target="fake:CPU", fallbacks=0, uptime_s=1.0, dropped_frames=0,
        lost_visits=0, reopens=reopens, resident_mb=1,
    )  # fmt: skip


def test_static_faces_and_reopens_are_as_they_were_counted() -> None:
    message = health(Counters(static_faces=3), 7)
    assert (message.static_faces, message.camera_reopens) == (3, 7)


def test_what_is_more_than_the_link_can_carry_is_the_most_that_it_can() -> None:
    message = health(Counters(static_faces=300), 2**30)
    assert (message.static_faces, message.camera_reopens) == (255, MAX_REOPENS)
    assert decode(encode(message)) == message
