"""Zones as the settings write them, `[[zones]]` tables: read one by one, checked together, asked about a point."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edge.errors import ConfigError, explain
from edge.settings.polygon import contains, fault_of
from edge.settings.settings import MOST_ZONES, POINTS_IN_WORDS, Zone

TABLE = "zones"
SHAPE = "tables [[zones]], each with kind and points"
EXAMPLE = {"kind": "ignore", "points": [[0.62, 0.0], [1.0, 0.0], [1.0, 0.4], [0.62, 0.4]]}
SAMPLES = 50
"""Places across and down at which `check_zones` looks for a part of the picture that counts."""


def counts(zones: Sequence[Zone], x: float, y: float) -> bool:
    """Whether somebody at this place (fractions of the picture, 0-1) counts.

    Nobody does in an `ignore` zone. Where there are `area` zones, only those count who are in one of them.
    """
    areas = [zone for zone in zones if zone.kind == "area"]
    ignored = any(contains(zone.points, x, y) for zone in zones if zone.kind == "ignore")
    return not ignored and (not areas or any(contains(zone.points, x, y) for zone in areas))


def read_zones(tables: Any, where: str) -> list[Any]:
    """The tables of `[[zones]]`, each checked by itself, as builtins. Raises ConfigError for the first fault."""
    if not isinstance(tables, list):
        raise ConfigError(explain(TABLE, where=where, got=repr(tables), expected=f"{SHAPE}, in double brackets"))
    numbered = [f"{where}, number {number}" if len(tables) > 1 else where for number in range(1, len(tables) + 1)]
    return [_read_zone(table, place) for table, place in zip(tables, numbered, strict=True)]


def check_zones(zones: Sequence[Zone]) -> None:
    """Raise ConfigError where there are too many zones, or where they leave nothing in which anybody could count."""
    if len(zones) > MOST_ZONES:
        raise ConfigError(explain(TABLE, got=f"{len(zones)} zones", expected=f"at most {MOST_ZONES}"))
    if zones and not _leave_something(zones):
        raise ConfigError(
            explain(
                TABLE,
                got="zones that leave nothing of the picture",
                expected="a place where a face counts",
                next_step="`passerby analyze PICTURE --annotate OUT.jpg` draws them",
            )
        )


def not_here(where: str, name: str) -> ConfigError:
    """The error for zones in the environment or in a flag."""
    return ConfigError(
        explain("zones are set in a file only", where=where, got=name, next_step="write [[zones]] in passerby.toml")
    )


def _read_zone(table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(explain(TABLE, where=where, got=repr(table), expected=SHAPE))
    _need_known_keys(table, where)
    forms = {"kind": 'choice "area" | "ignore"', "points": f"list of {POINTS_IN_WORDS}"}
    for key, form in forms.items():
        if key not in table:
            raise ConfigError(explain(f"{TABLE}.{key} is missing", where=where, expected=form))
        fitting = {"kind": "area", "points": ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), key: table[key]}
        try:
            msgspec.convert(fitting, Zone)
        except msgspec.ValidationError as error:
            message = explain(f"{TABLE}.{key}", where=where, got=repr(table[key]), expected=form)
            raise ConfigError(message) from error
    zone = msgspec.convert(table, Zone)
    if fault := fault_of(zone.points):
        got = f"{len(zone.points)} points: {fault}"
        raise ConfigError(explain(f"{TABLE}.points", where=where, got=got, expected="the corners of a polygon in turn"))
    return msgspec.to_builtins(zone)


def _need_known_keys(table: Mapping[str, Any], where: str) -> None:
    known = Zone.__struct_fields__
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            advice = f"did you mean {TABLE}.{near[0]}?" if near else f"a zone has {' and '.join(known)}"
            raise ConfigError(explain(f"unknown setting {TABLE}.{key}", where=where, next_step=advice))


def _leave_something(zones: Sequence[Zone]) -> bool:
    """Whether a place counts, of a grid over each `area`, or over the picture where there is none."""
    whole = ((0.0, 0.0), (1.0, 1.0))
    for points in [zone.points for zone in zones if zone.kind == "area"] or [whole]:
        across, down = zip(*points, strict=True)
        if any(counts(zones, x, y) for x in _spread(min(across), max(across)) for y in _spread(min(down), max(down))):
            return True
    return False


def _spread(low: float, high: float) -> list[float]:
    return [low + (high - low) * (step + 0.5) / SAMPLES for step in range(SAMPLES)]
