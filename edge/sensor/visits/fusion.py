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
        return AgeGuess(best if sure else None, confidence, mean_years(looks))

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
    usable = [(look.age_years, max(look.quality, MIN_WEIGHT)) for look in looks if look.age_years is not None]
    return sum(years * weight for years, weight in usable) / sum(weight for _, weight in usable) if usable else None
