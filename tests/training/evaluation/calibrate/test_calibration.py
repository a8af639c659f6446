"""Calibration finds the temperature that made the answers, and the threshold that its rule asks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BadInput
from edge.schemas.taxonomy import ADS_8
from edge.sensor.attributes.ages import bracket_map
from edge.sensor.visits.fusion import pool
from training.evaluation.attributes.measures import Confidences
from training.evaluation.calibrate.fit import Probs, cool, fit_temperature, least_threshold, log_loss


def overconfident(true_temperature: float, count: int = 20_000, classes: int = 2) -> tuple[Probs, np.ndarray]:
    """Answers whose honest probabilities were sharpened by a temperature, and labels drawn from the honest ones."""
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.2, (count, classes))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (honest.cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    sharp = honest**true_temperature
    return (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("true_temperature", [0.6, 1.0, 1.8])
def test_finds_the_temperature_that_undoes_false_confidence(true_temperature: float) -> None:
    probs, labels = overconfident(true_temperature)
    fit = fit_temperature(probs, labels, lambda each: each, "x")
    assert fit.temperature == pytest.approx(true_temperature, rel=0.06)
    assert fit.loss <= fit.loss_before + 1e-6
    assert fit.ece < 0.02


def test_ages_are_fitted_through_their_brackets() -> None:
    random = np.random.default_rng(2)
    ages = random.integers(5, 90, 4000)
    centres = ages + random.normal(0, 9, len(ages))
    narrow = np.exp(-(((np.arange(101) - centres[:, None]) / 4.0) ** 2) / 2)
    probs = (narrow / narrow.sum(axis=1, keepdims=True)).astype(np.float32)
    labels = np.array([ADS_8.bracket_of(age) for age in ages])
    fit = fit_temperature(probs, labels, bracket_map(None, ADS_8), "x")
    assert fit.temperature > 1.5
    assert fit.ece < fit.ece_before / 2
    assert fit.loss < fit.loss_before


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), temperature=st.floats(0.1, 10), bins=st.sampled_from([2, 8, 101]))
def test_a_cooled_look_is_what_the_device_makes_of_one_look(seed: int, temperature: float, bins: int) -> None:
    raw = np.random.default_rng(seed).dirichlet(np.full(bins, 0.2), 3).astype(np.float32)
    ours = cool(raw, temperature)
    for row, probs in zip(ours, raw, strict=True):
        np.testing.assert_allclose(row, pool([(probs, 1.0)], temperature), atol=2e-6)


def test_too_few_photographs_are_refused() -> None:
    probs, labels = overconfident(1.0, count=49)
    with pytest.raises(BadInput, match="too few photographs to fit the gender of x, got 49, expected at least 50"):
        fit_temperature(probs, labels, lambda each: each, "the gender of x")


def test_the_threshold_is_the_least_that_is_right_often_enough() -> None:
    confidence = np.repeat([0.55, 0.65, 0.75, 0.95], 100)
    right = np.concatenate([np.r_[np.ones(n), np.zeros(100 - n)] for n in (50, 80, 90, 100)])
    each = Confidences(confidence, right)
    assert least_threshold(each, 0.80) is not None
    found = least_threshold(each, 0.9)
    assert found is not None
    assert (found.confidence, found.coverage, found.accuracy) == (0.56, 0.75, 0.9)
    everything = least_threshold(each, 0.5)
    assert everything is not None
    assert (everything.confidence, everything.coverage) == (0.0, 1.0)
    assert least_threshold(Confidences(confidence, np.zeros(400)), 0.5) is None


def test_a_threshold_that_few_reach_does_not_count() -> None:
    each = Confidences(np.r_[np.full(300, 0.6), np.full(49, 0.9)], np.r_[np.zeros(300), np.ones(49)])
    assert least_threshold(each, 0.97) is None


def test_log_loss_of_certain_and_even_answers() -> None:
    even = np.full((10, 4), 0.25, np.float32)
    assert log_loss(even, np.zeros(10, np.int64)) == pytest.approx(np.log(4))
    assert log_loss(np.eye(4, dtype=np.float32), np.arange(4)) == 0
