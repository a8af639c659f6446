"""Link messages to packets and back, in one canonical form: compact JSON, fields in declared order, no spaces.

A packet is accepted only if it consists of exactly the bytes that this module would write for its meaning. So nothing
is hidden in spaces, key order, doubled keys, number forms or escapes, and the capacity of the link is that of the
types in `edge.schemas.link` (`edge.link.capacity` counts it). Refusals never quote the packet.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from edge.errors import MessageRejected
from edge.schemas.link import MAX_MESSAGE_BYTES, LiveMessage, PublisherMessage, SensorMessage, VisitMessage
from edge.schemas.taxonomy import taxonomy

_ENCODER = msgspec.json.Encoder()
_SENSOR: msgspec.json.Decoder[SensorMessage] = msgspec.json.Decoder(SensorMessage)
_PUBLISHER: msgspec.json.Decoder[PublisherMessage] = msgspec.json.Decoder(PublisherMessage)
_Message = TypeVar("_Message", SensorMessage, PublisherMessage)


def encode(message: SensorMessage | PublisherMessage) -> bytes:
    """One packet for a message of either direction. Raises MessageRejected where the message is out of its bounds."""
    packet = _ENCODER.encode(message)
    if isinstance(message, PublisherMessage):
        decode_publisher(packet)
    else:
        decode(packet)
    return packet


def decode(packet: bytes) -> SensorMessage:
    """Message of a packet from the sensor. Raises MessageRejected, with a reason that quotes nothing of the packet."""
    message = _decode(packet, _SENSOR)
    if not _brackets_exist(message):
        raise MessageRejected("link message refused: it names age brackets that its taxonomy does not have, or not so")
    return message


def decode_publisher(packet: bytes) -> PublisherMessage:
    """Message of a packet from the publisher. Raises MessageRejected, with a reason that quotes nothing of it."""
    return _decode(packet, _PUBLISHER)


def _decode(packet: bytes, decoder: msgspec.json.Decoder[_Message]) -> _Message:
    if len(packet) > MAX_MESSAGE_BYTES:
        raise MessageRejected(f"link message refused: longer than {MAX_MESSAGE_BYTES} bytes")
    try:
        message = decoder.decode(packet)
    except msgspec.ValidationError:
        raise MessageRejected("link message refused: it does not fit the schema") from None
    except ValueError:  # msgspec.DecodeError, and UnicodeDecodeError for bytes that are not UTF-8
        raise MessageRejected("link message refused: it is not JSON") from None
    if _ENCODER.encode(message) != packet:
        raise MessageRejected("link message refused: it is not in canonical form")
    return message


def _brackets_exist(message: SensorMessage) -> bool:
    if isinstance(message, VisitMessage):
        low, high = message.interval_low, message.interval_high
        ordered = low <= high if low >= 0 else high < 0
        return ordered and max(message.bracket, high) < len(taxonomy(message.taxonomy).brackets)
    if isinstance(message, LiveMessage):
        return not any(message.brackets[len(taxonomy(message.taxonomy).brackets) : -1])
    return True
