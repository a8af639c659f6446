"""Events as a subscriber reads them: the payload of a topic to the type that its `schema` names."""

from __future__ import annotations

import msgspec

from edge.errors import BadInput, explain
from edge.schemas.events import Health, Info, Live, Reply, Visit

Event = Visit | Live | Info | Health | Reply

_KINDS: dict[str, type[Event]] = {
    "passerby.visit/1": Visit,
    "passerby.live/1": Live,
    "passerby.info/1": Info,
    "passerby.health/1": Health,
    "passerby.reply/1": Reply,
}


class _Named(msgspec.Struct):
    schema: str


def decode_event(payload: bytes | bytearray | str) -> Event:
    """The event in a payload of any topic but `status`, whose payload is a bare word.

    Raises BadInput where the payload is not JSON, names no event that this version knows, or does not fit its schema.
    """
    try:
        schema = msgspec.json.decode(payload, type=_Named).schema
        if schema in _KINDS:
            return msgspec.json.decode(payload, type=_KINDS[schema])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadInput(explain(f"not an event: {error}", next_step="`passerby schema NAME` prints each one")) from error
    raise BadInput(explain("not an event of this version", got=schema, expected=" | ".join(_KINDS)))
