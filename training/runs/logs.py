"""Logs of runs: one line of JSON per epoch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from edge.errors import BadInput, explain
from training.runs.run_folder import LOG

E = TypeVar("E", bound=Struct)
V = TypeVar("V")


class Epoch(Struct, Generic[V], frozen=True):
    """One line of a log. losses: means over the epoch's batches. validation: null in epochs that have none."""

    epoch: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float
    validation: V | None


def is_detection(run: Path) -> bool:
    """Whether the log in a run's folder is a detector's. False without a log."""
    try:
        with (run / LOG).open("rb") as log:
            return "detection" in msgspec.json.decode(log.readline())
    except (OSError, msgspec.DecodeError, TypeError):
        return False


def read_log(path: Path, form: type[E]) -> list[E]:
    """Read the lines of a log; a null number in an inner object becomes NaN. Raises BadInput for anything but such a
    log.
    """
    try:
        lines = path.read_bytes().splitlines()
        epochs = [msgspec.convert(_with_nan(msgspec.json.decode(line, type=dict)), form) for line in lines]
    except OSError as error:
        raise BadInput(
            explain(f"cannot be read ({error.strerror})", where=str(path), expected="a run's log")
        ) from error
    except msgspec.DecodeError as error:
        raise BadInput(explain(f"not a run's log ({error})", where=str(path))) from error
    if not epochs:
        raise BadInput(explain("no epoch yet", where=str(path)))
    return epochs


def _with_nan(epoch: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: msgspec writes null."""
    return {name: _numbers(each) if isinstance(each, dict) else each for name, each in epoch.items()}


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if number is None else number for name, number in found.items()}
