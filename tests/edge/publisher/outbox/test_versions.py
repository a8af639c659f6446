"""An outbox on disk goes from release to release and back: what the first one made is read, and stays as it made it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from edge.publisher.outbox.outbox import Outbox
from edge.publisher.types import Draft, Place
from edge.settings import settings as config

FIRST_RELEASE = """
PRAGMA journal_mode = WAL;
CREATE TABLE life (boot_id TEXT NOT NULL, last_seq INTEGER NOT NULL, clock_s REAL NOT NULL);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, kind TEXT NOT NULL,
    stored_s REAL NOT NULL, due_s REAL NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX events_by_due ON events (due_s, seq);
CREATE TABLE sessions (session INTEGER NOT NULL UNIQUE, counter INTEGER NOT NULL);
CREATE TABLE undated (seq INTEGER PRIMARY KEY, began_s INTEGER NOT NULL, boot TEXT NOT NULL);
PRAGMA user_version = 1;
"""
BOOT_ID = "4f1c0d7a52b94e7c8a31f5f3b2a6d901"
PAYLOADS = [json.dumps({"seq": seq, "of_another_release": {"deep": [seq]}}).encode() for seq in (1, 2, 3)]


@pytest.fixture
def made_by_the_first_release(tmp_path: Path) -> Path:
    path = tmp_path / "outbox.sqlite3"
    database = sqlite3.connect(path)
    database.executescript(FIRST_RELEASE)
    database.execute("INSERT INTO life VALUES (?, 3, 10.0)", (BOOT_ID,))
    for seq, payload in enumerate(PAYLOADS, 1):
        database.execute("INSERT INTO events VALUES (?, ?, 'visit', 1.0, 1.0, ?)", (seq, f"id-{seq}", payload))
    database.execute("INSERT INTO sessions VALUES (7, 3)")
    database.commit()
    database.close()
    return path


def shape(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Tables of a file, with their columns; and its version."""
    database = sqlite3.connect(path)
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: database.execute(f"PRAGMA table_info({name})").fetchall() for name in sorted(tables)}
    found["version"] = database.execute("PRAGMA user_version").fetchall()
    database.close()
    return found


def test_what_the_first_release_stored_is_sent_as_it_is_and_what_it_took_is_not_taken_twice(
    made_by_the_first_release: Path,
) -> None:
    outbox = Outbox(made_by_the_first_release, config.Outbox())
    assert [(row.place, row.payload) for row in outbox.due(9)] == [
        (Place(BOOT_ID, seq), payload) for seq, payload in enumerate(PAYLOADS, 1)
    ]
    outbox.put([Draft(7, counter, "visit", lambda stamp: b"{}") for counter in (3, 4)], [Place(BOOT_ID, 1)])
    outbox.rewind()
    assert [row.place.seq for row in outbox.due(9)] == [2, 3, 4]
    outbox.close()


def test_after_a_roll_back_the_first_release_finds_its_own_tables(made_by_the_first_release: Path) -> None:
    before = shape(made_by_the_first_release)
    outbox = Outbox(made_by_the_first_release, config.Outbox())
    outbox.put([Draft(7, 4, "visit", lambda stamp: b"{}")])
    outbox.close()
    after = shape(made_by_the_first_release)
    assert {name: after[name] for name in before} == before


def test_a_file_of_today_is_one_that_the_first_release_reads(tmp_path: Path, made_by_the_first_release: Path) -> None:
    today = tmp_path / "today.sqlite3"
    Outbox(today, config.Outbox()).close()
    expected, made = shape(made_by_the_first_release), shape(today)
    assert {name: made[name] for name in expected} == expected
