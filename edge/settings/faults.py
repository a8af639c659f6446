"""Every fault of the settings at once, each with its place: `passerby.toml:12`, a variable or a flag."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge.errors import ConfigError
from edge.settings.aliases import ALIASES, renamed, warn_of_old_names
from edge.settings.settings import Settings
from edge.settings.settings_file import Tree, all_settings, from_environment, from_flags, merge, read_toml
from edge.settings.toml_lines import KeyLines
from edge.settings.zones import TABLE


class Fault(NamedTuple):
    """What is wrong, and with which setting: `section.key`, or the word that is not one."""

    name: str
    error: ConfigError


class Checked(NamedTuple):
    """What a check found.

    settings: in force, with the default where a value is wrong. places: of each setting that is not left at its
    default, by name.
    """

    settings: Settings
    faults: list[Fault]
    places: dict[str, str]


class _Entry(NamedTuple):
    name: str
    place: str
    tree: Mapping[str, Any]


def check_all(
    file: Path,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
    *,
    aliases: Mapping[str, str] = ALIASES,
) -> Checked:
    """Read settings as `load_settings` does, past the first fault.

    Raises ConfigError for a file that cannot be read or is not TOML.
    """
    known = {setting.name: setting for setting in all_settings()}
    tree: Tree = {}
    faults: list[Fault] = []
    places: dict[str, str] = {}
    for entry in _entries(file, environment, flags, aliases, faults):
        try:
            merge(tree, renamed(entry.tree, aliases, where=entry.place), known, where=entry.place)
        except ConfigError as error:
            faults.append(Fault(entry.name, error))
        else:
            places[aliases.get(entry.name, entry.name)] = entry.place
    return Checked(msgspec.convert(tree, Settings), faults, places)


def _entries(
    file: Path,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
    aliases: Mapping[str, str],
    faults: list[Fault],
) -> Iterator[_Entry]:
    """One entry for each value, in the order in which they are read; a slip of a variable's name is a fault,
    and so are zones that are not in the file."""
    yield from _of_file(file, aliases, faults)
    for variable, value in environment.items():
        try:
            yield from _of_tree(from_environment({variable: value}), f"environment, {variable}")
        except ConfigError as error:
            faults.append(Fault(variable, error))
    for name, value in flags.items():
        try:
            yield from _of_tree(from_flags({name: value}), f"--set {name}")
        except ConfigError as error:
            faults.append(Fault(name, error))


def _of_file(file: Path, aliases: Mapping[str, str], faults: list[Fault]) -> Iterator[_Entry]:
    content = read_toml(file)
    warn_of_old_names(content, aliases, where=str(file))
    try:
        renamed(content, aliases, where=str(file))
    except ConfigError as error:  # a setting under both its names
        faults.append(Fault("", error))
    lines = KeyLines(file.read_bytes().removeprefix(codecs.BOM_UTF8).decode())
    for section, entries in content.items():
        if section == TABLE and isinstance(entries, list):
            for number, zone in enumerate(entries):
                yield _Entry(TABLE, f"{file}:{lines.of(TABLE, str(number))}", {TABLE: [zone]})
            continue
        if section == TABLE or not isinstance(entries, dict):
            yield _Entry(section, f"{file}:{lines.of(section)}", {section: entries})
            continue
        for key, value in entries.items():
            yield _Entry(f"{section}.{key}", f"{file}:{lines.of(section, key)}", {section: {key: value}})


def _of_tree(tree: Tree, place: str) -> Iterator[_Entry]:
    for section, entries in tree.items():
        for key in entries:
            yield _Entry(f"{section}.{key}", place, tree)
