"""Measures as means of one value per photograph, and calibration errors; pure arrays, no files and no networks.

The definitions are in docs/evaluation.md. A value is NaN where the measure does not apply to a photograph: no label, no
face, or a model set that does not give that part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.schemas.taxonomy import TAXONOMIES
from edge.sensor.types import FEMALE, MALE
from training.evaluation.attributes.answers import Answers
from training.evaluation.attributes.truth import UNKNOWN, Truth

Floats = NDArray[np.float64]

CUMULATIVE_SCORE_YEARS = 5.0
ECE_BINS = 15
"""Bins of equal width from 0 to 1, after Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""


@dataclass(frozen=True, slots=True)
class Confidences:
    """What calibration is measured on, float64 (N,): confidence 0-1, right 0 or 1; NaN in both is left out."""

    confidence: Floats
    right: Floats


def values(truth: Truth, answers: Answers) -> dict[str, Floats]:
    """Measure -> float64 (N,), whose mean over photographs is the measure."""
    error = answers.years - truth.age
    found = {
        "mae_years": np.abs(error),
        "bias_years": error,
        "cs5": _where(~np.isnan(error), np.abs(error) <= CUMULATIVE_SCORE_YEARS),
    }
    gender = gender_confidences(truth, answers)
    found |= _answered("gender", gender, answers.gender_told)
    for name in answers.brackets:
        found |= _bracket_values(name, truth, answers)
    return found


def measure_names() -> list[str]:
    """All measures of a slice: the names of `values`, and the calibration errors."""
    words = ("accuracy", "coverage", "answered_accuracy", "ece")
    brackets = [f"{name}_{word}" for name in TAXONOMIES for word in (*words, "one_off", "interval")]
    return ["mae_years", "bias_years", "cs5", *(f"gender_{word}" for word in words), *brackets]


def confidences(truth: Truth, answers: Answers) -> dict[str, Confidences]:
    """What is measured for calibration: `gender`, and each taxonomy by name."""
    each = {name: bracket_confidences(name, truth, answers) for name in answers.brackets}
    return {"gender": gender_confidences(truth, answers), **each}


def gender_confidences(truth: Truth, answers: Answers) -> Confidences:
    """Confidence in the likelier gender, and whether it is the labelled one."""
    confidence = answers.gender_confidence
    known = (truth.gender != UNKNOWN) & ~np.isnan(confidence)
    said = np.where(answers.p_female >= 0.5, FEMALE, MALE)
    return Confidences(_where(known, confidence), _where(known, said == truth.gender))


def bracket_confidences(taxonomy: str, truth: Truth, answers: Answers) -> Confidences:
    """Confidence in the likeliest bracket, and whether it is the labelled one."""
    told, labelled = answers.brackets[taxonomy], truth.brackets[taxonomy]
    known = (labelled != UNKNOWN) & (told.bracket != UNKNOWN)
    return Confidences(_where(known, told.confidence), _where(known, told.bracket == labelled))


def _bracket_values(taxonomy: str, truth: Truth, answers: Answers) -> dict[str, Floats]:
    exact = bracket_confidences(taxonomy, truth, answers)
    told, labelled, known = answers.brackets[taxonomy], truth.brackets[taxonomy], ~np.isnan(exact.right)
    return {
        **_answered(taxonomy, exact, told.told),
        f"{taxonomy}_one_off": _where(known, np.abs(told.bracket - labelled) <= 1),
        f"{taxonomy}_interval": _where(known, (told.first <= labelled) & (labelled <= told.last)),
    }


def _answered(name: str, each: Confidences, told: NDArray[np.bool_]) -> dict[str, Floats]:
    known = ~np.isnan(each.right)
    return {
        f"{name}_accuracy": each.right,
        f"{name}_coverage": _where(known, told),
        f"{name}_answered_accuracy": _where(known & told, each.right),
    }


def ece_terms(each: Confidences, bins: int = ECE_BINS) -> Floats:
    """float64 (N, bins): confidence minus rightness in the column of the confidence's bin, else 0.

    The expected calibration error of any weighting of the photographs is the sum of the absolute weighted column sums,
    divided by the weight of the photographs that count.
    """
    known = ~np.isnan(each.right)
    bin_of = np.clip(np.nan_to_num(each.confidence) * bins, 0, bins - 1).astype(np.int64)
    terms = np.zeros((len(known), bins))
    terms[np.nonzero(known)[0], bin_of[known]] = (each.confidence - each.right)[known]
    return terms


def expected_calibration_error(each: Confidences, bins: int = ECE_BINS) -> float:
    """Expected calibration error, 0-1; NaN where nothing counts."""
    known = np.count_nonzero(~np.isnan(each.right))
    return float(np.abs(ece_terms(each, bins).sum(axis=0)).sum() / known) if known else float("nan")


def reliability(each: Confidences, bins: int = ECE_BINS) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right answers and count of each bin that holds any."""
    known = ~np.isnan(each.right)
    confidence, right = each.confidence[known], each.right[known]
    bin_of = np.clip(confidence * bins, 0, bins - 1).astype(np.int64)
    inside = [bin_of == index for index in range(bins)]
    return [
        (float(confidence[mask].mean()), float(right[mask].mean()), int(mask.sum())) for mask in inside if mask.any()
    ]


def coverage_curve(each: Confidences) -> tuple[Floats, Floats, Floats]:
    """Threshold, share answered and share of right answers among them, for each confidence that occurs.

    Thresholds fall, so the share answered rises; all three are empty where nothing counts.
    """
    known = ~np.isnan(each.right)
    order = np.argsort(-each.confidence[known], kind="stable")
    confidence, right = each.confidence[known][order], each.right[known][order]
    if not len(confidence):
        return confidence, confidence, confidence
    ends = np.append(np.nonzero(np.diff(confidence))[0], len(confidence) - 1)
    answered = ends + 1
    return confidence[ends], answered / len(confidence), np.cumsum(right)[ends] / answered


def confusion(labelled: NDArray[np.int64], said: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """int64 (classes, classes): labels in rows, answers in columns; -1 in either is left out."""
    known = (labelled != UNKNOWN) & (said != UNKNOWN)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labelled[known], said[known]), 1)
    return counts


def confusions(truth: Truth, answers: Answers, classes: Mapping[str, int]) -> dict[str, NDArray[np.int64]]:
    """Confusion of genders (`gender`) and of each taxonomy's brackets."""
    said = np.where(np.isnan(answers.p_female), UNKNOWN, np.where(answers.p_female >= 0.5, FEMALE, MALE))
    found = {"gender": confusion(truth.gender, said, 2)}
    for name, told in answers.brackets.items():
        found[name] = confusion(truth.brackets[name], told.bracket, classes[name])
    return found


def _where(known: NDArray[np.bool_], value: NDArray[np.generic]) -> Floats:
    return np.where(known, np.asarray(value, np.float64), np.nan)
