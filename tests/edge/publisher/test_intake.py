"""From the link into the outbox: when it commits, when it acknowledges, what it does when the outbox refuses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from edge.errors import OutboxFull
from edge.publisher.dispatch import Dispatch
from edge.publisher.events import Composer, WallClock
from edge.publisher.intake import MAX_HELD, MAX_READ, Intake
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft, News, Place, Row, Tally
from edge.schemas.link import Ack, LiveMessage, PublisherMessage, SensorMessage, VisitMessage
from edge.settings import settings as config


class Clock:
    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


class ScriptedLink:
    """A sensor that has these messages to give."""

    rejected = 0
    linked = True

    def __init__(self) -> None:
        self.waiting: list[SensorMessage] = []
        self.sent: list[PublisherMessage] = []

    def waits(self, *, reading: bool) -> list[tuple[int, int]]:
        return []

    def wait_s(self) -> float | None:
        return None

    def receive(self, limit: int) -> list[SensorMessage]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def send(self, message: PublisherMessage) -> None:
        self.sent.append(message)


class ScriptedStore:
    """An outbox in memory that can be told to refuse."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.commits: list[tuple[list[Draft], set[Place]]] = []
        self.refuses = False
        self.rows: list[Row] = []
        self.rewinds = 0

    def put(self, drafts: Sequence[Draft], delivered: Collection[Place] = ()) -> None:
        if self.refuses:
            raise OutboxFull("no space")
        self.commits.append((list(drafts), set(delivered)))

    def due(self, limit: int, *, hold_undated: bool = False) -> list[Row]:
        taken, self.rows = self.rows[:limit], self.rows[limit:]
        return taken

    def rewind(self) -> None:
        self.rewinds += 1

    def oldest_s(self) -> float:
        return 0.0


class ScriptedChannel:
    """A broker that takes so many events at once."""

    connected = True
    connections = 1

    def __init__(self, space: int) -> None:
        self.sent: list[Row] = []
        self._space = space

    def space(self) -> int:
        return self._space

    def send(self, row: Row) -> None:
        self.sent.append(row)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: float | None = None) -> None:
        raise AssertionError("dispatch only sends events")


def visit(counter: int, session: int = 1) -> VisitMessage:
    return VisitMessage(
        session=session, counter=counter, started_s=5, dwell_halves=5, attention_halves=2, glances=1,
        gender="female", gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
        interval_low=2, interval_high=3, samples=5,
        quality_percent=82, target="fake:CPU", historical=False, end_reason="left",
    )  # fmt: skip


LIVE = LiveMessage(
    watchers=1, longest_dwell_halves=4, female=1, male=0, unknown=0, taxonomy="ads-8",
    brackets=(0, 0, 0, 1, 0, 0, 0, 0, 0), target="fake:CPU",
)  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def link() -> ScriptedLink:
    return ScriptedLink()


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def intake(link: ScriptedLink, store: ScriptedStore, clock: Clock) -> Intake:
    composer = Composer(config.Settings(), "best@1.0.0", WallClock(1))
    return Intake(link, store, composer, interval_s=0.05, clock=clock)


def test_there_is_at_most_one_commit_an_interval(
    intake: Intake, link: ScriptedLink, store: ScriptedStore, clock: Clock
) -> None:
    for counter in range(1, 101):  # a hundred visits in a second
        link.waiting.append(visit(counter))
        intake.read()
        intake.commit(set())
        clock.now += 0.01
    assert 15 <= len(store.commits) <= 20


def test_the_ack_comes_after_the_commit_and_names_the_highest_counter(
    intake: Intake, link: ScriptedLink, store: ScriptedStore
) -> None:
    link.waiting += [visit(1), visit(2)]
    intake.read()
    assert link.sent == []
    intake.commit(set())
    assert len(store.commits) == 1 and link.sent == [Ack(session=1, counter=2)]


def test_deleting_what_was_delivered_shares_the_commit(
    intake: Intake, link: ScriptedLink, store: ScriptedStore
) -> None:
    acked = {Place("a", 1)}
    link.waiting.append(visit(1))
    intake.read()
    intake.commit(acked)
    assert len(store.commits) == 1 and store.commits[0][1] == {Place("a", 1)}
    assert acked == set()


def test_while_the_outbox_refuses_nothing_is_acknowledged_and_nothing_is_lost(
    intake: Intake, link: ScriptedLink, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    store.refuses = True
    link.waiting += [visit(1), visit(2)]
    acked = {Place("a", 1)}
    for _ in range(200):
        intake.read()
        intake.commit(acked)
        clock.now += 0.1
    assert link.sent == [] and intake.reading
    assert 3 < intake.refusals < 20, "tried again, ever more slowly"
    assert caplog.text.count("no space") == 1 and acked

    store.refuses = False
    clock.now += 10
    intake.commit(acked)
    assert [draft.counter for draft in store.commits[0][0]] == [1, 2] and intake.reading
    assert link.sent == [Ack(session=1, counter=2)] and not acked


def test_what_is_said_of_now_passes_while_the_outbox_refuses(
    intake: Intake, link: ScriptedLink, store: ScriptedStore, clock: Clock
) -> None:
    store.refuses = True
    link.waiting += [visit(1), LIVE]
    assert intake.read() == [LIVE]
    intake.commit(set())
    link.waiting += [LIVE, visit(2)]
    assert intake.read() == [LIVE]


def test_when_no_more_can_be_held_the_rest_stays_with_the_sensor_and_old_news_is_dropped_later(
    intake: Intake, link: ScriptedLink, store: ScriptedStore, clock: Clock
) -> None:
    store.refuses = True
    link.waiting += [visit(counter) for counter in range(1, MAX_HELD + 1)]
    for _ in range(MAX_HELD // MAX_READ + 1):
        intake.read()
        intake.commit(set())
    assert not intake.reading
    link.waiting += [visit(MAX_HELD + 1), LIVE]
    assert intake.read() == [] and len(link.waiting) == 2

    store.refuses = False
    clock.now += 10
    intake.commit(set())
    assert [len(drafts) for drafts, _ in store.commits] == [MAX_READ] * (MAX_HELD // MAX_READ)
    assert intake.read() == [] and link.waiting == [], "what was said of now is old"
    assert intake.read() == []
    link.waiting.append(LIVE)
    assert intake.read() == [LIVE]


def test_without_visits_the_outbox_is_still_asked_for_old_events(
    intake: Intake, store: ScriptedStore, clock: Clock
) -> None:
    clock.now += 61
    intake.commit(set())
    assert store.commits == [([], set())]


def test_no_more_is_sent_than_the_broker_takes(store: ScriptedStore, clock: Clock) -> None:
    store.rows = [Row(Place("a", seq), "visit", b"{}") for seq in range(1, 11)]
    store.tally = Tally(rows=10)
    channel = ScriptedChannel(space=4)
    Dispatch(store, channel, clock=clock).send()
    assert [row.place.seq for row in channel.sent] == [1, 2, 3, 4]


def test_after_a_reconnect_all_is_sent_again_but_what_the_broker_has(store: ScriptedStore, clock: Clock) -> None:
    store.tally = Tally(rows=3)
    channel = ScriptedChannel(space=10)
    dispatch = Dispatch(store, channel, clock=clock)
    dispatch.take(News(acked=[Place("a", 2)]))
    dispatch.take(News(connected=True))
    store.rows = [Row(Place("a", seq), "visit", b"{}") for seq in (1, 2, 3)]
    dispatch.send()
    assert store.rewinds == 1 and [row.place.seq for row in channel.sent] == [1, 3]


def test_what_was_held_fits_a_small_outbox_in_parts(tmp_path: Path, link: ScriptedLink, clock: Clock) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3", config.Outbox(max_rows=100, when_full="refuse"), clock=clock)
    composer = Composer(config.Settings(), "best@1.0.0", WallClock(1))
    intake = Intake(link, outbox, composer, interval_s=0.05, clock=clock)
    link.waiting += [visit(counter) for counter in range(1, 151)]
    for _ in range(3):
        intake.read()
    intake.commit(set())
    assert outbox.tally.rows == MAX_READ and intake.refusals == 1
    clock.now += 10
    intake.commit({Place(outbox.boot_id, seq) for seq in range(1, MAX_READ + 1)})
    assert outbox.tally.rows == 150 - MAX_READ and link.sent[-1] == Ack(session=1, counter=150)
    outbox.close()
