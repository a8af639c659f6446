"""A part of a data set, taken evenly from all of it, for quick trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.sensor.types import Image
from edge.workbench.labelled.samples import Photographs, Sample


@dataclass(frozen=True, slots=True)
class Subset:
    """Some samples of a data set. Implements `Photographs`."""

    whole: Photographs
    samples: Sequence[Sample]

    @property
    def name(self) -> str:
        """The whole set's."""
        return self.whole.name

    @property
    def warnings(self) -> Sequence[str]:
        """The whole set's, and that this is a part of it."""
        return [*self.whole.warnings, f"{self.name}: {len(self.samples):,} of {len(self.whole.samples):,} photographs"]

    def read(self, sample: Sample) -> Image:
        """See `Photographs`."""
        return self.whole.read(sample)


def every_nth(photographs: Photographs, most: int) -> Photographs:
    """At most that many samples, spread evenly over the set's order; the set itself if it is no larger."""
    samples = spread(photographs.samples, most)
    return photographs if len(samples) == len(photographs.samples) else Subset(photographs, samples)


def spread(samples: Sequence[Sample], most: int) -> Sequence[Sample]:
    """At most that many samples, spread evenly over their order; all of them if there are no more."""
    if len(samples) <= most:
        return samples
    return [samples[index] for index in np.linspace(0, len(samples) - 1, most).astype(int)]
