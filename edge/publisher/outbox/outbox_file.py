"""The outbox's SQLite file: opened durable, made where there is none, moved aside where it is damaged."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from pathlib import Path

from edge.errors import ConfigError, OutboxFull, explain

_log = logging.getLogger(__name__)

VERSION = 1
"""`user_version` of the file; raised when the tables change."""
ASIDE = ".corrupt"
"""Suffix of a damaged file that was moved aside; the next one takes its place, so they never fill the disk."""

_TABLES = """
CREATE TABLE life (boot_id TEXT NOT NULL, last_seq INTEGER NOT NULL, clock_s REAL NOT NULL);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, kind TEXT NOT NULL,
    stored_s REAL NOT NULL, due_s REAL NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX events_by_due ON events (due_s, seq);
CREATE TABLE sessions (session INTEGER NOT NULL UNIQUE, counter INTEGER NOT NULL);
"""
_UNDATED = "CREATE TABLE IF NOT EXISTS undated (seq INTEGER PRIMARY KEY, began_s INTEGER NOT NULL, boot TEXT NOT NULL)"
"""Events whose date is not known yet; beside the tables of version 1, which does without it."""


def open_outbox_file(path: Path) -> sqlite3.Connection:
    """Connection to a sound outbox file; a damaged one is moved aside with a line in the log.

    Raises OutboxFull where the disk does not let it open, ConfigError for a file of a later version.
    """
    try:
        try:
            return _open(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            move_aside(path, error)
            return _open(path)
    except sqlite3.OperationalError as error:
        raise storage_refuses(path, error) from error


def move_aside(path: Path, error: sqlite3.Error) -> None:
    """Rename a damaged file and its journal, and log it; nobody may have it open."""
    for suffix in ("", "-wal", "-shm"):
        damaged = path.with_name(path.name + suffix)
        if damaged.exists():
            damaged.replace(path.with_name(path.name + ASIDE + suffix))
    _log.error(
        "%s: outbox is damaged (%s); moved aside to %s, a new outbox begins and what the old one held is not sent",
        path,
        error,
        path.name + ASIDE,
    )


def storage_refuses(path: Path, error: sqlite3.Error) -> OutboxFull:
    """The error for a disk that does not take a commit."""
    return OutboxFull(
        explain(
            f"the outbox cannot be written ({error})",
            where=str(path),
            expected="free space on a writable disk",
            next_step="free some space; nothing is lost, the sensor keeps its visits and they are tried again",
        )
    )


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _prepare(database, path)
        database.execute(_UNDATED)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    if version:
        raise ConfigError(
            explain(
                "outbox was written by another version of Passerby",
                where=str(path),
                got=f"version {version}",
                expected=f"version {VERSION}",
                next_step="run the version that wrote it until it is empty, or move the file away",
            )
        )
    # One transaction: a crash in the middle leaves an empty file, never half of the tables.
    life = f"INSERT INTO life VALUES ('{uuid.uuid4().hex}', 0, 0.0);"
    database.executescript(f"BEGIN IMMEDIATE; {_TABLES} {life} PRAGMA user_version = {VERSION}; COMMIT;")
