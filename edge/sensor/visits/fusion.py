"""From several looks at one face to one guess with a calibrated confidence, or `unknown`.

Looks at one face within seconds are nearly the same photograph: their errors agree. The product of their probabilities
would count one piece of evidence many times and be sure of everything, so looks are fused by the weighted mean of
their log-probabilities (the logarithmic opinion pool; C. Genest and J. Zidek, "Combining probability distributions",
Statistical Science 1(1), 1986): ten equal looks are as sure as one, contradicting looks less than either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Calibration
from edge.schemas.taxonomy import MINOR_BELOW, Taxonomy
from edge.sensor.types import FEMALE, MALE, AgeGuess, AttributeEstimate, GenderGuess

Probs = NDArray[np.float32]
"""float32 (K,), sums to 1."""

FLOOR = 2e-4
"""No look may rule a class out alone: a probability counts as at least this share of an even one. A floor that did not
go with the number of classes would weigh on 101 ages, where a temperature above 1 lifts what lies on it.
"""
MIN_WEIGHT = 0.01
"""A look of no quality counts this much."""
SPREAD_MASS, MOST_MASS = 6.0, 0.95
"""An interval must hold so much more than `Calibration.interval_mass` for each nat that the views of a look are apart,
and at most the second. A network is less often right than it knows where views differ: fitted so that faces like those
it was trained on and others are covered alike: 81 % of UTKFace's, 82 % of All-Age-Faces' and 80 % of FairFace's (held
out); without it 80 % of the first and 71 % of the last.
"""


@dataclass(frozen=True, slots=True)
class Fusion:
    """What the probabilities of a model set mean. Temperatures and thresholds are those of `Calibration`.

    `to_brackets` maps age probabilities, float32 (bins,), to float32 (brackets of `taxonomy`,), sum 1. Confidences
    below the thresholds answer `unknown`.
    """

    taxonomy: Taxonomy
    to_brackets: Callable[[Probs], Probs]
    gender: Calibration = field(default_factory=Calibration)
    age: Calibration = field(default_factory=Calibration)
    min_gender_confidence: float = 0.0
    """0-1; 0 takes the calibration's."""
    min_age_confidence: float = 0.0
    """0-1; 0 takes the calibration's."""
    trained: bool = True
    """False for networks with random test weights: their answers are never reported."""

    def guess_gender(self, looks: Sequence[AttributeEstimate]) -> GenderGuess | None:
        """Apparent gender of all looks together; None when no look gives one."""
        usable = [look for look in looks if self.trained and look.gender_probs is not None]
        if not usable:
            return None
        probs = pool([(look.gender_probs, look.quality) for look in usable], self.gender.gender_temperature)
        p_female, p_male = float(probs[FEMALE]), float(probs[MALE])
        confidence = max(p_female, p_male)
        sure = confidence >= (self.min_gender_confidence or self.gender.min_gender_confidence)
        label = "unknown" if not sure else "female" if p_female >= p_male else "male"
        return GenderGuess(label, confidence, p_female)

    def guess_age(self, looks: Sequence[AttributeEstimate]) -> AgeGuess | None:
        """Apparent age of all looks together; None when no look gives one."""
        brackets = self.bracket_probs(looks)
        if brackets is None:
            return None
        best = int(brackets.argmax())
        confidence = min(float(brackets[best]), 1.0)
        sure = confidence >= (self.min_age_confidence or self.age.min_age_confidence)
        mass = interval_mass(self.age.interval_mass, mean_spread(looks))
        return AgeGuess(best if sure else None, confidence, mean_years(looks), shortest_run(brackets, mass))

    def bracket_probs(self, looks: Sequence[AttributeEstimate]) -> Probs | None:
        """Fused probabilities of the taxonomy's brackets, float32 (brackets,); None without a look at the age."""
        usable = [look for look in looks if self.trained and look.age_probs is not None]
        if not usable:
            return None
        return self.to_brackets(pool([(look.age_probs, look.quality) for look in usable], self.age.age_temperature))

    def is_minor(self, looks: Sequence[AttributeEstimate]) -> bool:
        """Whether the face is more likely under 13 than not, or its best bracket is; False without any look at the age.

        True whatever the confidence: in doubt a child is treated as one.
        """
        brackets = self.bracket_probs(looks)
        if brackets is None:
            return False
        children = self.child_brackets()
        return int(brackets.argmax()) in children or float(brackets[children].sum()) >= 0.5

    def child_brackets(self) -> list[int]:
        """Indices of the brackets that end before 13 years."""
        return [index for index, bracket in enumerate(self.taxonomy.brackets) if bracket.high < MINOR_BELOW]


def pool(votes: Sequence[tuple[Probs | None, float]], temperature: float) -> Probs:
    """Weighted mean of log-probabilities, cooled by the temperature (p ** (1 / T)) and normalised to sum 1.

    votes: float32 (K,) probabilities and their weights 0-1; the weights count against each other only.
    """
    weights = np.array([max(weight, MIN_WEIGHT) for _, weight in votes])
    probs = np.stack([each for each, _ in votes if each is not None])
    logs = np.log(np.maximum(probs, FLOOR / probs.shape[1]))
    mean = (weights @ logs) / (weights.sum() * temperature)
    odds = np.exp(mean - mean.max())
    return np.asarray(odds / odds.sum(), np.float32)


def mean_years(looks: Sequence[AttributeEstimate]) -> float | None:
    """Mean of the point estimates weighted by quality, years; None where the model gives classes only."""
    return _mean([(look.age_years, look.quality) for look in looks if look.age_years is not None])


def mean_spread(looks: Sequence[AttributeEstimate]) -> float:
    """Mean spread of the looks that give an age, weighted by quality, nats."""
    return _mean([(look.age_spread, look.quality) for look in looks if look.age_probs is not None]) or 0.0


def _mean(weighed: Sequence[tuple[float, float]]) -> float | None:
    """Mean of values by their weights; None without any."""
    pairs = [(value, max(weight, MIN_WEIGHT)) for value, weight in weighed]
    return sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs) if pairs else None


def interval_mass(base: float, spread: float) -> float:
    """What the brackets of an interval must hold together; base: of `Calibration`, spread: of the views, nats."""
    return min(base + SPREAD_MASS * spread, MOST_MASS)


def shortest_run(probs: Probs, mass: float) -> tuple[int, int]:
    """First and last of the fewest neighbouring classes that hold this mass, the likeliest among them.

    Of several as short, those that hold most; all of them where not even they hold it. The adaptive prediction sets of
    Romano, Sesia and Candes, "Classification with Valid and Adaptive Coverage", NeurIPS 2020, for classes in an order.
    """
    best, last = int(probs.argmax()), len(probs) - 1
    sums = np.concatenate(([0.0], np.cumsum(probs, dtype=np.float64)))
    for length in range(1, len(probs) + 1):
        firsts = range(max(0, best - length + 1), min(best, last - length + 1) + 1)
        held = {first: sums[first + length] - sums[first] for first in firsts}
        first = max(held, key=held.__getitem__)
        if held[first] >= mass:
            return first, first + length - 1
    return 0, last
