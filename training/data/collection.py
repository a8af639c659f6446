"""A data set as readers make it: samples, the storage of their pictures, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from edge.errors import BadInput, UsageError, explain
from edge.sensor.types import Image
from edge.workbench.labelled.samples import Photographs, Sample
from training.data.storage import Storage, decode

SHOWN = 3
"""Number of names in a line that reports what was left out."""
MOST_UNREADABLE = 0.5
"""From this share of unreadable pictures on, the whole set is refused rather than a few bad files left out."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Implements `Photographs` on one storage."""

    name: str
    samples: Sequence[Sample]
    storage: Storage
    warnings: Sequence[str] = ()

    def read(self, sample: Sample) -> Image:
        """See `Photographs`."""
        return decode(self.storage, sample.path)


@dataclass(slots=True)
class LeftOut:
    """Counts what a reader leaves out, and reports one line per reason."""

    reasons: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Count one more; the first names for each reason are kept."""
        self.reasons[reason] += 1
        self.names.setdefault(reason, [])
        if len(self.names[reason]) < SHOWN:
            self.names[reason].append(name)

    def lines(self, where: str) -> list[str]:
        """One line per reason: how many, and the first names."""
        return [
            f"{where}: {count:,} left out, {reason} (such as {', '.join(self.names[reason])})"
            for reason, count in self.reasons.items()
        ]


def collect(name: str, samples: Sequence[Sample], storage: Storage, left_out: LeftOut) -> Collection:
    """A collection of at least one sample. Raises BadInput where nothing is left."""
    lines = left_out.lines(storage.place)
    if not samples:
        raise BadInput(explain("empty set: no labelled photograph", where=storage.place, got="; ".join(lines) or None))
    return Collection(name, tuple(samples), storage, tuple(lines))


def keep_present(samples: Iterable[Sample], storage: Storage, left_out: LeftOut) -> list[Sample]:
    """Samples whose picture is in the storage; the others are counted."""
    present = set(storage.names())
    kept = []
    for sample in samples:
        if sample.path in present:
            kept.append(sample)
        else:
            left_out.add("picture is missing", sample.path)
    return kept


def need_distinct_names(sets: Sequence[Photographs]) -> None:
    """Raise UsageError where data sets share a name: it distinguishes their files, results, samples and persons."""
    for name, count in Counter(each.name for each in sets).items():
        if count > 1:
            next_step = "rename them, or put their pictures into one folder"
            raise UsageError(explain("data sets of the same name", got=f"{count} called {name}", next_step=next_step))


class Reading:
    """Iterates over samples and their pictures; unreadable ones are skipped and counted.

    Afterwards `warnings` has one line about them. Raises BadInput at the end where more than half, or all, could not be
    read.
    """

    def __init__(self, photographs: Photographs, samples: Sequence[Sample] | None = None) -> None:
        self._photographs = photographs
        self.samples = photographs.samples if samples is None else samples
        self.faults: list[BadInput] = []

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[tuple[Sample, Image]]:
        self.faults.clear()
        for sample in self.samples:
            try:
                image = self._photographs.read(sample)
            except BadInput as fault:
                self.faults.append(fault)
                continue
            yield sample, image
        if len(self.faults) > MOST_UNREADABLE * len(self.samples):
            raise BadInput(self._summary("too many pictures cannot be read"))

    @property
    def warnings(self) -> list[str]:
        """One line where pictures were skipped, otherwise nothing."""
        return [self._summary("pictures skipped")] if self.faults else []

    @property
    def left_out(self) -> list[str]:
        """Lines about everything left out: by the reader of the labels, and `warnings`."""
        return [*self._photographs.warnings, *self.warnings]

    def _summary(self, what: str) -> str:
        got = f"{len(self.faults):,} of {len(self.samples):,}"
        return explain(what, where=self._photographs.name, got=got, next_step=f"the first: {self.faults[0]}")
