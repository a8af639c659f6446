"""Names that settings had before: they keep working, with one warning each.

A key that gets another name or section gets a line in `ALIASES`; `passerby config migrate` rewrites files.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from edge.errors import ConfigError, explain

ALIASES: Mapping[str, str] = {}
"""`section.key` of an earlier release -> today's. A line is never taken out."""

_log = logging.getLogger(__name__)


def warn_of_old_names(tree: Mapping[str, Any], aliases: Mapping[str, str], *, where: str) -> None:
    """Say once of each earlier name what it is called now; `where` names the source of the settings."""
    for section, key, _ in _entries(tree):
        if new := aliases.get(f"{section}.{key}"):
            _log.warning(
                "%s: %s.%s is called %s now; `passerby config migrate` rewrites a file", where, section, key, new
            )


def renamed(tree: Mapping[str, Any], aliases: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """Sections of settings under today's names; what is not a section stays as it is.

    Raises ConfigError where a setting is there under both names.
    """
    today: dict[str, Any] = {name: {} if isinstance(value, dict) else value for name, value in tree.items()}
    for section, key, value in _entries(tree):
        old = f"{section}.{key}"
        new_section, _, new_key = aliases.get(old, old).partition(".")
        entries = today.setdefault(new_section, {})
        if new_key in entries:
            raise _both(aliases, f"{new_section}.{new_key}", where)
        entries[new_key] = value
    return today


def _entries(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for section, entries in tree.items():
        for key, value in entries.items() if isinstance(entries, dict) else ():
            yield section, key, value


def _both(aliases: Mapping[str, str], name: str, where: str) -> ConfigError:
    old = " and ".join(old for old, new in aliases.items() if new == name)
    return ConfigError(
        explain(f"{name} is there twice, {old} being its earlier name", where=where, next_step=f"keep {name}")
    )
