"""What does not fit its contract does not leave the device, and does not leave silently."""

from __future__ import annotations

import logging
import timeit
from pathlib import Path

import msgspec
import pytest

from edge.cli.schema import examples
from edge.publisher.encoder import EventEncoder
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft, Stamp
from edge.schemas.events import Live, Reply, Visit
from edge.settings import settings as config

pytestmark = pytest.mark.privacy


def good() -> Visit:
    return msgspec.convert(examples("visit-1")[0], Visit)


def test_what_fits_is_encoded() -> None:
    encoder = EventEncoder()
    assert msgspec.json.decode(encoder.encode(good()) or b"", type=Visit) == good()
    assert encoder.unfit == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"dwell_s": 6.3}, {"dwell_s": float("nan")}, {"glances": -1}, {"end_reason": "teleported"},
        {"site": "Berlin"}, {"seq": 0}, {"quality": 1.01}, {"started_at": "2026-11-20 09:00:05"},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_counted_named_once_without_content_and_not_sent(
    wrong: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    encoder = EventEncoder()
    event = msgspec.structs.replace(good(), **wrong)
    assert [encoder.encode(event), encoder.encode(event)] == [None, None]
    assert encoder.unfit == 2
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    (key,), (value,) = wrong.keys(), wrong.values()
    assert f"visit: an event does not fit its contract at `$.{key}`" in line
    assert str(value) not in line


def test_each_kind_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    encoder = EventEncoder()
    live = msgspec.structs.replace(msgspec.convert(examples("live-1")[0], Live), people=-1)
    for event in (live, Reply(id="a b", command="info", ok=True, reason=""), live):
        assert encoder.encode(event) is None
    assert len(caplog.records) == 2


def test_an_event_that_does_not_fit_takes_no_seq_and_does_not_come_again(tmp_path: Path) -> None:
    outbox, encoder = Outbox(tmp_path / "outbox.sqlite3", config.Outbox()), EventEncoder()

    def render(glances: int, stamp: Stamp) -> bytes | None:
        placed = {"event_id": stamp.event_id, "boot_id": stamp.boot_id, "seq": stamp.seq, "glances": glances}
        return encoder.encode(msgspec.structs.replace(good(), **placed))

    drafts = [
        Draft(7, counter, "visit", lambda stamp, counter=counter: render(-1 if counter == 2 else counter, stamp))
        for counter in (1, 2, 3)
    ]
    outbox.put(drafts)
    outbox.put(drafts)  # as a sensor that missed the acknowledgement
    visits = [msgspec.json.decode(row.payload, type=Visit) for row in outbox.due(9)]
    outbox.close()
    assert [(visit.seq, visit.glances) for visit in visits] == [(1, 1), (2, 3)]
    assert encoder.unfit == 1


def test_the_check_costs_microseconds() -> None:
    encoder, visit = EventEncoder(), good()
    checked = min(timeit.repeat(lambda: encoder.encode(visit), number=2000, repeat=5)) / 2000
    print(f"encoded and checked in {checked * 1e6:.1f} µs")
    assert checked < 200e-6
