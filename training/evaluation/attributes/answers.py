"""Looks as arrays: what a visit of one look would report, through the device's own fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.fusion import Fusion

Floats = NDArray[np.float64]
Looks = Sequence[AttributeEstimate]
"""The looks at one face; empty where no face was found."""


@dataclass(frozen=True, slots=True)
class BracketAnswers:
    """Answers in one taxonomy for N photographs. bracket: int64 (N,), the likeliest, -1 without an answer.

    confidence: float64 (N,), its probability, NaN without. told: bool (N,), whether the confidence reaches the
    threshold. first, last: int64 (N,), the ends of the interval, -1 without an answer.
    """

    bracket: NDArray[np.int64]
    confidence: Floats
    told: NDArray[np.bool_]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answers:
    """A model set's answers for N photographs; NaN, -1 and False without a face or where it does not give that part.

    years: float64 (N,). p_female: float64 (N,). gender_told: bool (N,), whether the confidence reaches the threshold.
    brackets: by taxonomy.
    """

    found: NDArray[np.bool_]
    years: Floats
    p_female: Floats
    gender_told: NDArray[np.bool_]
    brackets: Mapping[str, BracketAnswers]

    @property
    def gender_confidence(self) -> Floats:
        """float64 (N,): probability of the likelier gender, 0.5 to 1; NaN without an answer."""
        return np.maximum(self.p_female, 1 - self.p_female)


def read_answers(looks: Sequence[Looks], fusions: Mapping[str, Fusion]) -> Answers:
    """Fuse the looks at each photograph's face. fusions: by taxonomy, at least one."""
    any_fusion = next(iter(fusions.values()))
    genders = [any_fusion.guess_gender(each) for each in looks]
    ages = [any_fusion.guess_age(each) for each in looks]
    return Answers(
        found=np.array([bool(each) for each in looks], np.bool_),
        years=np.array([_or_nan(guess.years if guess else None) for guess in ages], np.float64),
        p_female=np.array([_or_nan(guess.p_female if guess else None) for guess in genders], np.float64),
        gender_told=np.array([guess is not None and guess.label != "unknown" for guess in genders], np.bool_),
        brackets={name: _read_brackets(looks, fusion) for name, fusion in fusions.items()},
    )


def _read_brackets(looks: Sequence[Looks], fusion: Fusion) -> BracketAnswers:
    probs = [fusion.bracket_probs(each) for each in looks]
    confidence = np.array([_or_nan(None if row is None else float(row.max())) for row in probs], np.float64).clip(0, 1)
    with np.errstate(invalid="ignore"):
        told = confidence >= (fusion.min_age_confidence or fusion.age.min_age_confidence)
    bracket = np.array([-1 if row is None else int(row.argmax()) for row in probs], np.int64)
    runs = [guess.interval if guess and guess.interval else (-1, -1) for guess in map(fusion.guess_age, looks)]
    first, last = np.array(runs, np.int64).reshape(-1, 2).T
    return BracketAnswers(bracket, confidence, np.asarray(told, np.bool_), first, last)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
