"""Files of truth: JSON that says who is in a clip, when, and where (docs/evaluation.md, "Counts").

A file without `schema` is read as what renderers of crowds write: people with `id` and `gender` (F, M), and frames.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from edge.errors import BadInput, explain
from edge.files import write_whole
from edge.schemas.taxonomy import TAXONOMIES
from edge.sensor.geometry import Box
from edge.workbench.labelled.samples import OLDEST, Gender
from training.evaluation.counts.truth import Person, Truth, TruthFace

SCHEMA: Final = "passerby.truth/1"
SUFFIX = ".json"
GENDERS: dict[str | None, Gender | None] = {"F": "female", "M": "male", None: None}
LABELS = sorted({bracket.label for taxonomy in TAXONOMIES.values() for bracket in taxonomy.brackets})

Positive = Annotated[float, Meta(gt=0)]
Px = Annotated[int, Meta(ge=1)]
Row = tuple[int | str, float, float, float, float, bool]
"""Person, x_min, y_min, x_max, y_max in px, and whether the face can be seen."""


class _PersonEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    id: int | str
    intervals: list[tuple[float, float]] = []
    gender: Gender | None = None
    age: Annotated[float, Meta(ge=0, le=OLDEST)] | None = None
    bracket: str | None = None


class _Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    schema: Literal["passerby.truth/1"]
    people: list[_PersonEntry]
    fps: Positive | None = None
    width_px: Px | None = None
    height_px: Px | None = None
    frames: list[list[Row]] | None = None


class _RenderedPerson(Struct, frozen=True, kw_only=True):
    id: int | str
    gender: Literal["F", "M"] | None = None


class _Rendered(Struct, frozen=True, kw_only=True):
    fps: Positive
    people: list[_RenderedPerson]
    frames: list[list[Row]]


def truth_beside(clip: str) -> Path:
    """Where the truth of a clip lies if nothing else is said: `clip.mp4.json`."""
    return Path(f"{clip}{SUFFIX}")


def read_truth_file(path: Path) -> Truth:
    """Read and check a truth. Raises BadInput in one line for what is missing, unknown or cannot be."""
    try:
        document = _document(path.read_bytes())
    except OSError as error:
        next_step = "give --truth, or put it beside the clip"
        raise BadInput(explain("no truth", where=str(path), got=error.strerror, next_step=next_step)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(explain("not a truth", where=str(path), got=error, expected=SCHEMA)) from error
    for fault in _faults(document):
        raise BadInput(f"{path}: {fault}")
    return _truth(document)


def write_truth_file(path: Path, truth: Truth) -> None:
    """Write a truth whole or not at all; boxes to 0.1 px, times to 1 ms. Raises UsageError."""
    people = [
        _PersonEntry(
            id=person.person_id, intervals=[(round(start, 3), round(end, 3)) for start, end in person.intervals],
            gender=person.gender, age=person.age, bracket=person.bracket,
        )
        for person in truth.people
    ]  # fmt: skip
    width, height = truth.size_wh or (None, None)
    frames = None if truth.frames is None else [[_row(face, people) for face in faces] for faces in truth.frames]
    document = _Document(
        schema=SCHEMA, people=people, fps=truth.fps, width_px=width, height_px=height, frames=frames
    )  # fmt: skip
    write_whole(path, msgspec.json.encode(document))


def _row(face: TruthFace, people: Sequence[_PersonEntry]) -> Row:
    x_min, y_min, x_max, y_max = (round(side, 1) for side in face.box.as_xyxy())
    return people[face.person].id, x_min, y_min, x_max, y_max, face.visible


def _document(content: bytes) -> _Document:
    raw: Any = msgspec.json.decode(content)
    if not isinstance(raw, dict) or "schema" in raw or "frames" not in raw:
        return msgspec.convert(raw, _Document)
    found = msgspec.convert(raw, _Rendered)
    people = [_PersonEntry(id=person.id, gender=GENDERS[person.gender]) for person in found.people]
    return _Document(schema=SCHEMA, people=people, fps=found.fps, frames=found.frames)


def _faults(document: _Document) -> Iterator[str]:
    """What cannot be, one line each, in the order of the file."""
    for name, count in Counter(str(person.id) for person in document.people).items():
        if count > 1:
            yield explain(f"person {name} is listed {count} times", expected="every person once")
    for person in document.people:
        yield from _person_faults(person, boxes=document.frames is not None)
    if (document.width_px is None) != (document.height_px is None):
        yield explain("half a size", expected="width_px and height_px, or neither")
    known = {str(person.id) for person in document.people}
    for number, rows in enumerate(document.frames or ()):
        yield from _frame_faults(f"frame {number}", rows, known)


def _person_faults(person: _PersonEntry, *, boxes: bool) -> Iterator[str]:
    who, before = f"person {person.id}", 0.0
    if not person.intervals and not boxes:
        yield explain(f"{who} is never there", expected="intervals, or frames with boxes")
    for start, end in person.intervals:
        if not (before <= start < end < math.inf):
            got = f"{start:g} to {end:g} s"
            yield explain(
                f"{who} has an interval that cannot be", got=got, expected="seconds, in order, none in another"
            )
        before = end
    if person.bracket is not None and person.bracket not in LABELS:
        yield explain(f"{who} has an unknown bracket", got=person.bracket, expected="a label such as 25-34")


def _frame_faults(where: str, rows: Sequence[Row], known: set[str]) -> Iterator[str]:
    seen = set[str]()
    for identity, *corners, _ in rows:
        name = str(identity)
        if name not in known:
            yield explain(f"{where} has a person who is not listed", got=name)
        if name in seen:
            yield explain(f"{where} has person {name} twice", expected="one row a person")
        seen.add(name)
        x_min, y_min, x_max, y_max = corners
        if not (x_min < x_max and y_min < y_max and all(map(math.isfinite, corners))):
            yield explain(f"{where} has a box that cannot be", got=corners, expected="x_min, y_min, x_max, y_max in px")


def _truth(document: _Document) -> Truth:
    numbers = {str(person.id): number for number, person in enumerate(document.people)}
    size = None if document.width_px is None or document.height_px is None else (document.width_px, document.height_px)
    frames = None
    if document.frames is not None:
        frames = tuple(
            tuple(TruthFace(numbers[str(name)], Box(*corners), visible) for name, *corners, visible in rows)
            for rows in document.frames
        )  # fmt: skip
    people = tuple(
        Person(str(each.id), tuple(each.intervals), each.gender, each.age, each.bracket) for each in document.people
    )
    return Truth(people, frames, document.fps, size)
