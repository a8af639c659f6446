"""Rewrites the text of a passerby.toml to today's names; comments, order and spelling of all else stay."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge.errors import ConfigError, explain
from edge.settings.aliases import renamed

_HEADER = re.compile(r"^\s*\[{1,2}\s*([A-Za-z0-9_-]+)\s*\]")
_KEY = re.compile(r"^\s*(?:([A-Za-z0-9_-]+)\s*\.\s*)?([A-Za-z0-9_-]+)\s*=")
BACKUP = ".bak"


class Names(NamedTuple):
    """Earlier names -> today's: of settings (`section.key`), and of the values of some (`models.set`)."""

    keys: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]


class _Statement(NamedTuple):
    """One setting of a file: its section and key, and its lines with the comments directly above."""

    section: str
    key: str
    first: int
    head: int
    end: int


def migrated(text: str, names: Names, *, where: str) -> str:
    """The text with today's names. Raises ConfigError for what is no TOML, or cannot be rewritten by a program."""
    wanted = _with_values(renamed(_tree(text, where), names.keys, where=where), names)
    lines = text.splitlines(keepends=True)
    while (found := _first_old(lines, names.keys)) is not None:
        lines = _moved(lines, found, names.keys[f"{found.section}.{found.key}"])
    rewritten = "".join(_revalued(lines, names.values))
    if _tree(rewritten, where) != wanted:
        old = ", ".join(f"{old} -> {new}" for old, new in names.keys.items())
        raise ConfigError(explain("cannot be rewritten by a program", where=where, next_step=f"rename by hand: {old}"))
    return rewritten


def read_text(file: Path) -> str:
    """The text of a file of settings. Raises ConfigError where it cannot be read."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(explain(f"cannot be read ({error.strerror})", where=str(file))) from error
    except UnicodeDecodeError as error:
        raise ConfigError(explain("not UTF-8", where=str(file), got=error)) from error


def replace_file(file: Path, text: str) -> Path:
    """Put the text in place of the file, whole or not at all, with its owner and mode; the path of what it was.

    Raises ConfigError where that cannot be.
    """
    file = file.resolve()
    backup, aside = file.with_name(file.name + BACKUP), file.with_name(f".{file.name}.new")
    try:
        owner = file.stat()
        for copy in (backup, aside):
            shutil.copy2(file, copy)
            os.chown(copy, owner.st_uid, owner.st_gid)
        aside.write_bytes(text.encode())
        aside.replace(file)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigError(explain(f"cannot be written ({error.strerror})", where=str(file))) from error
    return backup


def _tree(text: str, where: str) -> dict[str, Any]:
    try:
        return msgspec.toml.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ConfigError(explain(f"not valid TOML: {error}", where=where)) from error


def _with_values(tree: dict[str, Any], names: Names) -> dict[str, Any]:
    for name, values in names.values.items():
        section, _, key = name.partition(".")
        if key in tree.get(section, {}):
            tree[section][key] = values.get(tree[section][key], tree[section][key])
    return tree


def _statements(lines: list[str]) -> list[_Statement]:
    found: list[_Statement] = []
    section, first = "", 0
    for number, line in enumerate(lines):
        if header := _HEADER.match(line):
            section = header[1]
        elif (match := _KEY.match(line)) and not line.lstrip().startswith("#"):
            inside = match[1] or section
            found.append(_Statement(inside, match[2], first, number, _end(lines, number)))
        if not line.lstrip().startswith("#"):
            first = number + 1
    return found


def _end(lines: list[str], head: int) -> int:
    """One past the last line of the value that begins in line `head`."""
    for end in range(head + 1, len(lines) + 1):
        try:
            msgspec.toml.decode("".join(lines[head:end]))
        except msgspec.DecodeError:
            continue
        return end
    return head + 1


def _first_old(lines: list[str], aliases: Mapping[str, str]) -> _Statement | None:
    return next((each for each in _statements(lines) if f"{each.section}.{each.key}" in aliases), None)


def _moved(lines: list[str], old: _Statement, name: str) -> list[str]:
    """The lines with one setting under another name; in another section it goes to that section's end."""
    section, _, key = name.partition(".")
    dotted = bool((match := _KEY.match(lines[old.head])) and match[1])
    fresh = f"{section}.{key}" if dotted else key
    head = re.sub(r"^(\s*)[^=]*?(\s*=)", rf"\g<1>{fresh}\g<2>", lines[old.head], count=1)
    if dotted or section == old.section:
        return [*lines[: old.head], head, *lines[old.head + 1 :]]
    moved = [*lines[old.first : old.head], head, *lines[old.head + 1 : old.end]]
    if not moved[-1].endswith("\n"):
        moved[-1] += "\n"
    return _inserted([*lines[: old.first], *lines[old.end :]], section, moved)


def _inserted(lines: list[str], section: str, statement: list[str]) -> list[str]:
    """The lines with a setting at the end of a section, which is made where it is not there."""
    for number, line in enumerate(lines):
        if (header := _HEADER.match(line)) and header[1] == section:
            last = [each.end for each in _statements(lines) if each.section == section and each.head > number]
            at = max([number + 1, *last])
            return [*lines[:at], *statement, *lines[at:]]
    if lines and not lines[-1].endswith("\n"):
        lines = [*lines[:-1], lines[-1] + "\n"]
    return [*lines, "\n", f"[{section}]\n", *statement]


def _revalued(lines: list[str], values: Mapping[str, Mapping[str, str]]) -> list[str]:
    fresh = list(lines)
    for each in _statements(lines):
        for old, new in values.get(f"{each.section}.{each.key}", {}).items():
            fresh[each.head] = re.sub(rf"(=\s*)([\"']){re.escape(old)}\2", rf"\g<1>\g<2>{new}\g<2>", fresh[each.head])
    return fresh
