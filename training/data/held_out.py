"""What `train chips` and `train scenes` hold out, and where both parts are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import UsageError, explain
from edge.files import need_folder_of
from edge.workbench.labelled.samples import Photographs, Sample
from training.data.splits import group, hash_photographs, split

Parts = Mapping[str, Sequence[Sample]]
"""A data set's samples for `train` and, if there is a file for them, for `held_out`; one of the two may be empty."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The share of the pictures that goes into a separate file. file: None where nothing is held out."""

    file: Path | None
    share: float
    seed: int


def need_places(out: Path, held_out: HeldOut) -> None:
    """Raise UsageError where a file's folder is missing, or both parts would go into the same file."""
    need_folder_of(out, "--out")
    need_folder_of(held_out.file, "--held-out")
    if held_out.file is not None and held_out.file.resolve() == out.resolve():
        raise UsageError(
            explain("the file of --out", where="--held-out", got=str(held_out.file), expected="another file")
        )


def deal(sets: Sequence[Photographs], held_out: HeldOut) -> tuple[list[Parts], list[str]]:
    """The parts of each set, and lines about what was left out. No person and no near-copy is in both parts of any set.

    All sets are split together: the share is of all their samples. Raises BadInput where a set cannot be read, or a
    part stays empty.
    """
    labelled = [line for each in sets for line in each.warnings]
    if held_out.file is None:
        return [{"train": each.samples} for each in sets], labelled
    hashed = [hash_photographs(each) for each in sets]
    samples = [sample for readable, _, _ in hashed for sample in readable]
    groups = group(samples, np.concatenate([hashes for _, hashes, _ in hashed]))
    parts = split(samples, groups, {"train": 1 - held_out.share, "held_out": held_out.share}, held_out.seed)
    return [_of_set(each.name, parts) for each in sets], labelled + [line for _, _, lines in hashed for line in lines]


def _of_set(name: str, parts: Parts) -> Parts:
    return {part: [sample for sample in samples if sample.dataset == name] for part, samples in parts.items()}
