"""Dates of visits that were stored before the time was known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.publisher.dating import Dating
from edge.publisher.dispatch import Dispatch
from edge.publisher.events import Composer, WallClock
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft, Place, Row
from edge.schemas.events import Visit
from edge.settings import settings as config
from tests.edge.publisher.test_events import NOON, message

LONG_AGO = NOON - 86_400 * 365


class Time:
    """A machine's clocks, as the test sets them."""

    def __init__(self) -> None:
        self.boot, self.wall, self.known = 100.0, LONG_AGO, False

    def go_on(self, seconds: float) -> None:
        self.boot += seconds
        self.wall += seconds

    @property
    def clock(self) -> WallClock:
        return WallClock(1, boot=lambda: self.boot, wall=lambda: self.wall, synced=lambda: self.known)


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def composer(now: Time) -> Composer:
    return Composer(config.Settings(), "best@1.0.0", now.clock)


@pytest.fixture
def outbox(tmp_path: Path, now: Time) -> Iterator[Outbox]:
    made = open_outbox(tmp_path, now)
    yield made
    made.close()


def open_outbox(folder: Path, now: Time, machine_boot: str = "this-boot") -> Outbox:
    return Outbox(folder / "outbox", config.Outbox(), clock=lambda: now.boot, machine_boot=machine_boot)


def store(outbox: Outbox, composer: Composer, counter: int, started_s: int) -> None:
    visit = message(counter=counter, started_s=started_s)
    outbox.put([Draft(1, counter, "visit", composer.visit(visit), composer.began_s(visit))])


def visits(outbox: Outbox, *, hold: bool = False) -> list[Visit]:
    outbox.rewind()
    return [msgspec.json.decode(row.payload, type=Visit) for row in outbox.due(100, hold_undated=hold)]


def dating(outbox: Outbox, composer: Composer, now: Time) -> Dating:
    return Dating(outbox, composer, now.clock, patience_s=300.0)


def test_a_visit_of_before_the_time_was_known_is_dated_once_it_is_and_says_so(
    outbox: Outbox, composer: Composer, now: Time
) -> None:
    store(outbox, composer, 1, started_s=90)
    (before,) = visits(outbox)
    assert (before.clock_synced, before.dated_late, before.started_at[:4]) == (False, False, "2025")
    dates = dating(outbox, composer, now)
    now.go_on(60)
    now.wall, now.known = NOON, True  # 70 seconds after the visit began
    dates.work()
    (after,) = visits(outbox)
    assert after.started_at == "2026-11-20T11:58:50Z"
    assert (after.clock_synced, after.dated_late) == (True, True)
    same = {"started_at": before.started_at, "clock_synced": False, "dated_late": False}
    assert msgspec.structs.replace(after, **same) == before, "nothing else changes"
    assert outbox.tally.undated == 0
    assert outbox.tally.size_bytes == len(msgspec.json.encode(after))


def test_a_visit_of_after_it_is_left_alone(outbox: Outbox, composer: Composer, now: Time) -> None:
    now.known, now.wall = True, NOON
    store(outbox, composer, 1, started_s=90)
    dating(outbox, composer, now).work()
    (visit,) = visits(outbox)
    assert (visit.started_at, visit.clock_synced, visit.dated_late) == ("2026-11-20T11:59:50Z", True, False)


def test_undated_visits_are_held_back_only_for_a_while_after_boot(
    outbox: Outbox, composer: Composer, now: Time
) -> None:
    dates = dating(outbox, composer, now)
    assert not dates.holding
    store(outbox, composer, 1, started_s=90)
    assert dates.holding
    assert visits(outbox, hold=dates.holding) == []
    now.go_on(200)
    assert not dates.holding
    assert len(visits(outbox, hold=dates.holding)) == 1


def test_dated_visits_pass_those_that_wait(outbox: Outbox, composer: Composer, now: Time) -> None:
    store(outbox, composer, 1, started_s=90)
    now.known = True
    store(outbox, composer, 2, started_s=95)
    assert [visit.seq for visit in visits(outbox, hold=True)] == [2]
    assert [visit.seq for visit in visits(outbox)] == [1, 2]


def test_seconds_since_another_boot_tell_no_date(tmp_path: Path, composer: Composer, now: Time) -> None:
    first = open_outbox(tmp_path, now)
    store(first, composer, 1, started_s=90)
    first.close()
    same_boot = open_outbox(tmp_path, now)
    assert same_boot.tally.undated == 1
    same_boot.close()
    after_boot = open_outbox(tmp_path, now, "another-boot")
    now.known = True
    dating(after_boot, composer, now).work()
    (visit,) = visits(after_boot)
    after_boot.close()
    assert (visit.clock_synced, visit.dated_late) == (False, False)


def test_what_was_delivered_waits_for_no_date(outbox: Outbox, composer: Composer, now: Time) -> None:
    store(outbox, composer, 1, started_s=90)
    outbox.put([], [Place(outbox.boot_id, 1)])
    assert (outbox.tally.rows, outbox.tally.undated) == (0, 0)


def test_what_another_version_wrote_keeps_its_date(composer: Composer) -> None:
    assert composer.redated(b'{"schema": "passerby.visit/9"}', 90) == b'{"schema": "passerby.visit/9"}'


class Broker:
    """Takes what it is sent."""

    connected = True
    connections = 1

    def __init__(self) -> None:
        self.sent: list[int] = []

    def space(self) -> int:
        return 100

    def send(self, row: Row) -> None:
        self.sent.append(row.place.seq)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: float | None = None) -> None:
        raise AssertionError("dispatch only sends events")


def test_what_was_held_back_goes_out_once_when_it_has_its_date(outbox: Outbox, composer: Composer, now: Time) -> None:
    broker = Broker()
    dispatch, dates = Dispatch(outbox, broker, clock=lambda: now.boot), dating(outbox, composer, now)
    store(outbox, composer, 1, started_s=90)
    now.known = True
    store(outbox, composer, 2, started_s=95)
    now.known = False
    dispatch.send(hold_undated=dates.holding)
    assert broker.sent == [2]
    now.go_on(5)
    now.known = True
    dates.work()
    dispatch.send(hold_undated=dates.holding)
    dispatch.send(hold_undated=dates.holding)
    assert broker.sent == [2, 1], "the one under way is not sent again"


def test_without_the_time_what_was_held_back_goes_out_after_a_while(
    outbox: Outbox, composer: Composer, now: Time
) -> None:
    broker = Broker()
    dispatch, dates = Dispatch(outbox, broker, clock=lambda: now.boot), dating(outbox, composer, now)
    store(outbox, composer, 1, started_s=90)
    dispatch.send(hold_undated=dates.holding)
    assert broker.sent == []
    now.go_on(300)
    dates.work()
    dispatch.send(hold_undated=dates.holding)
    assert broker.sent == [1]
