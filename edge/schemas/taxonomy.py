"""Age taxonomies: named brackets, and how an age in years falls into one. Tables only, no numpy."""

from __future__ import annotations

from typing import NamedTuple

from edge.errors import ConfigError, explain

MAX_AGE = 100
"""Highest age in years that a distribution model emits (bins 0-100)."""

MINOR_BELOW = 13
"""Age in years below which a visit is a minor's, as in the setting `privacy.minors`."""


class Bracket(NamedTuple):
    """One band of ages, both ends in whole years and inside the band."""

    label: str
    low: int
    high: int


class Taxonomy(NamedTuple):
    """A named, ordered list of brackets."""

    name: str
    brackets: tuple[Bracket, ...]

    def bracket_of(self, age: float) -> int:
        """Index of the bracket that holds an age in years; an age in a gap goes to the nearest (ties: the lower)."""
        whole = min(max(int(age), 0), MAX_AGE)
        distances = [max(b.low - whole, whole - b.high, 0) for b in self.brackets]
        return distances.index(min(distances))

    def bracket_of_each_age(self) -> tuple[int, ...]:
        """Bracket index of each whole age 0-100: sums a 101-bin distribution into brackets."""
        return tuple(self.bracket_of(age) for age in range(MAX_AGE + 1))


def _bands(name: str, *bands: tuple[int, int], labels: tuple[str, ...] = ()) -> Taxonomy:
    names = labels or tuple(f"{low}-{high}" for low, high in bands)
    return Taxonomy(name, tuple(Bracket(label, *band) for label, band in zip(names, bands, strict=True)))


ADS_8 = _bands(
    "ads-8",
    (0, 12), (13, 17), (18, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 100),
    labels=("0-12", "13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"),
)  # fmt: skip
ADIENCE_8 = _bands(
    "adience-8", (0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100)
)  # Levi & Hassner, "Age and Gender Classification using CNNs", CVPR Workshops 2015
SIMPLE_4 = _bands("simple-4", (0, 12), (13, 34), (35, 64), (65, 100), labels=("child", "young", "adult", "senior"))

TAXONOMIES: dict[str, Taxonomy] = {t.name: t for t in (ADS_8, ADIENCE_8, SIMPLE_4)}


def taxonomy(name: str) -> Taxonomy:
    """Look a taxonomy up by name. Raises ConfigError for a name that does not exist."""
    if name not in TAXONOMIES:
        raise ConfigError(explain("unknown taxonomy", got=name, expected=" | ".join(TAXONOMIES)))
    return TAXONOMIES[name]


def overlap(source: Taxonomy, target: Taxonomy) -> tuple[tuple[float, ...], ...]:
    """Share of each source bracket's whole ages that falls into each target bracket (rows sum to 1).

    A class model's probabilities times this matrix are probabilities in the target taxonomy, under the assumption
    that ages are spread evenly inside a bracket.
    """
    rows = []
    for bracket in source.brackets:
        hits = [target.bracket_of(age) for age in range(bracket.low, bracket.high + 1)]
        rows.append(tuple(hits.count(index) / len(hits) for index in range(len(target.brackets))))
    return tuple(rows)
