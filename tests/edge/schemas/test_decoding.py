"""Events as a subscriber reads them."""

from __future__ import annotations

import msgspec
import pytest

from edge.errors import BadInput
from edge.schemas.decoding import decode_event
from tests.places import ROOT

EXAMPLES = ROOT / "edge" / "schemas" / "examples"
EVENTS = ("visit-1", "live-1", "info-1", "health-1", "reply-1")


def examples(name: str) -> list[bytes]:
    return [msgspec.json.encode(each) for each in msgspec.json.decode((EXAMPLES / f"{name}.json").read_bytes())]


@pytest.mark.parametrize("name", EVENTS)
def test_every_example_becomes_its_type_and_the_same_words_again(name: str) -> None:
    for payload in examples(name):
        event = decode_event(payload)
        assert type(event).__name__.lower() == name.partition("-")[0]
        assert msgspec.json.decode(msgspec.json.encode(event)) == msgspec.json.decode(payload)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "truncated"),
        (b"online", "malformed"),
        (b"\xff", "malformed"),
        ("\udcff", "surrogates"),
        (b"[]", "expected `object`"),
        (b"{}", "required field `schema`"),
        (b'{"schema": "passerby.visit/1"}', "required field `event_id`"),
        (b'{"schema": "passerby.visit/9"}', "not an event of this version, got passerby.visit/9"),
        (b'{"schema": "passerby.cmd/1", "id": "a"}', "not an event of this version"),
    ],
)
def test_what_is_no_event_is_refused_in_one_line(payload: bytes | str, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode_event(payload)
    assert reason.lower() in str(refused.value).lower()
    assert "\n" not in str(refused.value)
