"""Temperatures and thresholds for a manifest, fitted on validation photographs.

Temperature: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: the one number that makes the labelled
answers least surprising. It is fitted through `edge.sensor.visits.fusion`'s own floor and step into brackets, so that
it calibrates the very confidence that an event reports. Threshold: the least confidence, in steps of 0.01, from which
reported answers are right as often as required.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from edge.errors import BadInput, explain
from edge.schemas.interval import COVERAGE
from edge.sensor.visits.fusion import FLOOR, interval_mass, shortest_run
from training.evaluation.attributes.measures import Confidences, expected_calibration_error

Probs = NDArray[np.float32]
Labels = NDArray[np.int64]

LOWEST, HIGHEST = 0.1, 10.0
"""Range of temperatures that is searched."""
FEWEST = 50
"""Photographs that a fit needs, and reported answers that a threshold needs."""
STEPS = 40
_GOLDEN = (sqrt(5) - 1) / 2
_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class Fit:
    """What a temperature does on the photographs that it was fitted on. Losses are mean natural-log losses."""

    temperature: float
    photographs: int
    loss_before: float
    loss: float
    ece_before: float
    ece: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A confidence, the share of photographs that reach it, and the share of those that are right."""

    confidence: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A mass, the share of photographs whose label lies in the interval, and how many brackets that has on average."""

    mass: float
    coverage: float
    brackets: float


def fit_temperature(probs: Probs, labels: Labels, to_classes: Callable[[Probs], Probs], what: str) -> Fit:
    """The temperature with the least log loss.

    probs: float32 (N, bins) as the network gives them. labels: int64 (N,) classes. to_classes: from (N, bins) to (N,
    classes), such as the step into brackets. what: its name in errors. Raises BadInput for fewer than 50 photographs.
    """
    if len(labels) < FEWEST:
        expected = f"at least {FEWEST} labelled photographs with a face"
        raise BadInput(explain(f"too few photographs to fit {what}", got=len(labels), expected=expected))

    def loss(log_temperature: float) -> float:
        return log_loss(to_classes(cool(probs, exp(log_temperature))), labels)

    temperature = round(exp(_least(loss, log(LOWEST), log(HIGHEST))), 2)
    before, after = to_classes(cool(probs, 1.0)), to_classes(cool(probs, temperature))
    return Fit(
        temperature,
        len(labels),
        log_loss(before, labels),
        log_loss(after, labels),
        expected_calibration_error(confidences_of(before, labels)),
        expected_calibration_error(confidences_of(after, labels)),
    )


def cool(probs: Probs, temperature: float) -> Probs:
    """What `edge.sensor.visits.fusion.pool` makes of one look, for (N, bins) at once."""
    logs = np.log(np.maximum(probs, FLOOR / probs.shape[-1])) / temperature
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def log_loss(probs: Probs, labels: Labels) -> float:
    """Mean of -ln of the labelled class's probability."""
    return float(-np.log(np.maximum(probs[np.arange(len(labels)), labels], _SMALLEST)).mean())


def confidences_of(probs: Probs, labels: Labels) -> Confidences:
    """Confidence in the likeliest class, and whether it is the labelled one."""
    return Confidences(probs.max(axis=1).astype(np.float64).clip(0, 1), (probs.argmax(axis=1) == labels).astype(float))


def least_threshold(each: Confidences, wanted: float) -> Threshold | None:
    """The least threshold at which at least the wanted share (0-1) of reported answers is right, or None.

    Thresholds with fewer than 50 reported answers do not count: their accuracy is chance.
    """
    known = ~np.isnan(each.right)
    confidence, right = each.confidence[known], each.right[known]
    for step in range(100):
        told = confidence >= step / 100
        if np.count_nonzero(told) < FEWEST:
            return None
        if right[told].mean() >= wanted:
            return Threshold(step / 100, float(told.mean()), float(right[told].mean()))
    return None


def fit_interval_mass(guesses: Sequence[tuple[Probs, float]], labels: Labels) -> Interval | None:
    """The least mass, in steps of 0.01, at which intervals hold the labelled bracket as often as `COVERAGE` says.

    guesses: of each photograph the probabilities of the brackets, float32 (brackets,), and the views' spread in nats,
    as `edge.sensor.visits.fusion` takes them. None where no mass does.
    """
    for step in range(101):
        runs = [shortest_run(probs, interval_mass(step / 100, spread)) for probs, spread in guesses]
        held = [first <= label <= last for (first, last), label in zip(runs, labels, strict=True)]
        if held and sum(held) / len(held) >= COVERAGE:
            brackets = sum(last - first + 1 for first, last in runs) / len(runs)
            return Interval(step / 100, sum(held) / len(held), brackets)
    return None


def _least(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is least: golden-section search (J. Kiefer, 1953)."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return (low + high) / 2
