"""The sensor's end of the link against a real socket whose other end the test plays by hand."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import MessageRejected
from edge.link.codec import decode, encode
from edge.link.peer import peer_of
from edge.schemas.link import Ack, HealthMessage, HealthRequest, Pause, Resume, SensorMessage, VisitMessage
from edge.sensor.types import AgeGuess, GenderGuess, VisitSummary
from edge.sensor.uplink.coarsening import coarsen_visit
from edge.sensor.uplink.link_client import LinkClient


class _Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


class _Publisher:
    """The other end, one step at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        self.start()

    def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self._path))
        self._listener.listen(4)

    def accept(self) -> None:
        assert self._listener is not None
        self._listener.settimeout(2)
        self._connection, _ = self._listener.accept()
        self._connection.setblocking(False)

    def messages(self) -> list[SensorMessage]:
        assert self._connection is not None
        arrived = []
        while True:
            try:
                arrived.append(decode(self._connection.recv(1024)))
            except BlockingIOError:
                return arrived

    def counters(self) -> list[int]:
        return [m.counter for m in self.messages() if isinstance(m, VisitMessage)]

    def send(self, packet: bytes) -> None:
        assert self._connection is not None
        self._connection.send(packet)

    def acknowledge(self, client: LinkClient, counter: int) -> None:
        self.send(encode(Ack(session=client.session, counter=counter)))

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def stop(self) -> None:
        self.hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._path.unlink(missing_ok=True)


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has at most 107 bytes
        yield Path(folder, "link")


@pytest.fixture
def publisher(path: Path) -> Iterator[_Publisher]:
    end = _Publisher(path)
    yield end
    end.stop()


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def client(path: Path, clock: _Clock) -> Iterator[LinkClient]:
    end = LinkClient(path, target="fake:CPU", taxonomy="ads-8", clock=clock, jitter=lambda: 1.0, max_unacknowledged=30)
    yield end
    end.close()


SUMMARY = VisitSummary(
    track_id=77, first_seen=100.4, last_seen=106.9, attention_s=3.1, glances=2,
    gender=GenderGuess("female", 0.934, 0.934), age=AgeGuess(3, 0.71, 28.4, (2, 3)), samples=5, quality=0.816,
    end_reason="left",
)  # fmt: skip
HEALTH = HealthMessage(
    state="running", uptime_s=1, frames=1, dropped_frames=0, fps_tenths=1, visits=0, lost_visits=0,
    camera_reopens=0, target="fake:CPU", fallbacks=0, accelerator="none", accelerator_fault="none", rss_mb=1,
        temperature_c=-1, cooling="unknown", static_faces=0,
)  # fmt: skip


def test_a_visit_arrives_rounded_and_without_its_track(client: LinkClient, publisher: _Publisher) -> None:
    client.visit(SUMMARY)
    publisher.accept()

    assert publisher.messages() == [
        VisitMessage(
            session=client.session, counter=1, started_s=100, dwell_halves=13, attention_halves=6, glances=2,
            gender="female", gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
            interval_low=2, interval_high=3, samples=5,
            quality_percent=82, target="fake:CPU", historical=False, end_reason="left",
        )
    ]  # fmt: skip


def test_what_is_not_known_of_a_person_is_said_as_unknown() -> None:
    summary = VisitSummary(1, -3.0, 1e9, 1e9, 20_000, None, None, 5_000, 1.5, "too_long")

    message = coarsen_visit(summary, session=1, counter=1, taxonomy="ads-8", target="fake:CPU", historical=True)

    assert (message.gender, message.gender_percent, message.bracket, message.age_percent) == ("unknown", 0, -1, 0)
    assert (message.interval_low, message.interval_high) == (-1, -1)
    assert (message.dwell_halves, message.attention_halves) == (2 * 86_400, 2 * 86_400)
    assert (message.glances, message.samples, message.quality_percent) == (9_999, 999, 100)
    assert decode(encode(message)) == message


def test_attention_is_never_longer_than_the_visit() -> None:
    summary = VisitSummary(1, 10.0, 12.0, 2.4, 1, None, None, 1, 0.5, "left")

    message = coarsen_visit(summary, session=1, counter=1, taxonomy="ads-8", target="fake:CPU", historical=False)

    assert message.attention_halves == message.dwell_halves == 4


def test_a_clip_that_plays_faster_than_time_goes_by_has_no_visits_in_the_future(
    client: LinkClient, publisher: _Publisher, clock: _Clock
) -> None:
    client.visit(replace(SUMMARY, first_seen=clock.now + 90, last_seen=clock.now + 100))
    publisher.accept()

    (visit,) = publisher.messages()
    assert isinstance(visit, VisitMessage)
    assert (visit.started_s, visit.dwell_halves) == (clock.now - 10, 20)


def test_an_acknowledgement_covers_all_visits_before_it(client: LinkClient, publisher: _Publisher) -> None:
    for _ in range(3):
        client.visit(SUMMARY)
    publisher.accept()
    assert publisher.counters() == [1, 2, 3]

    publisher.acknowledge(client, 2)
    client.commands()

    assert client.unacknowledged == 1


def test_unacknowledged_visits_are_sent_again_in_order_after_a_reconnect(
    client: LinkClient, publisher: _Publisher, clock: _Clock
) -> None:
    for _ in range(4):
        client.visit(SUMMARY)
    publisher.accept()
    first = publisher.messages()
    publisher.acknowledge(client, 1)
    client.commands()
    publisher.stop()
    client.commands()
    assert not client.connected

    publisher.start()
    clock.now += 0.1
    client.visit(SUMMARY)
    publisher.accept()

    again = publisher.messages()
    assert [m.counter for m in again if isinstance(m, VisitMessage)] == [2, 3, 4, 5]
    assert again[:3] == first[1:]


def test_visits_before_there_is_a_publisher_wait_for_it(path: Path, client: LinkClient, clock: _Clock) -> None:
    client.visit(SUMMARY)
    client.visit(SUMMARY)
    late = _Publisher(path)
    clock.now += 0.1

    client.commands()
    late.accept()

    assert late.counters() == [1, 2]
    late.stop()


def test_tries_to_connect_are_spaced_by_a_growing_wait(client: LinkClient, path: Path, clock: _Clock) -> None:
    client.commands()
    for wait_s in (0.05, 0.1, 0.2):
        clock.now += wait_s
        client.commands()
    late = _Publisher(path)

    clock.now += 0.39
    client.commands()
    assert not client.connected
    clock.now += 0.02
    client.commands()
    assert client.connected
    late.stop()


def test_a_full_list_loses_the_newest_and_counts_it(client: LinkClient, path: Path, clock: _Clock) -> None:
    for _ in range(33):
        client.visit(SUMMARY)
    assert (client.unacknowledged, client.lost_visits) == (30, 3)

    late = _Publisher(path)
    clock.now += 10
    client.commands()
    late.accept()
    got = late.counters()
    clock.now += 10
    client.commands()
    got += late.counters()
    late.acknowledge(client, 30)
    client.visit(SUMMARY)
    client.visit(SUMMARY)

    assert got == list(range(1, 31))
    assert late.counters() == [31, 32]
    late.stop()


def test_the_bucket_holds_a_backlog_to_its_rate_and_leaves_room_for_health(
    client: LinkClient, publisher: _Publisher, clock: _Clock
) -> None:
    for _ in range(30):
        client.visit(SUMMARY)
    publisher.accept()
    assert publisher.counters() == list(range(1, 20))

    client.send(HEALTH)
    client.send(HEALTH)
    assert publisher.messages() == [HEALTH]

    clock.now += 0.25
    client.commands()
    assert publisher.counters() == [20, 21, 22, 23]


def test_health_is_dropped_where_the_link_is_down(client: LinkClient, path: Path, clock: _Clock) -> None:
    client.send(HEALTH)
    late = _Publisher(path)
    clock.now += 1
    client.commands()
    late.accept()

    assert late.messages() == []
    late.stop()


def test_commands_come_in_order_and_once(client: LinkClient, publisher: _Publisher) -> None:
    client.commands()
    publisher.accept()
    for command in (Pause(), HealthRequest(), Resume()):
        publisher.send(encode(command))

    assert client.commands() == [Pause(), HealthRequest(), Resume()]
    assert client.commands() == []


@pytest.mark.parametrize("counter", [2, 2**31 - 1])
def test_an_acknowledgement_of_what_was_never_sent_is_ignored(
    client: LinkClient, publisher: _Publisher, counter: int
) -> None:
    client.visit(SUMMARY)
    publisher.accept()
    publisher.acknowledge(client, counter)
    client.commands()

    assert client.unacknowledged == 1


def test_an_acknowledgement_of_another_session_is_ignored(client: LinkClient, publisher: _Publisher) -> None:
    client.visit(SUMMARY)
    publisher.accept()
    publisher.send(encode(Ack(session=client.session ^ 1, counter=1)))
    client.commands()

    assert client.unacknowledged == 1


@pytest.mark.parametrize("packet", [b"hello", b"x" * 4000, encode(HEALTH)], ids=["word", "long", "sensor's own kind"])
def test_a_publisher_that_talks_nonsense_is_hung_up_on(
    client: LinkClient, publisher: _Publisher, packet: bytes
) -> None:
    client.visit(SUMMARY)
    publisher.accept()
    publisher.send(packet)
    client.commands()

    assert not client.connected
    assert client.unacknowledged == 1


def test_a_publisher_of_an_untrusted_user_gets_nothing(path: Path, publisher: _Publisher, clock: _Clock) -> None:
    wary = LinkClient(path, target="fake:CPU", taxonomy="ads-8", clock=clock, peer_uids={os.getuid() + 1})
    wary.visit(SUMMARY)

    publisher.accept()
    with pytest.raises(MessageRejected):  # an empty packet: the end of the connection
        publisher.messages()
    assert not wary.connected


def test_a_publisher_that_reads_nothing_never_blocks_the_frame_loop(path: Path, publisher: _Publisher) -> None:
    clock = _Clock()
    client = LinkClient(path, target="fake:CPU", taxonomy="ads-8", clock=clock)
    client.commands()
    publisher.accept()

    for _ in range(3_000):
        clock.now += 0.05
        client.visit(SUMMARY)

    assert client.connected
    assert client.unacknowledged == 3_000
    client.close()


def test_flush_waits_for_the_last_acknowledgement(path: Path, publisher: _Publisher) -> None:
    client = LinkClient(path, target="fake:CPU", taxonomy="ads-8")
    client.visit(SUMMARY)
    publisher.accept()
    publisher.messages()
    answer = threading.Thread(target=publisher.acknowledge, args=(client, 1))
    answer.start()

    assert client.flush(5.0)
    answer.join()
    client.close()


def test_flush_gives_up_when_time_runs_out(path: Path, publisher: _Publisher) -> None:
    client = LinkClient(path, target="fake:CPU", taxonomy="ads-8")
    client.visit(SUMMARY)

    assert not client.flush(0.1)
    assert client.unacknowledged == 1
    client.close()


def test_sessions_differ(path: Path) -> None:
    sessions = {LinkClient(path, target="fake:CPU", taxonomy="ads-8").session for _ in range(20)}

    assert len(sessions) == 20
    assert all(0 <= session < 2**32 for session in sessions)


def test_the_kernel_tells_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert peer_of(ours) == (os.getpid(), os.getuid(), os.getgid())
