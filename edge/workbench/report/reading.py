"""Reads visit events from JSON Lines, CSV and SQLite; counts duplicates, losses and lines that cannot be read."""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from edge.errors import BadInput, explain
from edge.workbench.report.visits import OtherEvent, Visit, decode_event, visit_of_columns

SHOWN = 5
"""Bad lines that are named; the others are counted."""
_SQLITE = b"SQLite format 3\x00"
_PAYLOAD = "payload"
_STDIN = "-"


class BadLine(NamedTuple):
    """A line or row that is not an event: its file and number, and why."""

    where: str
    reason: str


@dataclass(slots=True)
class EventLog:
    """What files of events hold. visits: without doubles, oldest first. missing: events that gaps in `seq` show."""

    visits: list[Visit] = field(default_factory=list)
    doubles: int = 0
    missing: int = 0
    others: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What a reader of the report must know of the reading, one line each."""
        lines = []
        if self.missing:
            lines.append(
                f"{_count(self.missing, 'event')} missing: gaps in `seq` show that they were sent and are not here"
            )
        if self.bad:
            named = "; ".join(f"{line.where}: {line.reason}" for line in self.bad_lines)
            more = f"; and {self.bad - len(self.bad_lines):,} more" if self.bad > len(self.bad_lines) else ""
            lines.append(f"{_count(self.bad, 'line')} left out: {named}{more}")
        return lines


def read_events(addresses: Sequence[str]) -> EventLog:
    """The events of files, `-` is JSON Lines from stdin. The kind of a file is found from its content.

    JSON Lines: one event a line; a topic before it, as `mosquitto_sub -v` prints, is left out. CSV: a header line with
    the event's keys, inner ones with a dot or underscore (`gender.label`, `age.bracket`). SQLite: the publisher's
    outbox, or any table with a column `payload` (events as JSON) or with the columns of the CSV.
    Raises BadInput for a file that cannot be read, and where no file holds a visit.
    """
    log, seen, places = EventLog(), set[str](), Counter[tuple[str, int]]()
    for event in _events(addresses, log):
        if isinstance(event, Visit) and event.event_id in seen:
            log.doubles += 1
            continue
        if event.boot_id and event.seq is not None:
            places[event.boot_id, event.seq] += 1
        if isinstance(event, Visit):
            seen.add(event.event_id)
            log.visits.append(event)
        else:
            log.others += 1
    if not log.visits:
        raise BadInput(explain("no visit event in these files", where=", ".join(addresses), got=_got(log)))
    log.missing = count_missing(places)
    log.visits.sort(key=lambda visit: visit.started_at)
    return log


def count_missing(places: Iterable[tuple[str, int]]) -> int:
    """Numbers left out between the first and last `seq` of each life of an outbox (boot_id)."""
    lives: dict[str, set[int]] = {}
    for boot_id, seq in places:
        lives.setdefault(boot_id, set()).add(seq)
    return sum(max(seqs) - min(seqs) + 1 - len(seqs) for seqs in lives.values())


def _events(addresses: Sequence[str], log: EventLog) -> Iterator[Visit | OtherEvent]:
    for address in addresses:
        for where, read in _rows(address):
            try:
                yield read()
            except (msgspec.DecodeError, ValueError) as error:
                log.bad += 1
                if len(log.bad_lines) < SHOWN:
                    log.bad_lines.append(BadLine(where, " ".join(str(error).split())))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _got(log: EventLog) -> str:
    return "; ".join([f"{log.others:,} other events", *log.warnings])


class _Line:
    """One JSON text, decoded when it is asked for."""

    def __init__(self, text: bytes | str) -> None:
        self._text = text

    def __call__(self) -> Visit | OtherEvent:
        return decode_event(self._text)


class _Columns:
    """One row of a table, converted when it is asked for."""

    def __init__(self, row: dict[str, object]) -> None:
        self._row = row

    def __call__(self) -> Visit | OtherEvent:
        return visit_of_columns(self._row)


_Read = _Line | _Columns


def _rows(address: str) -> Iterator[tuple[str, _Read]]:
    if address == _STDIN:
        yield from _json_lines(sys.stdin.buffer, "stdin")
        return
    try:
        with _open(Path(address)) as file:
            yield from _rows_of(file, Path(address))
    except OSError as error:
        raise BadInput(explain("events cannot be read", where=address, got=error.strerror)) from error


def _open(path: Path) -> BinaryIO:
    """A file that can be read from its beginning again; of a pipe, which cannot, all that it gives."""
    file = path.open("rb")
    if file.seekable():
        return file
    with file:
        return BytesIO(file.read())


def _rows_of(file: BinaryIO, path: Path) -> Iterator[tuple[str, _Read]]:
    beginning = file.read(4096)
    file.seek(0)
    if beginning.startswith(_SQLITE):
        return _sqlite(path)
    if path.suffix.lower() == ".csv" or _is_header(beginning):
        return _csv(file, str(path))
    return _json_lines(file, str(path))


def _is_header(beginning: bytes) -> bool:
    first = beginning.partition(b"\n")[0]
    return b"event_id" in first and b"," in first and b"{" not in first


def _json_lines(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, _Read]]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        brace = text.find(b" {")
        if not text.startswith(b"{") and brace > 0:
            text = text[brace + 1 :]
        if text:
            yield f"{name}:{number}", _Line(text)


def _csv(file: BinaryIO, name: str) -> Iterator[tuple[str, _Read]]:
    try:
        rows = csv.DictReader(TextIOWrapper(file, encoding="utf-8-sig", newline=""))
        for row in rows:
            yield f"{name}:{rows.line_num}", _Columns(dict(row))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(explain("not a CSV in UTF-8", where=name, got=error)) from error


def _sqlite(path: Path) -> Iterator[tuple[str, _Read]]:
    """Rows of every table that holds events; the file is opened for reading only."""
    if not path.is_file():
        raise BadInput(explain("SQLite cannot be read from a pipe", where=str(path), expected="a file"))
    try:
        with closing(_connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                yield from _table(database, path, table)
    except sqlite3.DatabaseError as error:
        raise BadInput(explain("SQLite file cannot be read", where=str(path), got=error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Beside a publisher that writes; or, where the folder is read-only too, the file as it lies.

    Raises BadInput where events lie in a write-ahead log that cannot be read there.
    """
    address = path.absolute().as_uri()
    database = sqlite3.connect(f"{address}?mode=ro", uri=True)
    try:
        database.execute("SELECT name FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        database.close()
        _need_no_log(path)
        database = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True)
    return database


def _need_no_log(path: Path) -> None:
    written_ahead = Path(f"{path.resolve()}-wal")
    if written_ahead.is_file() and written_ahead.stat().st_size:
        next_step = "copy both files to a folder that you can write"
        raise BadInput(explain(f"cannot be read with its {written_ahead.name}", where=str(path), next_step=next_step))


def _table(database: sqlite3.Connection, path: Path, table: str) -> Iterator[tuple[str, _Read]]:
    quoted = '"' + table.replace('"', '""') + '"'
    rows = database.execute(f"SELECT * FROM {quoted}")
    columns = [column[0] for column in rows.description]
    if _PAYLOAD not in columns and "event_id" not in columns:
        return
    for number, row in enumerate(rows, 1):
        cells = dict(zip(columns, row, strict=True))
        payload = cells.get(_PAYLOAD)
        where = f"{path}: {table} row {number}"
        yield where, _Line(payload) if isinstance(payload, bytes | str) else _Columns(cells)
