"""One visit of a report, as much of `passerby.visit/1` as is drawn, from JSON or from the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from edge.schemas.taxonomy import TAXONOMIES
from edge.schemas.vocabulary import GenderLabel, Timestamp

UNKNOWN = "unknown"
SCHEMA = "passerby.visit/"
_Seconds = Annotated[float, Meta(ge=0)]


class Gender(Struct, frozen=True):
    """Apparent gender."""

    label: GenderLabel


class Age(Struct, frozen=True):
    """Apparent age. A taxonomy of a later version may be one that is not known here."""

    taxonomy: str
    bracket: str


class Visit(Struct, frozen=True, kw_only=True):
    """A visit; other keys of the event are ignored, so that later versions of it can be read too."""

    schema: str = SCHEMA
    event_id: Annotated[str, Meta(min_length=1)]
    started_at: Timestamp
    dwell_s: _Seconds
    attention_s: _Seconds
    gender: Gender
    age: Age
    site: str = ""
    device: str = ""
    boot_id: str = ""
    seq: Annotated[int, Meta(ge=1)] | None = None
    historical: bool = False
    clock_synced: bool = True

    def __post_init__(self) -> None:
        known = TAXONOMIES.get(self.age.taxonomy)
        if known and self.age.bracket not in (*(bracket.label for bracket in known.brackets), UNKNOWN):
            raise ValueError(f"no bracket {self.age.bracket!r} in {self.age.taxonomy}")
        if not (math.isfinite(self.dwell_s) and math.isfinite(self.attention_s)):
            raise ValueError(f"a duration is not a number of seconds: {self.dwell_s}, {self.attention_s}")
        if not MINYEAR < self.began.year < MAXYEAR:
            raise ValueError(f"started_at {self.started_at} has no hour in other time zones")

    @property
    def began(self) -> datetime:
        """When it began, UTC."""
        return datetime.fromisoformat(self.started_at.replace("Z", "+00:00"))


class OtherEvent(Struct, frozen=True):
    """Any event of Passerby: what distinguishes a visit, and its place in the outbox."""

    schema: str
    boot_id: str = ""
    seq: int | None = None


_VISITS = msgspec.json.Decoder(Visit)
_ANY = msgspec.json.Decoder(OtherEvent)


def decode_event(content: bytes | str) -> Visit | OtherEvent:
    """A visit or another event. Raises msgspec.DecodeError (ValidationError too) for what is not an event."""
    event = _ANY.decode(content)
    if not event.schema.startswith("passerby."):
        raise msgspec.ValidationError(f"not an event of Passerby: schema {event.schema!r}")
    return _VISITS.decode(content) if event.schema.startswith(SCHEMA) else event


def visit_of_columns(row: Mapping[str, object]) -> Visit:
    """A visit from the columns of a table: the event's keys, with `.` or `_` before inner ones (`gender.label`).

    Columns that a visit does not have are ignored. Raises msgspec.ValidationError.
    """
    cells = {name.strip().replace(".", "_"): value for name, value in row.items() if name and value not in (None, "")}
    gender, age = (_inner(cells, part) for part in ("gender", "age"))
    flat = {name: cells[name] for name in _FLAT if name in cells}
    if gender:
        flat["gender"] = gender
    if age:
        flat["age"] = {"taxonomy": "ads-8", **age}
    return msgspec.convert(flat, Visit, strict=False)


def _inner(cells: Mapping[str, object], part: str) -> dict[str, object]:
    found = {name.removeprefix(f"{part}_"): value for name, value in cells.items() if name.startswith(f"{part}_")}
    if part in cells:
        found["label" if part == "gender" else "bracket"] = cells[part]
    return found


_FLAT = tuple(name for name in Visit.__struct_fields__ if name not in ("gender", "age"))
