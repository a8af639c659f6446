"""Events as a subscriber reads them: the payload of a topic to the type that its `schema` names.

The types are strict for who sends. Who reads takes what a later release may send within the same contract: keys that
are not known here are left out, and a new word of a set that may grow (`edge.schemas.vocabulary.OPEN`) stays.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from edge.errors import BadInput, explain
from edge.schemas.events import Health, Info, Live, Reply, Visit
from edge.schemas.vocabulary import OPEN

Event = Visit | Live | Info | Health | Reply

_KINDS: dict[str, type[Event]] = {
    "passerby.visit/1": Visit,
    "passerby.live/1": Live,
    "passerby.info/1": Info,
    "passerby.health/1": Health,
    "passerby.reply/1": Reply,
}


def decode_event(payload: bytes | bytearray | str) -> Event:
    """The event in a payload of any topic but `status`, whose payload is a bare word.

    Raises BadInput where the payload is not JSON, names no event that this version knows, or does not fit its schema.
    """
    try:
        raw = msgspec.json.decode(payload, type=dict[str, Any])
        schema = str(raw.get("schema"))
        if schema in _KINDS:
            event: Event = _read_object(_KINDS[schema], raw)
            return event
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadInput(explain(f"not an event: {error}", next_step="`passerby schema NAME` prints each one")) from error
    raise BadInput(explain("not an event of this version", got=schema, expected=" | ".join(_KINDS)))


def _read_object(kind: type[Struct], raw: dict[str, Any]) -> Any:
    """An object as `kind`. Raises msgspec.ValidationError."""
    known = {field.name: _read_field(field, raw[field.name]) for field in _fields(kind) if field.name in raw}
    missing = [field.name for field in _fields(kind) if field.required and field.name not in known]
    if missing:
        raise msgspec.ValidationError(f"{kind.__name__.lower()} has no {', '.join(missing)}")
    return kind(**known)


@cache
def _fields(kind: type[Struct]) -> tuple[FieldInfo, ...]:
    """Read once: it takes ten times as long as the rest of an event."""
    return fields(kind)


def _read_field(field: FieldInfo, raw: Any) -> Any:
    """A value as the field's type. Raises msgspec.ValidationError, which names the field."""
    try:
        return _read(field.type, raw)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{field.name}: {error}") from None


def _read(kind: Any, raw: Any) -> Any:
    """A value as a type; a word of a set that may grow stays as it came. Raises msgspec.ValidationError."""
    if OPEN in getattr(kind, "__metadata__", ()):
        return msgspec.convert(raw, str)
    if get_origin(kind) is list:
        return [_read(get_args(kind)[0], each) for each in msgspec.convert(raw, list)]
    bare = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    objects = [each for each in (bare, *get_args(bare)) if isinstance(each, type) and issubclass(each, Struct)]
    return _read_object(objects[0], raw) if objects and isinstance(raw, dict) else msgspec.convert(raw, kind)
