"""What `train chips` and `train scenes` hold out, and where both parts go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError, explain
from training.reports.files import need_folder_of


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Which share of the pictures goes into a file of its own. file: None where nothing is held out."""

    file: Path | None
    share: float
    seed: int


def need_places(out: Path, held_out: HeldOut) -> None:
    """Raises UsageError where a file's folder is missing, or both would be the same file."""
    need_folder_of(out, "--out")
    need_folder_of(held_out.file, "--held-out")
    if held_out.file is not None and held_out.file.resolve() == out.resolve():
        raise UsageError(
            explain("the file of --out", where="--held-out", got=str(held_out.file), expected="another file")
        )
