"""The codec takes the very bytes that it would write, and nothing else."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from typing import Any, get_args

import cv2
import msgspec
import msgspec.inspect
import numpy as np
import pytest

from edge.errors import MessageRejected
from edge.link.codec import decode, decode_publisher, encode
from edge.schemas.link import (
    MAX_MESSAGE_BYTES,
    Ack,
    HealthMessage,
    HealthRequest,
    LiveMessage,
    Pause,
    PublisherMessage,
    Resume,
    SensorMessage,
    VisitMessage,
)

pytestmark = pytest.mark.privacy

VISIT = VisitMessage(
    session=4_000_000_000, counter=17, started_s=-5, dwell_halves=13, attention_halves=6, glances=2,
    gender="female", gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
    interval_low=2, interval_high=3, samples=5,
    quality_percent=82, target="openvino:CPU", historical=False, end_reason="left",
)  # fmt: skip
LIVE = LiveMessage(
    watchers=1, longest_dwell_halves=9, female=1, male=2, unknown=0, taxonomy="simple-4",
    brackets=(0, 1, 1, 0, 0, 0, 0, 0, 1), target="fake:CPU",
)  # fmt: skip
HEALTH = HealthMessage(
    state="running", uptime_s=3600, frames=2**32 - 1, dropped_frames=0, fps_tenths=299, visits=4, lost_visits=0,
    camera_reopens=1, target="onnxruntime:TensorRT", fallbacks=1, accelerator="lost",
    accelerator_fault="hang", rss_mb=158, temperature_c=61, cooling="slowed", static_faces=1,
)  # fmt: skip
SENSOR_MESSAGES = (VISIT, LIVE, HEALTH)
PUBLISHER_MESSAGES = (Ack(session=1, counter=2**31 - 1), Pause(), Resume(), HealthRequest())


@pytest.mark.parametrize("message", SENSOR_MESSAGES, ids=lambda m: type(m).__name__)
def test_a_sensor_message_survives_the_trip(message: SensorMessage) -> None:
    packet = encode(message)

    assert decode(packet) == message
    assert len(packet) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize("message", PUBLISHER_MESSAGES, ids=lambda m: type(m).__name__)
def test_a_publisher_message_survives_the_trip(message: PublisherMessage) -> None:
    assert decode_publisher(encode(message)) == message


def test_each_direction_refuses_the_messages_of_the_other() -> None:
    for message in SENSOR_MESSAGES:
        with pytest.raises(MessageRejected):
            decode_publisher(encode(message))
    for reply in PUBLISHER_MESSAGES:
        with pytest.raises(MessageRejected):
            decode(encode(reply))


def test_the_longest_message_of_every_kind_fits_a_packet() -> None:
    for kind in get_args(SensorMessage):
        assert len(encode(_longest(kind))) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize(
    "change",
    [
        {"glances": 10_000},
        {"bracket": -2},
        {"gender": "f"},
        {"gender_percent": 93.0},
        {"dwell_halves": -1},
        {"historical": 0},
        {"taxonomy": "simple-4", "bracket": 4},
        {"target": "openvino:FPGA"},
    ],
    ids=str,
)
def test_a_message_out_of_its_bounds_is_neither_sent_nor_taken(change: dict[str, Any]) -> None:
    message = msgspec.structs.replace(VISIT, **change)

    with pytest.raises(MessageRejected):
        encode(message)
    with pytest.raises(MessageRejected):
        decode(msgspec.json.encode(message))


@pytest.mark.parametrize("run", [(3, 2), (-1, 2), (2, -1), (3, 4)])
def test_an_interval_that_is_none_is_refused(run: tuple[int, int]) -> None:
    with pytest.raises(MessageRejected, match="bracket"):
        changed = {"taxonomy": "simple-4", "bracket": 3, "interval_low": run[0], "interval_high": run[1]}
        encode(msgspec.structs.replace(VISIT, **changed))


def test_brackets_beyond_the_taxonomy_are_refused() -> None:
    with pytest.raises(MessageRejected, match="bracket"):
        encode(msgspec.structs.replace(LIVE, brackets=(0, 0, 0, 0, 1, 0, 0, 0, 0)))


_TEXT = encode(VISIT).decode()


@pytest.mark.parametrize(
    "packet",
    {
        "space after": _TEXT + " ",
        "space before": " " + _TEXT,
        "space inside": _TEXT.replace(":", ": ", 1),
        "newline": _TEXT.replace(",", ",\n", 1),
        "key order": json.dumps(dict(reversed(json.loads(_TEXT).items())), separators=(",", ":")),
        "doubled key": _TEXT.replace('"glances":2', '"glances":1,"glances":2'),
        "extra key": _TEXT[:-1] + ',"note":1}',
        "missing key": _TEXT.replace('"glances":2,', ""),
        "float": _TEXT.replace('"glances":2', '"glances":2.0'),
        "exponent": _TEXT.replace('"glances":2', '"glances":2e0'),
        "negative zero": _TEXT.replace('"glances":2', '"glances":-0'),
        "escaped letter": _TEXT.replace("left", "l\\u0065ft"),
        "escaped key": _TEXT.replace('"glances"', '"gl\\u0061nces"'),
        "byte order mark": "\ufeff" + _TEXT,
        "NUL after": _TEXT + "\0",
        "two messages": _TEXT + _TEXT,
        "null": "null",
        "empty": "",
    }.items(),
    ids=lambda item: item[0],
)
def test_any_other_spelling_of_a_message_is_refused(packet: tuple[str, str]) -> None:
    with pytest.raises(MessageRejected):
        decode(packet[1].encode())


def _portrait() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 255, (24, 24, 3)).astype(np.uint8)


def _jpeg() -> bytes:
    ok, packet = cv2.imencode(".jpg", _portrait(), [cv2.IMWRITE_JPEG_QUALITY, 5])
    assert ok
    return packet.tobytes()


@pytest.mark.parametrize(
    "packet",
    [
        _jpeg(),
        _jpeg()[:MAX_MESSAGE_BYTES],
        _portrait().tobytes(),
        _portrait()[:, :, 0].tobytes()[:MAX_MESSAGE_BYTES],
        base64.b64encode(_jpeg())[:MAX_MESSAGE_BYTES],
        b'"' + base64.b64encode(_jpeg())[:500] + b'"',
        b'{"kind":"visit","image":"' + base64.b64encode(_jpeg())[:400] + b'"}',
        b"[" * MAX_MESSAGE_BYTES,
        b'{"kind":' * 60,
        b'{"kind":"live","brackets":' + b"[" * 400,
        b"[" * 100_000,
        b'{"a":' * 1_000_000,
        encode(VISIT) + b" " * MAX_MESSAGE_BYTES,
        bytes(MAX_MESSAGE_BYTES),
        b"\xff" * MAX_MESSAGE_BYTES,
    ],
    ids=[
        "jpeg", "jpeg cut", "raw planes", "grey plane", "base64", "base64 string", "base64 in a key", "open brackets",
        "deep objects", "deep brackets", "deep and long", "deep, long objects", "padded", "zeros", "ones",
    ],
)  # fmt: skip
def test_pictures_and_oversize_and_deep_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(MessageRejected):
        decode(packet)
    with pytest.raises(MessageRejected):
        decode_publisher(packet)


def test_ten_thousand_random_and_mutated_packets_are_refused() -> None:
    rng = random.Random(20_261_120)
    valid = [encode(message) for message in SENSOR_MESSAGES]
    taken = 0
    for number in range(10_000):
        packet = rng.randbytes(rng.randrange(1, 700)) if number % 4 == 0 else _mutated(rng.choice(valid), rng)
        try:
            message = decode(packet)
        except MessageRejected:
            continue
        taken += 1  # a changed digit may well be another valid message: then it means just what its bytes say
        assert encode(message) == packet
    assert taken < 2_000


def test_ten_thousand_packets_with_a_byte_too_many_are_refused() -> None:
    rng = random.Random(7)
    valid = [encode(message) for message in SENSOR_MESSAGES]
    for _ in range(10_000):
        packet = rng.choice(valid)
        place = rng.randrange(len(packet) + 1)
        byte = rng.choice(b" \t\n\r\0\x7f\xff\xd8#\\")
        with pytest.raises(MessageRejected):
            decode(packet[:place] + bytes([byte]) + packet[place:])


def test_a_refusal_quotes_nothing_of_the_packet() -> None:
    for packet in (b'{"kind":"SECRET"}', b'{"kind":"visit","SECRET":1}', _TEXT.replace("female", "SECRET").encode()):
        with pytest.raises(MessageRejected) as refusal:
            decode(packet)
        assert "SECRET" not in str(refusal.value)
        assert refusal.value.__cause__ is None
        assert refusal.value.__suppress_context__


@pytest.mark.process
def test_codec_and_capacity_import_no_numpy() -> None:
    code = "import sys, edge.link.codec, edge.link.bucket, edge.link.capacity; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _mutated(packet: bytes, rng: random.Random) -> bytes:
    changed = bytearray(packet)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                changed[place] = rng.randrange(256)
            case 1:
                del changed[place : place + rng.randrange(1, 9)]
            case 2:
                changed[place:place] = rng.randbytes(rng.randrange(1, 9))
            case _:
                changed[place:place] = changed[place : place + 16]
        if not changed:
            return b"{"
    return bytes(changed)


def _longest(kind: type[SensorMessage]) -> SensorMessage:
    fields = {f.encode_name: _longest_value(f.type) for f in msgspec.inspect.type_info(kind).fields}  # type: ignore[union-attr]
    return kind(**fields)


def _longest_value(spec: Any) -> Any:
    match spec:
        case msgspec.inspect.Metadata():
            return _longest_value(spec.type)
        case msgspec.inspect.IntType():
            return max((spec.ge, spec.le), key=lambda n: len(str(n)))
        case msgspec.inspect.LiteralType():
            return max((v for v in spec.values if v != "simple-4"), key=len)
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.TupleType():
            return tuple(_longest_value(item) for item in spec.item_types)
        case _:
            raise AssertionError(spec)
