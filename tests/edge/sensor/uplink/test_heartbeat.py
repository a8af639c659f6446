"""The heartbeat: live and health messages at their intervals, on a clock that the test turns."""

from __future__ import annotations

import logging

import pytest

from edge.clock import Every
from edge.schemas.link import Command, HealthMessage, LiveMessage, SensorMessage
from edge.sensor.types import VisitSummary
from edge.sensor.uplink.heartbeat import Heartbeat
from edge.settings.settings import Publish


class Sink:
    """Keeps messages with the time at which they came."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sent: list[tuple[float, SensorMessage]] = []

    def clock(self) -> float:
        return self.now

    def send(self, message: SensorMessage) -> None:
        self.sent.append((self.now - 1000, message))

    def visit(self, summary: VisitSummary) -> None:
        raise AssertionError("the heartbeat reports no visit")

    def commands(self) -> tuple[Command, ...]:
        return ()

    def flush(self, timeout_s: float) -> bool:
        return True

    def times(self, kind: type) -> list[float]:
        return [at for at, message in self.sent if isinstance(message, kind)]


def live(at: float) -> LiveMessage:
    places = (0, 0, 0, 0, 0, 0, 0, 0, 0)
    return LiveMessage(
        watchers=0, longest_dwell_halves=int(at), female=0, male=0, unknown=0, taxonomy="ads-8", brackets=places,
        target="fake:CPU",
    )  # fmt: skip


def health() -> HealthMessage:
    return HealthMessage(
        state="running", uptime_s=1, frames=1, dropped_frames=0, fps_tenths=1, visits=0, lost_visits=0,
        camera_reopens=0, target="fake:CPU", fallbacks=0, accelerator="none", accelerator_fault="none", rss_mb=1,
        temperature_c=-1, cooling="unknown", static_faces=0,
    )  # fmt: skip


class Stage:
    """A heartbeat with its sink, its clock and a count of the watchdog's food."""

    def __init__(self, settings: Publish, watchdog_s: float | None = None) -> None:
        self.sink = Sink()
        self.fed: list[float] = []
        self.heart = Heartbeat(
            settings,
            self.sink,
            live=live,
            health=health,
            alive=lambda: self.fed.append(self.sink.now - 1000),
            watchdog_s=watchdog_s,
            clock=self.sink.clock,
        )

    def frames(self, count: int, every_s: float) -> Stage:
        for number in range(count):
            self.sink.now = 1000 + number * every_s
            self.heart.beat(number)
        return self


def test_live_and_health_come_with_the_first_frame_and_then_at_their_intervals() -> None:
    sink = Stage(Publish(live_interval_s=2, health_interval_s=5)).frames(count=25, every_s=0.5).sink
    assert sink.times(LiveMessage) == [0, 2, 4, 6, 8, 10, 12]
    assert sink.times(HealthMessage) == [0, 5, 10]


def test_the_live_message_is_made_of_the_frame_it_belongs_to() -> None:
    sink = Stage(Publish(live_interval_s=2)).frames(count=9, every_s=0.5).sink
    lives = [message for _, message in sink.sent if isinstance(message, LiveMessage)]
    assert [message.longest_dwell_halves for message in lives] == [0, 4, 8]


def test_no_live_message_where_live_events_are_not_wanted() -> None:
    sink = Stage(Publish(events=("visit",))).frames(count=100, every_s=0.5).sink
    assert sink.times(LiveMessage) == []
    assert sink.times(HealthMessage)


def test_who_asks_gets_health_at_the_next_frame_and_once() -> None:
    stage = Stage(Publish(health_interval_s=60)).frames(count=4, every_s=1)
    stage.heart.ask()
    assert stage.sink.times(HealthMessage) == [0]
    stage.sink.now = 1004.0
    stage.heart.beat(4)
    stage.sink.now = 1005.0
    stage.heart.beat(5)
    assert stage.sink.times(HealthMessage) == [0, 4]


def test_a_due_and_asked_for_health_message_is_one() -> None:
    stage = Stage(Publish(health_interval_s=60))
    stage.heart.ask()
    stage.frames(count=2, every_s=1)
    assert stage.sink.times(HealthMessage) == [0]


def test_frames_that_come_late_bring_one_message_not_all_that_were_missed() -> None:
    sink = Stage(Publish(live_interval_s=2, health_interval_s=5)).frames(count=4, every_s=100).sink
    assert sink.times(LiveMessage) == sink.times(HealthMessage) == [0, 100, 200, 300]


def test_the_watchdog_is_fed_at_its_interval() -> None:
    assert Stage(Publish(), watchdog_s=1.5).frames(count=10, every_s=0.5).fed == [0, 1.5, 3, 4.5]


def test_without_a_watchdog_nobody_is_fed() -> None:
    assert Stage(Publish()).frames(count=10, every_s=10).fed == []


def test_the_first_frame_is_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "edge.sensor.uplink.heartbeat"):
        Stage(Publish()).frames(count=5, every_s=1)
    assert [record.getMessage().startswith("first frame done") for record in caplog.records] == [True]


def test_every_is_due_at_once_and_then_not_before_its_interval() -> None:
    every = Every(2.0)
    assert [every.due(now) for now in (7.0, 8.9, 9.0, 9.1, 11.0, 10.9, 30.0)] == [
        True, False, True, False, True, False, True,
    ]  # fmt: skip
