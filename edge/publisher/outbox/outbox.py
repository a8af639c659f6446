"""Events on disk, from the sensor's message to the broker's acknowledgement.

Every change is one SQLite transaction (WAL, synchronous=FULL): what `put` returned from survives a power cut.
`seq` is assigned inside it, so it has no gaps within an outbox's life; a visit that is sent twice by the sensor is
one event, also after its delivery and after restarts.
"""

from __future__ import annotations

import json
import random
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.clock import boottime
from edge.clock import machine_boot as this_boot
from edge.errors import OutboxFull, explain
from edge.publisher.outbox.outbox_file import move_aside, open_outbox_file, storage_refuses
from edge.publisher.types import Draft, Place, Row, Stamp, Tally
from edge.settings import settings as config

KEPT_SESSIONS = 64
"""Lives of the sensor whose highest counter is remembered."""
_START = (-1.0, 0)
"""Below every event's due time and seq."""
_OLDEST = "SELECT seq, stored_s, length(payload) FROM events ORDER BY seq LIMIT ?"
TRIMMED_AT_ONCE = 20_000
"""Events that one commit drops at the most: a commit ends long before the watchdog is due."""


class Outbox:
    """A bounded, durable queue of events with one writer: this process and thread."""

    def __init__(
        self,
        path: Path,
        bounds: config.Outbox,
        *,
        jitter_s: float = 0.0,
        clock: Callable[[], float] = boottime,
        machine_boot: str | None = None,
    ) -> None:
        """Open or make the file. `machine_boot` names this life of the machine, whose seconds since boot drafts carry.
        Each event is due a random time up to `jitter_s` after it is stored.

               Raises OutboxFull where the disk does not let it open, ConfigError for a file of another version.
        """
        self._path = path
        self._bounds = bounds
        self._jitter_s = jitter_s
        self._clock = clock
        self._machine_boot = machine_boot or this_boot()
        self._dropped_before = 0
        self._sent_up_to = _START
        self._open()

    def _open(self) -> None:
        self._database = open_outbox_file(self._path)
        try:
            self._load()
        except sqlite3.OperationalError as error:
            raise storage_refuses(self._path, error) from error
        except sqlite3.DatabaseError as error:  # damage behind the first page
            self._replace_file(error)
            self._load()

    def _load(self) -> None:
        life = self._database.execute("SELECT boot_id, last_seq, clock_s FROM life").fetchone()
        totals = self._database.execute("SELECT count(*), total(length(payload)), max(stored_s) FROM events").fetchone()
        self._counters: dict[int, int] = dict(self._database.execute("SELECT session, counter FROM sessions"))
        self.boot_id: str = life[0]
        self.tally = Tally(totals[0], int(totals[1]), life[1], self._dropped_before)
        self._clock_before_s: float = max(life[2], totals[2] or 0.0)
        self._opened_at = self._clock()
        self._forget_undated()
        self.rewind()

    def now_s(self) -> float:
        """The outbox's own clock: seconds that it was open, over all restarts. A jump of the wall clock is no age."""
        return self._clock_before_s + self._clock() - self._opened_at

    def put(self, drafts: Sequence[Draft], delivered: Collection[Place] = ()) -> None:
        """Store new events and forget delivered ones in one transaction, then apply the bounds.

        Drafts that were stored before, by session and counter, are passed over. Raises OutboxFull when the disk does
        not take it or, with `when_full = "refuse"`, when the bounds do not: then no draft is stored.
        """
        try:
            self._put(drafts, delivered)
        except sqlite3.OperationalError as error:
            raise storage_refuses(self._path, error) from error
        except sqlite3.DatabaseError as error:
            self._begin_new_life(error)
            self._put(drafts, ())

    def due(self, limit: int, *, hold_undated: bool = False) -> list[Row]:
        """The next events to send, at most `limit`; each is given once until `rewind`.

        `hold_undated` leaves those out whose date is not known yet.
        """
        held = " AND seq NOT IN (SELECT seq FROM undated)" if hold_undated else ""
        rows = self._read(
            f"SELECT due_s, seq, kind, payload FROM events WHERE (due_s, seq) > (?, ?) AND due_s <= ?{held}"
            " ORDER BY due_s, seq LIMIT ?",
            (*self._sent_up_to, self.now_s(), limit),
        )
        if rows:
            self._sent_up_to = (rows[-1][0], rows[-1][1])
        return [Row(Place(self.boot_id, seq), kind, payload) for _, seq, kind, payload in rows]

    def rewind(self) -> None:
        """Return every event again that is still held, for a new connection to the broker."""
        self._sent_up_to = _START

    def date(self, redated: Callable[[bytes, int], bytes]) -> int:
        """Rewrite the events whose date was not known; returns how many.

        `redated` takes a payload and its seconds since boot. Raises OutboxFull.
        """
        tally = replace(self.tally)
        try:
            with self._transaction():
                rows = self._database.execute(
                    "SELECT seq, payload, began_s FROM events JOIN undated USING (seq) ORDER BY seq"
                ).fetchall()
                for seq, before, began_s in rows:
                    payload = redated(before, began_s)
                    self._database.execute("UPDATE events SET payload = ? WHERE seq = ?", (payload, seq))
                    tally.size_bytes += len(payload) - len(before)
                self._database.execute("DELETE FROM undated")
        except sqlite3.OperationalError as error:
            raise storage_refuses(self._path, error) from error
        except sqlite3.DatabaseError as error:
            self._begin_new_life(error)
            return 0
        tally.undated = 0
        self.tally = tally
        return len(rows)

    def oldest_s(self) -> float:
        """Age of the oldest event, seconds; 0 when there is none."""
        oldest = self._read(_OLDEST, (1,)) if self.tally.rows else []
        return max(0.0, self.now_s() - oldest[0][1]) if oldest else 0.0

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()

    def _put(self, drafts: Sequence[Draft], delivered: Collection[Place]) -> None:
        fresh, counters = self._unseen(drafts)
        if not fresh and not delivered and self.oldest_s() <= self._bounds.max_age_s:
            return
        tally = replace(self.tally)
        with self._transaction():
            self._remove([place.seq for place in delivered if place.boot_id == self.boot_id], tally)
            full = self._refuses(fresh, tally)
            if not full:
                self._insert(fresh, tally)
                self._remember(counters)
            self._trim(tally)
            self._database.execute("UPDATE life SET last_seq = ?, clock_s = ?", (tally.last_seq, self.now_s()))
        self.tally = tally
        if full:
            raise self._bound_reached()
        self._counters = self._counters | counters

    def _unseen(self, drafts: Sequence[Draft]) -> tuple[list[Draft], dict[int, int]]:
        """Drafts above their session's highest counter, and the new highest counters."""
        counters: dict[int, int] = {}
        fresh = []
        for draft in drafts:
            if draft.counter > counters.get(draft.session, self._counters.get(draft.session, 0)):
                counters[draft.session] = draft.counter
                fresh.append(draft)
        return fresh, counters

    def _insert(self, drafts: Sequence[Draft], tally: Tally) -> None:
        stored_s = self.now_s()
        for draft in drafts:
            stamp = Stamp(str(uuid.uuid4()), self.boot_id, tally.last_seq + 1)
            payload = draft.render(stamp) if draft.render else None
            if payload is None:
                continue
            due_s = stored_s + random.uniform(0.0, self._jitter_s)
            self._database.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                (stamp.seq, stamp.event_id, draft.kind, stored_s, due_s, payload),
            )
            if draft.began_s is not None:
                values = (stamp.seq, draft.began_s, self._machine_boot)
                self._database.execute("INSERT INTO undated VALUES (?, ?, ?)", values)
                tally.undated += 1
            tally.last_seq += 1
            tally.rows += 1
            tally.size_bytes += len(payload)

    def _remember(self, counters: dict[int, int]) -> None:
        for session, counter in counters.items():
            self._database.execute(
                "INSERT INTO sessions VALUES (?, ?) ON CONFLICT (session) DO UPDATE SET counter = excluded.counter",
                (session, counter),
            )
        if not counters.keys() <= self._counters.keys():
            self._database.execute(
                "DELETE FROM sessions WHERE rowid NOT IN (SELECT rowid FROM sessions ORDER BY rowid DESC LIMIT ?)",
                (KEPT_SESSIONS,),
            )

    def _forget_undated(self) -> None:
        """Seconds since another boot of the machine give no date; those events keep the one that they have."""
        self._database.execute("DELETE FROM undated WHERE boot != ?", (self._machine_boot,))
        self.tally.undated = self._database.execute("SELECT count(*) FROM undated").fetchone()[0]

    def _remove(self, seqs: Sequence[int], tally: Tally) -> None:
        gone = self._database.execute(
            "DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?)) RETURNING length(payload)",
            (json.dumps(seqs),),
        ).fetchall()
        if tally.undated:
            query = "DELETE FROM undated WHERE seq IN (SELECT value FROM json_each(?))"
            tally.undated -= self._database.execute(query, (json.dumps(seqs),)).rowcount
        tally.rows -= len(gone)
        tally.size_bytes -= sum(size for (size,) in gone)

    def _trim(self, tally: Tally) -> None:
        """Drop the oldest events while there are too many, and those that are too old."""
        cutoff_s = self.now_s() - self._bounds.max_age_s
        rows, size_bytes = tally.rows, tally.size_bytes
        gone: list[int] = []
        for seq, stored_s, length in self._database.execute(_OLDEST, (TRIMMED_AT_ONCE,)):
            if not (self._over(rows, size_bytes) or stored_s < cutoff_s):
                break
            gone.append(seq)
            rows, size_bytes = rows - 1, size_bytes - length
        self._remove(gone, tally)
        tally.dropped += len(gone)

    def _over(self, rows: int, size_bytes: int) -> bool:
        bounds = self._bounds
        too_much = rows > bounds.max_rows or size_bytes > bounds.max_bytes
        return too_much and bounds.when_full == "drop-oldest"

    def _refuses(self, drafts: Sequence[Draft], tally: Tally) -> bool:
        bounds = self._bounds
        full = tally.rows + len(drafts) > bounds.max_rows or tally.size_bytes >= bounds.max_bytes
        return full and bounds.when_full == "refuse" and bool(drafts)

    def _bound_reached(self) -> OutboxFull:
        return OutboxFull(
            explain(
                "the outbox is full and outbox.when_full is refuse",
                where=str(self._path),
                got=f"{self.tally.rows} events, {self.tally.size_bytes} bytes",
                expected=f"at most {self._bounds.max_rows} events, {self._bounds.max_bytes} bytes",
                next_step="the sensor keeps new visits until the broker takes some",
            )
        )

    def _read(self, query: str, values: Sequence[float] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise storage_refuses(self._path, error) from error
        except sqlite3.DatabaseError as error:
            self._begin_new_life(error)
            return []

    def _begin_new_life(self, error: sqlite3.Error) -> None:
        self._dropped_before = self.tally.dropped
        self._replace_file(error)
        self._load()

    def _replace_file(self, error: sqlite3.Error) -> None:
        self._database.close()
        move_aside(self._path, error)
        self._database = open_outbox_file(self._path)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # a failed write may have rolled it back already
                self._database.execute("ROLLBACK")
            raise
