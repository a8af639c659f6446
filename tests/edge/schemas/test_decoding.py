"""Events as a subscriber reads them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.errors import BadInput
from edge.schemas.decoding import decode_event
from tests.places import ROOT

pytestmark = pytest.mark.contract

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


@pytest.mark.parametrize("name", EVENTS)
def test_keys_of_a_later_release_are_left_out_wherever_they_stand(name: str) -> None:
    for payload in examples(name):
        assert decode_event(msgspec.json.encode(grown(msgspec.json.decode(payload)))) == decode_event(payload)


def grown(value: Any) -> Any:
    """The value with one more key in each of its objects that has keys of its own, not brackets."""
    if not isinstance(value, dict) or "unknown" in value:
        return value
    return {key: grown(each) for key, each in value.items()} | {"later": {"years": 2}}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("visit-1", ("end_reason",)),
        ("visit-1", ("age", "taxonomy")),
        ("visit-1", ("age", "bracket")),
        ("live-1", ("taxonomy",)),
        ("info-1", ("publish", 0)),
        ("health-1", ("sensor", "state")),
        ("reply-1", ("command",)),
    ],
)
def test_a_new_word_of_a_set_that_may_grow_stays(name: str, place: tuple[str | int, ...]) -> None:
    event = msgspec.json.decode(examples(name)[0])
    inner = event
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = "later"
    assert msgspec.to_builtins(decode_event(msgspec.json.encode(event))) == event


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dwell_s", "long"),
        ("dwell_s", 0.3),
        ("gender", None),
        ("gender", {}),
        ("end_reason", 7),
        ("age", 7),
        ("seq", 0),
    ],
)
def test_a_value_that_does_not_fit_is_refused(key: str, value: Any) -> None:
    (visit, *_) = examples("visit-1")
    with pytest.raises(BadInput, match=f"not an event: {key}: "):
        decode_event(msgspec.json.encode(msgspec.json.decode(visit) | {key: value}))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "truncated"),
        (b"online", "malformed"),
        (b"\xff", "malformed"),
        ("\udcff", "surrogates"),
        (b"[]", "expected `object`"),
        (b"{}", "not an event of this version, got None"),
        (b'{"schema": "passerby.visit/1"}', "visit has no event_id, site"),
        (b'{"schema": 1}', "not an event of this version, got 1"),
        (b'{"schema": []}', "not an event of this version, got []"),
        (b'{"schema": "passerby.visit/9"}', "not an event of this version, got passerby.visit/9"),
        (b'{"schema": "passerby.cmd/1", "id": "a"}', "not an event of this version"),
    ],
)
def test_what_is_no_event_is_refused_in_one_line(payload: bytes | str, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode_event(payload)
    assert reason.lower() in str(refused.value).lower()
    assert "\n" not in str(refused.value)
