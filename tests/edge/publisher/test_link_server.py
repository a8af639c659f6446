"""The publisher's end of the link on real sockets, with peers that behave badly."""

from __future__ import annotations

import os
import select
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.link.codec import decode_publisher, encode
from edge.publisher.link_server import LinkServer
from edge.schemas.link import MAX_MESSAGE_BYTES, Ack, HealthRequest, Pause, PublisherMessage, Resume, VisitMessage

pytestmark = pytest.mark.privacy


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def visit(counter: int) -> VisitMessage:
    return VisitMessage(
        session=1, counter=counter, started_s=5, dwell_halves=5, attention_halves=2, glances=1, gender="female",
        gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
        interval_low=2, interval_high=3, samples=5, quality_percent=82,
        target="fake:CPU", historical=False, end_reason="left",
    )  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "link.sock"


@pytest.fixture
def server(path: Path, clock: Clock) -> Iterator[LinkServer]:
    made = LinkServer(path, clock=clock)
    yield made
    made.close()


def dial(path: Path) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.connect(str(path))
    end.setblocking(False)
    return end


def heard(end: socket.socket) -> list[PublisherMessage]:
    found = []
    try:
        while packet := end.recv(600):
            found.append(decode_publisher(packet))
    except BlockingIOError:
        pass
    return found


def counters(server: LinkServer, limit: int = 100) -> list[int]:
    """Take what is there; the first look may only let the sensor in."""
    messages = [*server.receive(limit), *server.receive(limit)]
    return [message.counter for message in messages if isinstance(message, VisitMessage)]


def test_visits_come_in_order_and_acks_go_back(server: LinkServer, path: Path) -> None:
    with dial(path) as sensor:
        for counter in (1, 2, 3):
            sensor.send(encode(visit(counter)))
        assert counters(server) == [1, 2, 3] and server.linked
        server.send(Ack(session=1, counter=3))
        assert heard(sensor) == [Ack(session=1, counter=3)]


def test_only_this_user_may_touch_the_socket(server: LinkServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_with_a_group_its_members_may_too(path: Path) -> None:
    server = LinkServer(path, group=os.getgid())
    assert stat.S_IMODE(path.stat().st_mode) == 0o660 and path.stat().st_gid == os.getgid()
    server.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize(("group", "welcome"), [(None, False), (4242, True), (4243, False)])
def test_another_user_is_let_in_by_its_group_only(tmp_path: Path, group: int | None, welcome: bool) -> None:
    path = Path("/tmp") / f"passerby-link-{os.getpid()}.sock"
    server = LinkServer(path, group=group)
    path.chmod(0o666)  # so that the peer's credentials decide, not the file's mode
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(4242)
        os.setuid(4242)
        with dial(path) as sensor:
            sensor.send(encode(visit(1)))
        os._exit(0)
    os.waitpid(child, 0)
    assert counters(server) == ([1] if welcome else [])
    server.close()


def test_more_than_the_bucket_holds_stays_with_the_sensor_and_none_is_lost(
    server: LinkServer, path: Path, clock: Clock
) -> None:
    with dial(path) as sensor:
        sent = 0
        taken: list[int] = []
        while sent < 100:
            try:
                sensor.send(encode(visit(sent + 1)))
                sent += 1
            except BlockingIOError:  # the kernel's buffer is full: the sensor waits
                clock.now += 0.1
                taken += counters(server)
        assert len(taken) <= 20 + 20 * (clock.now - 50.0)
        clock.now += 10
        while more := counters(server):
            taken += more
            clock.now += 1
        assert taken == list(range(1, 101))


def test_a_reconnect_does_not_refill_the_bucket(server: LinkServer, path: Path) -> None:
    taken = 0
    for _ in range(6):
        with dial(path) as sensor:
            for counter in range(1, 6):
                sensor.send(encode(visit(counter)))
            taken += len(counters(server))
        counters(server)
    assert taken == 20


@pytest.mark.parametrize(
    "packet",
    [b"hello", b"\xff" * 40, b"{" * 512, b"x" * 513, b"x" * 5000, encode(visit(1)) + b" ", b'{"kind":"face"}'],
    ids=["text", "bytes", "braces", "one too long", "far too long", "not canonical", "unknown kind"],
)
def test_a_bad_packet_is_counted_and_reported_without_content(
    server: LinkServer, path: Path, packet: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with dial(path) as sensor:
        sensor.send(packet)
        sensor.send(encode(visit(7)))
        assert counters(server) == [7]
    assert server.rejected == 1
    assert "link message refused" in caplog.text
    assert "hello" not in caplog.text and "face" not in caplog.text and "xxx" not in caplog.text


def test_a_second_sensor_is_sent_away_and_the_first_goes_on(server: LinkServer, path: Path) -> None:
    with dial(path) as first:
        first.send(encode(visit(1)))
        assert counters(server) == [1]
        with dial(path) as second:
            assert counters(server) == []
            assert second.recv(10) == b""
        first.send(encode(visit(2)))
        assert counters(server) == [2]


def test_what_a_dead_sensor_had_sent_is_read_before_the_next_one(server: LinkServer, path: Path) -> None:
    first = dial(path)
    first.send(encode(visit(1)))
    assert counters(server) == [1]
    server.send(Ack(session=1, counter=1))  # stays unread: the kernel then reports a reset first
    first.send(encode(visit(2)))
    first.send(encode(visit(3)))
    first.close()
    with dial(path) as second:
        second.send(encode(visit(4)))
        taken = [number for _ in range(3) for number in counters(server)]
        assert taken == [2, 3, 4]


def test_a_sensor_that_does_not_read_never_blocks_and_gets_the_newest_ack(server: LinkServer, path: Path) -> None:
    with dial(path) as sensor:
        sensor.send(encode(visit(1)))
        counters(server)
        for counter in range(1, 5000):
            server.send(Ack(session=1, counter=counter))
        newest = 0
        while newest < 4999:
            got = heard(sensor)
            assert got, "the newest ack never came"
            newest = max(message.counter for message in got if isinstance(message, Ack))
            server.receive(1)


def test_a_resume_takes_the_place_of_a_pause_that_was_not_sent_yet(server: LinkServer, path: Path) -> None:
    with dial(path) as sensor:
        sensor.send(encode(visit(1)))
        counters(server)
        while select.select([], [sensor], [], 0)[1] and len(server._queued) == 0:
            server.send(HealthRequest())
        server.send(Pause())
        server.send(Resume())
        commands = []
        while got := heard(sensor):
            commands += [message for message in got if not isinstance(message, HealthRequest)]
            server.receive(1)
        assert commands == [Resume()]


def test_a_socket_that_a_killed_publisher_left_is_replaced(path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.bind(str(path))
    left.close()
    server = LinkServer(path)
    with dial(path) as sensor:
        sensor.send(encode(visit(1)))
        assert counters(server) == [1]
    server.close()
    assert not path.exists()


def test_a_file_that_is_no_socket_is_never_removed(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is in the way"):
        LinkServer(path)
    assert path.read_text() == "mine"


def test_a_path_that_is_too_long_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at most 107 bytes"):
        LinkServer(tmp_path / ("x" * 120))


def test_a_fresh_sensor_is_let_in_though_nothing_of_the_last_can_be_kept(
    server: LinkServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with dial(path) as sensor:
        assert server.receive(0) == [] and server.linked
        sensor.send(encode(visit(1)))
    with dial(path) as fresh:
        assert server.receive(0) == [] and server.linked
        server.send(Pause())
        assert decode_publisher(fresh.recv(MAX_MESSAGE_BYTES)) == Pause()
    assert "1 messages of a sensor that ended are lost" in caplog.text


def test_nothing_is_read_while_no_more_can_be_held(server: LinkServer, path: Path) -> None:
    with dial(path) as sensor:
        sensor.send(encode(visit(1)))
        assert server.receive(0) == [] and server.linked
        readable = [descriptor for descriptor, events in server.waits(reading=False) if events & select.POLLIN]
        assert len(readable) == 1, "only the listener"
        assert counters(server) == [1]
