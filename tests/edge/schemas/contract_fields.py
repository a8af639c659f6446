"""The fields of a published contract, one line each: what a subscriber may rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from edge.cli.schema import json_schema

SAYS_NOTHING_OF_VALUES = ("description", "title", "default", "examples", "$schema", "$defs")


def contract_fields(name: str) -> dict[str, str]:
    """Path of each field -> what it may hold, and whether it is always there."""
    schema = json_schema(name)
    return dict(_fields(schema, schema["$defs"], ""))


def open_words(name: str) -> dict[str, list[str]]:
    """Path of each set of words that may grow -> today's words."""
    schema = json_schema(name)
    return dict(_words(schema, schema["$defs"], ""))


def _fields(schema: Any, defs: Any, path: str) -> Iterator[tuple[str, str]]:
    for where, each, always in _inner(schema, defs, path):
        yield where, ("always " if always else "optional ") + json.dumps(_values(each), sort_keys=True)
        yield from _fields(each, defs, where)


def _words(schema: Any, defs: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    for where, each, _ in _inner(schema, defs, path):
        if each.get("type") == "string" and "examples" in each:
            yield where, each["examples"]
        yield from _words(each, defs, where)


def _inner(schema: Any, defs: Any, path: str) -> Iterator[tuple[str, Any, bool]]:
    """Properties, items, and those of each branch of a choice; whether each is always there."""
    schema = _resolved(schema, defs)
    for key, each in schema.get("properties", {}).items():
        yield f"{path}.{key}", each, key in schema.get("required", ())
    if isinstance(schema.get("items"), dict):
        yield f"{path}[]", schema["items"], True
    for branch in schema.get("anyOf", ()):
        yield from _inner(branch, defs, path)


def _resolved(schema: Any, defs: Any) -> Any:
    return defs[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _values(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_values(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _values(value) for key, value in schema.items() if key not in SAYS_NOTHING_OF_VALUES}
