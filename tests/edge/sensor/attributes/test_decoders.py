"""Attribute decoders and ages as distributions, on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge.schemas.taxonomy import ADIENCE_8, ADS_8, SIMPLE_4
from edge.sensor.attributes import adience, age101, omz
from edge.sensor.attributes.ages import bracket_map, spread
from edge.sensor.types import FEMALE, MALE


def test_omz_gives_years_and_female_first() -> None:
    outputs = {
        "age": np.array([0.31, 0.5], np.float32).reshape(2, 1, 1, 1),
        "gender": np.array([[0.9, 0.1], [0.2, 0.8]], np.float32).reshape(2, 2, 1, 1),
    }
    read = omz.decode(outputs)
    assert read.age_probs is None
    assert read.age_years is not None
    assert read.gender_probs is not None
    np.testing.assert_allclose(read.age_years, [31, 50], rtol=1e-6)
    np.testing.assert_allclose(read.gender_probs[:, FEMALE], [0.9, 0.2], rtol=1e-6)


def test_adience_has_male_first_and_is_turned_round() -> None:
    read = adience.decode({"gender": np.array([[0.8, 0.2]], np.float32)})
    assert read.gender_probs is not None
    assert read.gender_probs[0, MALE] == pytest.approx(0.8)
    assert read.age_probs is None
    assert read.age_years is None


def test_adience_gives_eight_classes_and_no_years() -> None:
    classes = np.eye(8, dtype=np.float32)[[4, 0]]
    read = adience.decode({"age": classes})
    assert read.age_probs is not None
    np.testing.assert_array_equal(read.age_probs, classes)
    assert read.age_years is None
    assert read.gender_probs is None


def test_age101_turns_logits_into_probabilities_whose_median_is_the_age() -> None:
    ages = np.full((1, 101), -80, np.float32)
    ages[0, [20, 40]] = np.log([1, 3])
    read = age101.decode({"age": ages, "gender": np.log([[0.6, 1.4]]).astype(np.float32)})
    assert read.age_years is not None
    assert read.age_probs is not None
    assert read.gender_probs is not None
    assert read.age_years[0] == pytest.approx(39.5 + 0.25 / 0.75)
    np.testing.assert_allclose(read.age_probs[0, [20, 40]], [0.25, 0.75], rtol=1e-5)
    np.testing.assert_allclose(read.gender_probs, [[0.3, 0.7]], rtol=1e-5)
    assert age101.decode({"gender": np.array([[0.3, 0.7]], np.float32)}).age_probs is None


@pytest.mark.parametrize(
    ("probs", "years"),
    [({30: 1.0}, 30.0), ({0: 1.0}, 0.0), ({100: 1.0}, 100.0), ({20: 0.5, 21: 0.5}, 20.5), ({0: 0.9, 60: 0.1}, 0.056)],
)
def test_a_median_lies_where_half_of_the_probability_is_below(probs: dict[int, float], years: float) -> None:
    ages = np.zeros((1, 101), np.float32)
    ages[0, list(probs)] = list(probs.values())
    assert age101.median_years(ages)[0] == pytest.approx(years, abs=1e-3)


def test_age101_takes_any_size_of_logits() -> None:
    read = age101.decode({"age": np.full((2, 101), 1e4, np.float32), "gender": np.array([[1e4, -1e4]] * 2, np.float32)})
    assert read.age_years is not None
    np.testing.assert_allclose(read.age_years, 50, rtol=1e-5)


@pytest.mark.parametrize("decode", [omz.decode, adience.decode, age101.decode])
def test_decoded_values_do_not_change_with_the_session_s_buffers(decode) -> None:  # type: ignore[no-untyped-def]
    bins = {omz.decode: 1, adience.decode: 8, age101.decode: 101}[decode]
    outputs = {"age": np.full((1, bins), 1 / bins, np.float32), "gender": np.array([[0.5, 0.5]], np.float32)}
    read = decode(outputs)
    before = [None if part is None else part.copy() for part in read]
    for array in outputs.values():
        array[:] = 0
    for part, kept in zip(read, before, strict=True):
        if part is not None:
            np.testing.assert_array_equal(part, kept)


@pytest.mark.parametrize("sigma", [0.0, 3.0, 9.0])
@pytest.mark.parametrize("years", [-3.0, 0.0, 30.4, 99.9, 140.0])
def test_a_spread_sums_to_one_and_peaks_at_the_years(sigma: float, years: float) -> None:
    probs = spread(np.array([years], np.float32), sigma)
    assert probs.shape == (1, 101)
    assert probs.dtype == np.float32
    assert probs.sum() == pytest.approx(1, abs=1e-5)
    assert probs.argmax() == round(min(max(years, 0), 100))


def test_a_wider_spread_is_less_sure_of_its_bracket() -> None:
    to_brackets = bracket_map(None, ADS_8)
    sure = [float(to_brackets(spread(np.array([30.0], np.float32), sigma)).max()) for sigma in (1.0, 5.0, 9.0)]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] > 0.99


def test_ages_fall_into_the_brackets_that_hold_them() -> None:
    brackets = bracket_map(None, ADS_8)(np.eye(101, dtype=np.float32))
    for age, index in ((0, 0), (12, 0), (13, 1), (24, 2), (25, 3), (64, 6), (65, 7), (100, 7)):
        assert brackets[age].argmax() == index
        assert brackets[age].max() == 1


def test_classes_are_shared_out_over_their_years() -> None:
    brackets = bracket_map("adience-8", SIMPLE_4)(np.eye(8, dtype=np.float32))
    np.testing.assert_allclose(brackets.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(brackets[:3, 0], 1)  # 0-2, 4-6 and 8-12 are children
    np.testing.assert_allclose(brackets[7], [0, 0, 5 / 41, 36 / 41], rtol=1e-6)  # of 60-100, five years are under 65


def test_classes_stay_themselves_in_their_own_taxonomy() -> None:
    one = np.array([0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0], np.float32)
    np.testing.assert_allclose(bracket_map("adience-8", ADIENCE_8)(one), one, rtol=1e-6)
