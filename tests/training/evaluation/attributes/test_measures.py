"""Measures on answers whose values are known, and properties that any answers keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.catalog.manifest import Calibration
from edge.errors import UsageError
from edge.schemas.taxonomy import ADIENCE_8, ADS_8, SIMPLE_4
from edge.sensor.attributes.ages import bracket_map, spread
from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.fusion import Fusion
from edge.workbench.labelled.samples import Gender, Sample
from training.evaluation.attributes.answers import Answers, read_answers
from training.evaluation.attributes.bootstrap import intervals
from training.evaluation.attributes.gaps import with_gaps
from training.evaluation.attributes.measures import (
    Confidences,
    confidences,
    confusion,
    coverage_curve,
    ece_terms,
    expected_calibration_error,
    reliability,
    values,
)
from training.evaluation.attributes.scoring import Bootstrap, error_by_age, score_slices
from training.evaluation.attributes.truth import make_slices, read_truth

NOTHING = float("nan")


def sample(age: float | None, gender: Gender | None = "female", group: str | None = None) -> Sample:
    return Sample("s", f"{age}-{gender}-{group}", age, None if age is None else (int(age), int(age)), gender, group)


def look(years: float, p_female: float, sigma: float = 2.0) -> AttributeEstimate:
    ages = spread(np.array([years], np.float32), sigma)[0]
    return AttributeEstimate(ages, np.array([p_female, 1 - p_female], np.float32), 1.0, years)


def fusions(**calibration: float) -> dict[str, Fusion]:
    found = Calibration(**calibration)
    return {each.name: Fusion(each, bracket_map(None, each), found, found) for each in (ADS_8, ADIENCE_8, SIMPLE_4)}


def answers(looks: list[AttributeEstimate | None], **calibration: float) -> Answers:
    return read_answers([[each] if each else [] for each in looks], fusions(**calibration))


def mean(column: np.ndarray) -> float:
    return float(np.nanmean(column))


def test_errors_of_years_and_genders_are_what_counting_by_hand_gives() -> None:
    truth = read_truth([sample(30), sample(40, "male"), sample(20), sample(None, "male"), sample(50, None)])
    found = values(truth, answers([look(34, 0.9), look(34, 0.8), look(20, 0.4), look(99, 0.1), None]))
    assert mean(found["mae_years"]) == pytest.approx((4 + 6 + 0) / 3)
    assert mean(found["bias_years"]) == pytest.approx((4 - 6 + 0) / 3)
    assert mean(found["cs5"]) == pytest.approx(2 / 3)
    assert found["gender_accuracy"][:4].tolist() == [1, 0, 0, 1]
    assert np.isnan(found["gender_accuracy"][4])
    assert found["gender_coverage"][:4].tolist() == [1, 1, 0, 1]
    assert mean(found["gender_answered_accuracy"]) == pytest.approx(2 / 3)


def test_a_band_is_exact_next_or_farther_off() -> None:
    truth = read_truth([sample(30), sample(30), sample(30), sample(5)])
    found = values(truth, answers([look(30, 0.5), look(40, 0.5), look(60, 0.5), look(15, 0.5)]))
    assert found["ads-8_accuracy"].tolist() == [1, 0, 0, 0]
    assert found["ads-8_one_off"].tolist() == [1, 1, 0, 1]
    assert found["simple-4_accuracy"].tolist() == [1, 0, 0, 0]


def test_bands_below_the_threshold_are_unknown_and_measured_apart() -> None:
    truth = read_truth([sample(30), sample(30)])
    found = values(truth, answers([look(30, 0.5, sigma=1), look(44.5, 0.5, sigma=20)], min_age_confidence=0.6))
    assert found["ads-8_coverage"].tolist() == [1, 0]
    assert found["ads-8_answered_accuracy"][0] == 1
    assert np.isnan(found["ads-8_answered_accuracy"][1])


def test_class_models_have_bands_and_no_years() -> None:
    classes = np.zeros(8, np.float32)
    classes[4] = 1.0
    fusion = {ADIENCE_8.name: Fusion(ADIENCE_8, bracket_map("adience-8", ADIENCE_8))}
    found = values(read_truth([sample(28)]), read_answers([[AttributeEstimate(classes, None, 1.0)]], fusion))
    assert found["adience-8_accuracy"].tolist() == [1]
    assert np.isnan(found["mae_years"]).all()
    assert np.isnan(found["gender_accuracy"]).all()


def test_a_label_that_spans_several_bands_counts_for_none_of_them() -> None:
    band = Sample("s", "p", None, (50, 59), "male")
    found = values(read_truth([band]), answers([look(52, 0.1)]))
    assert np.isnan(found["ads-8_accuracy"]).all()
    assert found["simple-4_accuracy"].tolist() == [1]
    assert found["gender_accuracy"].tolist() == [1]


def test_calibration_error_of_known_answers() -> None:
    sure = Confidences(np.full(100, 0.95), np.r_[np.ones(95), np.zeros(5)])
    assert expected_calibration_error(sure) == pytest.approx(0, abs=1e-9)
    boasting = Confidences(np.full(100, 0.95), np.r_[np.ones(60), np.zeros(40)])
    assert expected_calibration_error(boasting) == pytest.approx(0.35)
    two_bins = Confidences(np.r_[np.full(50, 0.55), np.full(50, 0.95)], np.r_[np.ones(50), np.zeros(50)])
    assert expected_calibration_error(two_bins) == pytest.approx((0.45 + 0.95) / 2)
    assert np.isnan(expected_calibration_error(Confidences(np.array([NOTHING]), np.array([NOTHING]))))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300))
def test_calibration_error_lies_between_the_gap_of_the_means_and_one(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    each = Confidences(random.random(count), random.integers(0, 2, count).astype(float))
    found = expected_calibration_error(each)
    assert abs(each.confidence.mean() - each.right.mean()) - 1e-9 <= found <= 1
    assert found == pytest.approx(np.abs(ece_terms(each).sum(axis=0)).sum() / count)
    bins = reliability(each)
    assert sum(count for _, _, count in bins) == count
    assert found == pytest.approx(sum(abs(mean - right) * n for mean, right, n in bins) / count)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 200))
def test_the_coverage_curve_says_what_each_threshold_gives(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    each = Confidences(random.integers(1, 20, count) / 20, random.integers(0, 2, count).astype(float))
    threshold, coverage, accuracy = coverage_curve(each)
    assert coverage[-1] == 1
    assert (np.diff(coverage) > 0).all()
    for least, share, right in zip(threshold, coverage, accuracy, strict=True):
        told = each.confidence >= least
        assert share == pytest.approx(told.mean())
        assert right == pytest.approx(each.right[told].mean())


def test_confusion_counts_labels_in_rows_and_leaves_unknowns_out() -> None:
    counts = confusion(np.array([0, 0, 1, -1, 2]), np.array([0, 1, 1, 1, -1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_slices_are_ages_bands_genders_and_groups() -> None:
    truth = read_truth([sample(10, "female", "x"), sample(30, "male", "y"), sample(75.5, "male", "x"), sample(None)])
    found = {each.name: np.nonzero(each.members)[0].tolist() for each in make_slices(truth, ["18-75", "66+"])}
    assert found == {
        "all": [0, 1, 2, 3], "female": [0, 3], "male": [1, 2], "x": [0, 2], "y": [1],
        "18-75 years": [1, 2], "18-75 years, male": [1, 2], "18-75 years, x": [2], "18-75 years, y": [1],
        "66+ years": [2], "66+ years, male": [2], "66+ years, x": [2],
        "0-12 years": [0], "25-34 years": [1], "65+ years": [2],
    }  # fmt: skip
    with pytest.raises(UsageError, match="not a span of ages, got old"):
        make_slices(truth, ["old"])


def test_error_by_age_is_the_mean_of_each_step() -> None:
    truth = read_truth([sample(21), sample(24), sample(25), sample(101)])
    steps = error_by_age(truth, answers([look(23, 0.5), look(20, 0.5), look(30, 0.5), look(100, 0.5)]))
    assert [(s.from_age, s.to_age, s.mae_years, s.bias_years, s.photographs) for s in steps] == [
        (20, 24, 3.0, -1.0, 2), (25, 29, 5.0, 5.0, 1), (100, 120, 1.0, -1.0, 1),
    ]  # fmt: skip


def draw(count: int, people: int | None = None, draws: int = 2000, seed: int = 1) -> tuple[float, float, float, int]:
    random = np.random.default_rng(5)
    column = random.normal(10, 2, count)
    persons = np.arange(count) if people is None else np.arange(count) % people
    if people is not None:
        column = random.normal(10, 2, people)[persons]
    (found,) = intervals({"x": column}, {}, [np.ones(count, bool)], persons, draws=draws, seed=seed)
    return found["x"]


def test_intervals_are_as_wide_as_theory_says() -> None:
    value, low, high, count = draw(400)
    assert low < value < high
    assert count == 400
    assert high - low == pytest.approx(2 * 1.96 * 2 / np.sqrt(400), rel=0.15)


def test_ten_pictures_of_each_person_are_no_more_sure_than_one() -> None:
    _, low, high, _ = draw(400, people=40)
    assert high - low == pytest.approx(2 * 1.96 * 2 / np.sqrt(40), rel=0.35)


def test_the_seed_decides_the_intervals_and_nothing_else_does() -> None:
    assert draw(50, seed=3) == draw(50, seed=3)
    assert draw(50, seed=3) != draw(50, seed=4)


def test_a_measure_that_applies_to_nobody_has_no_interval() -> None:
    truth = read_truth([sample(None), sample(None)])
    slices = make_slices(truth, [])
    found = score_slices(truth, answers([look(30, 0.9), None]), slices, Bootstrap(draws=50))
    assert found[0].measures["mae_years"].value is None
    assert found[0].measures["mae_years"].photographs == 0
    assert found[0].measures["gender_accuracy"].photographs == 1


def test_gaps_between_subgroups_leave_small_ones_out() -> None:
    rows = [("female", "x", 1)] * 60 + [("male", "x", 3)] * 60 + [("male", "y", 6)] * 60 + [("male", "z", 50)] * 20
    truth = read_truth([sample(30, gender, group) for gender, group, _ in rows])
    said = answers([look(30 + error, 0.9 if gender == "female" or error == 6 else 0.1) for gender, _, error in rows])
    found = with_gaps(score_slices(truth, said, make_slices(truth, []), Bootstrap(draws=10)))
    mean = (60 * 1 + 60 * 3 + 60 * 6 + 20 * 50) / 200
    assert found[0].measures["group_mae_ratio"].value == pytest.approx(6 / mean, abs=1e-5)
    assert found[0].measures["gender_accuracy_gap"].value == pytest.approx(60 / 140, abs=1e-5)
    assert "group_mae_ratio" not in found[1].measures


def test_intervals_of_every_slice_agree_with_measuring_the_slice_alone() -> None:
    random = np.random.default_rng(2)
    ages = random.integers(1, 90, 300)
    truth = read_truth([sample(float(age), "female" if age % 2 else "male") for age in ages])
    said = answers([look(float(age + random.normal(0, 8)), random.random()) for age in ages])
    results = score_slices(truth, said, make_slices(truth, ["18-75"]), Bootstrap(draws=200))
    columns, told = values(truth, said), confidences(truth, said)
    for each, found in zip(make_slices(truth, ["18-75"]), results, strict=True):
        for name, column in columns.items():
            expected, measured = column[each.members], found.measures[name]
            assert measured.photographs == np.count_nonzero(~np.isnan(expected))
            if measured.value is not None:
                assert measured.value == pytest.approx(mean(expected), abs=2e-5)
                assert measured.low is not None
                assert measured.low - 1e-5 <= measured.value <= (measured.high or 0) + 1e-5
        part = Confidences(told["ads-8"].confidence[each.members], told["ads-8"].right[each.members])
        assert found.measures["ads-8_ece"].value == pytest.approx(expected_calibration_error(part), abs=2e-5)
