"""The outbox on a real file: places, doubles, bounds, full disks, damage."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError, OutboxFull
from edge.publisher.outbox.outbox import KEPT_SESSIONS, Outbox
from edge.publisher.outbox.outbox_file import ASIDE
from edge.publisher.types import Draft, Place, Row, Stamp
from edge.settings import settings as config


class Clock:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def render(stamp: Stamp) -> bytes:
    return json.dumps(stamp._asdict()).encode()


def draft(counter: int, session: int = 7, text: Callable[[Stamp], bytes] | None = render) -> Draft:
    return Draft(session, counter, "visit", text)


def drafts(first: int, last: int) -> list[Draft]:
    return [draft(counter) for counter in range(first, last + 1)]


def held(outbox: Outbox) -> list[Row]:
    outbox.rewind()
    return outbox.due(1_000_000)


def seqs(outbox: Outbox) -> list[int]:
    return [row.place.seq for row in held(outbox)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


@pytest.fixture
def outbox(path: Path, clock: Clock) -> Iterator[Outbox]:
    box = Outbox(path, config.Outbox(max_rows=100), clock=clock)
    yield box
    box.close()


def test_each_event_gets_the_next_seq_and_an_id_without_time(outbox: Outbox) -> None:
    outbox.put(drafts(1, 3))
    stamps = [Stamp(**json.loads(row.payload)) for row in held(outbox)]
    assert [stamp.seq for stamp in stamps] == [1, 2, 3]
    assert {stamp.boot_id for stamp in stamps} == {outbox.boot_id}
    assert re.fullmatch(r"[0-9a-f]{32}", outbox.boot_id)
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", s.event_id)
               for s in stamps)  # fmt: skip
    assert len({stamp.event_id for stamp in stamps}) == 3


def test_a_visit_sent_twice_is_one_event(outbox: Outbox) -> None:
    outbox.put([draft(1), draft(1), draft(2)])
    outbox.put([draft(1), draft(2), draft(3)])
    assert seqs(outbox) == [1, 2, 3]


def test_a_resend_after_delivery_and_restart_is_still_no_new_event(path: Path) -> None:
    first = Outbox(path, config.Outbox())
    first.put(drafts(1, 2))
    first.put([], [row.place for row in held(first)])
    first.close()
    second = Outbox(path, config.Outbox())
    second.put([draft(1), draft(2)])
    assert held(second) == []
    second.close()


def test_the_same_counter_of_another_session_is_another_visit(outbox: Outbox) -> None:
    outbox.put([draft(1, session=1), draft(1, session=2)])
    assert len(held(outbox)) == 2


def test_only_the_newest_sessions_are_remembered(path: Path) -> None:
    box = Outbox(path, config.Outbox())
    for session in range(KEPT_SESSIONS + 10):
        box.put([draft(5, session=session)])
    box.close()
    with sqlite3.connect(path) as database:
        kept = [session for (session,) in database.execute("SELECT session FROM sessions ORDER BY session")]
    database.close()
    assert kept == list(range(10, KEPT_SESSIONS + 10))


def test_a_visit_that_is_kept_back_is_remembered_and_takes_no_seq(outbox: Outbox) -> None:
    outbox.put([draft(1, text=None), draft(2)])
    outbox.put([draft(1), draft(2)])
    assert seqs(outbox) == [1]


def test_seq_goes_on_after_everything_was_delivered_and_the_file_was_reopened(path: Path) -> None:
    box = Outbox(path, config.Outbox())
    box.put(drafts(1, 3))
    box.put([], [row.place for row in held(box)])
    life = box.boot_id
    box.close()
    again = Outbox(path, config.Outbox())
    again.put([draft(4)])
    assert held(again)[0].place == Place(life, 4)
    again.close()


def test_events_are_given_once_until_rewind(outbox: Outbox) -> None:
    outbox.put(drafts(1, 5))
    assert [row.place.seq for row in outbox.due(2)] == [1, 2]
    assert [row.place.seq for row in outbox.due(9)] == [3, 4, 5]
    assert outbox.due(9) == []
    outbox.rewind()
    assert len(outbox.due(9)) == 5


def test_the_oldest_are_dropped_and_counted_when_there_are_too_many(outbox: Outbox) -> None:
    outbox.put(drafts(1, 103))
    assert seqs(outbox) == list(range(4, 104))
    assert outbox.tally.dropped == 3 and outbox.tally.rows == 100


def test_the_oldest_are_dropped_when_they_take_too_many_bytes(path: Path) -> None:
    box = Outbox(path, config.Outbox(max_bytes=100_000))
    box.put([draft(counter, text=lambda _: b"x" * 30_000) for counter in range(1, 6)])
    assert seqs(box) == [3, 4, 5] and box.tally.size_bytes == 90_000 and box.tally.dropped == 2
    box.close()


def test_refuse_stores_none_of_the_batch_and_takes_it_once_there_is_room(path: Path) -> None:
    box = Outbox(path, config.Outbox(max_rows=100, when_full="refuse"))
    box.put(drafts(1, 99))
    with pytest.raises(OutboxFull, match=r"refuse.*99 events"):
        box.put(drafts(100, 101))
    assert len(held(box)) == 99
    box.put(drafts(100, 101), [held(box)[0].place])
    assert seqs(box) == list(range(2, 102))
    box.close()


def test_old_events_are_dropped_by_the_time_that_the_outbox_was_open(path: Path, clock: Clock) -> None:
    bounds = config.Outbox(max_age_s=60)
    box = Outbox(path, bounds, clock=clock)
    box.put([draft(1)])
    clock.now += 40
    box.put([draft(2)])
    box.close()
    clock.now = 5.0  # another boot: the machine's clock began anew
    box = Outbox(path, bounds, clock=clock)
    clock.now += 30
    assert box.oldest_s() == pytest.approx(70)
    box.put([])
    assert seqs(box) == [2] and box.tally.dropped == 1
    box.close()


def test_jitter_delays_each_event_by_its_own_time_and_loses_none(path: Path, clock: Clock) -> None:
    box = Outbox(path, config.Outbox(), jitter_s=100.0, clock=clock)
    box.put(drafts(1, 50))
    early = box.due(1000)
    clock.now += 50
    middle = box.due(1000)
    box.put(drafts(51, 60))
    clock.now += 200
    late = box.due(1000)
    assert len(early) < 5 and 5 < len(middle) < 45
    assert sorted(row.place.seq for row in [*early, *middle, *late]) == list(range(1, 61))
    box.close()


def test_an_ack_from_an_earlier_life_deletes_nothing(outbox: Outbox) -> None:
    outbox.put(drafts(1, 2))
    outbox.put([], [Place("0" * 32, 1)])
    assert seqs(outbox) == [1, 2]


def test_a_full_disk_is_refused_without_loss_and_taken_when_there_is_room(path: Path, outbox: Outbox) -> None:
    outbox.put(drafts(1, 3))
    database = outbox._database  # the limit is the connection's own, there is no other way in
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    big = [draft(counter, text=lambda _: b"x" * 60_000) for counter in (4, 5)]
    with pytest.raises(OutboxFull, match=r"disk is full.*free some space"):
        outbox.put(big)
    assert seqs(outbox) == [1, 2, 3] and outbox.tally.rows == 3
    database.execute("PRAGMA max_page_count = 100000")
    outbox.put(big)
    assert seqs(outbox) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("damage", [b"", b"this is no database at all, and long enough to be none" * 30])
def test_a_file_that_is_no_outbox_is_moved_aside_and_a_new_life_begins(
    path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(damage)
    box = Outbox(path, config.Outbox())
    box.put([draft(1)])
    assert seqs(box) == [1]
    box.close()
    moved = path.with_name(path.name + ASIDE)
    assert moved.exists() == bool(damage)
    assert ("moved aside" in caplog.text) == bool(damage)


def fill_with_big_events(path: Path, events: int = 200) -> str:
    box = Outbox(path, config.Outbox())
    box.put([draft(counter, text=lambda _: b"x" * 3_000) for counter in range(1, events + 1)])
    box.close()
    return box.boot_id


def spoil(path: Path, first_page: int) -> None:
    """Overwrite every page from there on; the first holds the schema, the second the outbox's life."""
    content = bytearray(path.read_bytes())
    content[first_page * 4096 :] = b"\xa5" * (len(content) - first_page * 4096)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("first_page", [1, 2, 3, 20])
def test_a_damaged_outbox_never_stops_the_publisher(
    path: Path, first_page: int, caplog: pytest.LogCaptureFixture
) -> None:
    old_life = fill_with_big_events(path)
    spoil(path, first_page)
    box = Outbox(path, config.Outbox())
    box.due(1000)
    box.put([draft(1, session=8)])
    assert box.boot_id != old_life and seqs(box) == [1]
    assert "moved aside" in caplog.text
    box.close()


def test_damage_that_comes_while_running_begins_a_new_life_too(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old_life = fill_with_big_events(path, 2_000)  # more than SQLite keeps in memory
    box = Outbox(path, config.Outbox())
    spoil(path, 20)
    box.due(1000)
    box.put([draft(1, session=8)])
    assert box.boot_id != old_life and seqs(box) == [1]
    assert "moved aside" in caplog.text
    box.close()


def test_an_outbox_of_a_later_version_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(ConfigError, match="got version 9, expected version 1"):
        Outbox(path, config.Outbox())
    assert path.exists()


@pytest.mark.process
def test_what_put_returned_from_survives_kill_9(path: Path) -> None:
    script = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from edge.settings import settings as config\n"
        "from edge.publisher.outbox.outbox import Outbox\n"
        "from edge.publisher.types import Draft\n"
        "box = Outbox(Path(sys.argv[1]), config.Outbox())\n"
        "for n in range(1, 101):\n"
        "    box.put([Draft(1, n, 'visit', lambda stamp: b'{}')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    box = Outbox(path, config.Outbox())
    assert seqs(box) == list(range(1, 101))
    box.close()


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 3), st.lists(st.integers(1, 30), max_size=8), st.integers(0, 5)), max_size=12
    )
)
def test_whatever_comes_seq_has_no_gap_and_sums_agree(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[int], int]]
) -> None:
    box = Outbox(tmp_path_factory.mktemp("outbox") / "o.sqlite3", config.Outbox())
    seen: list[int] = []
    highest: dict[int, int] = {}
    for session, counters, delivered in steps:
        before = box.tally.last_seq
        places = [row.place for row in held(box)[:delivered]]
        box.put([draft(counter, session=session) for counter in counters], places)
        seen += range(before + 1, box.tally.last_seq + 1)
        highest[session] = max([highest.get(session, 0), *counters])
    assert seen == list(range(1, len(seen) + 1))
    assert len(held(box)) == box.tally.rows
    assert sum(len(row.payload) for row in held(box)) == box.tally.size_bytes
    assert box._counters == {session: counter for session, counter in highest.items() if counter}
    box.close()
