"""A labelled photograph, and what gives them: labels at once, pixels one picture at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from edge.schemas.taxonomy import Taxonomy
from edge.sensor.types import Image

Gender = Literal["female", "male"]
AgeRange = tuple[int, int]
"""First and last whole year, both inside."""

OLDEST = 120
"""Years; a greater age in a label is a mistake."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One photograph's labels; None where the data set has none.

    dataset: the set's name. path: the picture's own inside its tar or folder. age: years, where the set gives a
    number. age_range: the years that the label covers: the age itself, or the band of a set that gives bands only.
    gender: apparent. group: as the set names it. person: the set's name for the person. aligned: the picture is a
    face chip aligned to the template `utkface-112`.
    """

    dataset: str
    path: str
    age: float | None = None
    age_range: AgeRange | None = None
    gender: Gender | None = None
    group: str | None = None
    person: str | None = None
    aligned: bool = False

    def bracket(self, taxonomy: Taxonomy) -> int | None:
        """Index of the taxonomy's bracket that holds the age, or all of the band; None where the label is too vague."""
        if self.age is not None:
            return taxonomy.bracket_of(self.age)
        if self.age_range is None:
            return None
        low, high = self.age_range
        found = {taxonomy.bracket_of(age) for age in range(low, high + 1)}
        return found.pop() if len(found) == 1 else None


class Photographs(Protocol):
    """A data set: its labels, and its pictures on request."""

    @property
    def name(self) -> str:
        """The set's name, as in its samples."""

    @property
    def samples(self) -> Sequence[Sample]:
        """What is labelled, in a fixed order; never empty."""

    @property
    def warnings(self) -> Sequence[str]:
        """What was left out while the labels were read, one line each."""

    def read(self, sample: Sample) -> Image:
        """The picture, uint8 (H, W, 3) BGR. Raises BadInput where it is missing, truncated or damaged."""
