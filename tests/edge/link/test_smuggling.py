"""A sensor that was taken over tries to get a portrait through the link, past a real publisher, to a real broker.

Shown: each such packet is refused, counted and logged without its content; no twelve bytes of a picture are in the
outbox, in what the broker gets, in the log, or in anything else that the publisher writes, as strace sees it.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.link.codec import encode
from edge.publisher.link_server import LinkServer
from edge.schemas.link import MAX_MESSAGE_BYTES
from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.conftest import need_program
from tests.pictures.portraits import portrait_of_astronaut
from tests.places import ROOT
from tests.processes.sensor import visit

pytestmark = [pytest.mark.privacy, pytest.mark.process]

WINDOW = 12
LEAST_DISTINCT = 6
"""A window with fewer different bytes says nothing: flat parts of a picture are like any other zeros."""
WRITING = ("write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg", "sendmmsg")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})+)"')
_READ = re.compile(r"^recvfrom\(\d+<UNIX:.*, (\d+), 0, NULL, NULL\) = ")


class _SwiftClock:
    """A second passes whenever it is asked, so that the token bucket holds nothing back."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1.0
        return self._now


def pictures() -> dict[str, bytes]:
    """A portrait as it might be sent: as a JPEG, as raw planes, small, and as text."""
    image = portrait_of_astronaut()[0:256, 128:384]
    small = cv2.resize(image, (20, 24), interpolation=cv2.INTER_AREA)
    packed = cv2.imencode(".jpg", image)[1].tobytes()
    return {
        "jpeg": packed,
        "thumbnail": cv2.imencode(".jpg", small)[1].tobytes(),
        "planes": np.ascontiguousarray(image.transpose(2, 0, 1)).tobytes(),
        "small plane": small[..., 1].tobytes(),
        "base64": base64.b64encode(packed),
        "hex": packed.hex().encode(),
    }


def smuggling(picture: bytes) -> Iterator[bytes]:
    """Packets that carry a picture or a part of it, bare or in what looks like a message."""
    part = picture[:480]
    text = base64.b64encode(part[:200]).decode()
    good = encode(visit(1, 99, 1))
    yield part
    yield picture[:MAX_MESSAGE_BYTES]
    yield picture[: MAX_MESSAGE_BYTES + 1]
    yield picture[:100_000]
    yield good + part[:50]
    yield good[:-1] + b',"face":"' + text.encode() + b'"}'
    yield json.dumps(json.loads(good) | {"end_reason": text}, separators=(",", ":")).encode()
    yield json.dumps({"type": text, "session": 1}).encode()
    yield b"[" * 200 + text.encode() + b"]" * 100


def windows(content: Iterable[bytes]) -> set[bytes]:
    """Every stretch of twelve bytes that says something."""
    found = {piece[at : at + WINDOW] for piece in content for at in range(len(piece) - WINDOW + 1)}
    return {window for window in found if len(set(window)) >= LEAST_DISTINCT}


def leaked(written: bytes, needles: set[bytes]) -> list[bytes]:
    """Those stretches that are found in what was written."""
    return [written[at : at + WINDOW] for at in range(len(written)) if written[at : at + WINDOW] in needles]


def content() -> set[bytes]:
    """What must not be found: of each picture, and of its parts as text."""
    shown = list(pictures().values())
    return windows([piece[:100_000] for piece in shown] + [base64.b64encode(piece[:200]) for piece in shown])


def test_ten_thousand_random_packets_are_refused_counted_and_not_quoted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(7)
    path = tmp_path / "link.sock"
    server = LinkServer(path, clock=_SwiftClock())
    said = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sensor:
            sensor.connect(str(path))
            assert server.receive(1) == []
            for number in range(10_000):
                packet = chance.randbytes(chance.randint(1, 700))
                sensor.send(packet)
                assert server.receive(1) == [], number
                said.append(packet)
        assert server.rejected == 10_000
    finally:
        server.close()
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert 10 <= log.count("refused") <= 20  # 1, 2, 4, 8, ...: a flood does not fill the log
    assert leaked(log.encode(), windows(said)) == []


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path / "mosquitto").start()
    yield mosquitto
    mosquitto.stop()


@pytest.mark.strace
@pytest.mark.broker
def test_no_picture_comes_past_the_publisher(broker: Mosquitto, tmp_path: Path) -> None:
    listener = Listener(broker)
    running = _TracedPublisher(tmp_path, broker)
    refused = 0
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sensor:
            eventually(lambda: sensor.connect_ex(str(running.socket)) == 0, "the link", within_s=60)
            for number, picture in enumerate(pictures().values(), start=1):
                sensor.send(encode(visit(1, number, number)))
                for packet in smuggling(picture):
                    sensor.send(packet)
                    refused += 1
            eventually(lambda: _rejected(listener) >= refused, "every packet is counted", within_s=60)
            eventually(lambda: len(listener.payloads("visit")) == len(pictures()), "the honest visits", within_s=60)
    finally:
        code = running.end()
        listener.close()

    assert code == 0, running.log()
    assert _rejected(listener) == refused == 54
    needles = content()
    arrived = b"\n".join(bytes(message.payload) for message in listener.messages)
    kept = b"\n".join(path.read_bytes() for path in running.state.iterdir() if path.is_file())
    written, reads = running.seen()
    assert b"passerby.visit/1" in written
    assert [leaked(each, needles) for each in (arrived, kept, running.log().encode(), written)] == [[], [], [], []]
    assert set(reads) == {MAX_MESSAGE_BYTES + 1}  # it never takes more of a packet than shows that it is too long


def test_the_search_finds_a_picture_that_is_there() -> None:
    thumbnail = pictures()["thumbnail"]

    assert leaked(b'{"face":"' + base64.b64encode(thumbnail[:200]) + b'"}', content())
    assert leaked(b"xx" + thumbnail[-60:-20], content())


def _rejected(listener: Listener) -> int:
    health = listener.payloads("health")
    return int(json.loads(health[-1])["publisher"]["rejected_messages"]) if health else 0


class _TracedPublisher:
    """A publisher whose every write strace sees."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.state = folder / "state"
        self.socket = self.state / "link.sock"
        self._trace, self._log, toml = folder / "strace.log", folder / "publisher.log", folder / "passerby.toml"
        toml.write_text(f'[broker]\nurl = "{broker.url}"\n[publish]\nhealth_interval_s = 1\n')
        calls = ",".join((*WRITING, "recvfrom"))
        strace = [
            need_program("strace"),
            "-f",
            "-yy",
            "-xx",
            "-s",
            "200000",
            "-e",
            f"trace={calls}",
            "-e",
            "signal=none",
        ]
        command = [sys.executable, "-m", "tests.processes.publisher", str(self.state), str(toml)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*strace, "-o", str(self._trace), *command], cwd=ROOT, stdout=log, stderr=log, env=dict(os.environ)
            )

    def end(self) -> int:
        """Stop the publisher, not strace, which ends with it."""
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        return self._process.wait(30)

    def log(self) -> str:
        return self._log.read_text()

    def seen(self) -> tuple[bytes, list[int]]:
        """All bytes that it wrote or sent, and how much it asked for at each read of the link."""
        written, reads = [], []
        for line in self._trace.read_text().splitlines():
            call = line.partition(" ")[2].lstrip()
            if call.startswith(WRITING):
                written += [bytes.fromhex(found.replace("\\x", "")) for found in _BYTES.findall(call)]
            elif asked := _READ.search(call):
                reads.append(int(asked[1]))
        return b"\n".join(written), reads
