"""Ages as distributions: a spread for networks that answer with one number, and the step into age brackets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge.schemas.taxonomy import MAX_AGE, Taxonomy, overlap, taxonomy
from edge.sensor.attributes.decoded import Probs, Years


def spread(years: Years, sigma_years: float) -> Probs:
    """A normal distribution round each number of years as probabilities of the whole ages 0-100: (N, 101).

    sigma_years: its standard deviation; 0 puts everything on the nearest age.
    """
    ages = np.arange(MAX_AGE + 1, dtype=np.float32)
    centres = years.clip(0, MAX_AGE)[:, None]
    if sigma_years == 0:
        return np.asarray(ages == np.rint(centres), np.float32)
    weights = np.exp(-(((ages - centres) / sigma_years) ** 2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def bracket_map(classes: str | None, target: Taxonomy) -> Callable[[Probs], Probs]:
    """A function that turns a model's age probabilities, (..., bins), into those of the target's brackets.

    classes: the taxonomy of a class model, whose brackets are shared out evenly over their years; None for 101 ages.
    """
    rows = overlap(taxonomy(classes), target) if classes is not None else _one_row_an_age(target)
    matrix = np.array(rows, np.float32)
    return lambda probs: np.asarray(probs @ matrix, np.float32)


def _one_row_an_age(target: Taxonomy) -> Probs:
    return np.eye(len(target.brackets), dtype=np.float32)[list(target.bracket_of_each_age())]
