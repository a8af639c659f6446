from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.catalog.manifest import Calibration
from edge.schemas.taxonomy import ADIENCE_8, ADS_8, SIMPLE_4, Taxonomy
from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.fusion import Fusion, Probs, pool, shortest_run
from edge.sensor.visits.minors import profile


def sum_ages(taxonomy: Taxonomy):  # type: ignore[no-untyped-def]
    places = np.array(taxonomy.bracket_of_each_age())
    return lambda probs: np.bincount(places, probs, len(taxonomy.brackets)).astype(np.float32)


def ages(years: float, sigma: float = 3.0) -> Probs:
    odds = np.exp(-0.5 * ((np.arange(101) - years) / sigma) ** 2)
    return (odds / odds.sum()).astype(np.float32)


def look(
    years: float | None = 30, p_female: float | None = 0.9, quality: float = 0.8, sigma: float = 3.0
) -> AttributeEstimate:
    gender = None if p_female is None else np.array((p_female, 1 - p_female), np.float32)
    return AttributeEstimate(None if years is None else ages(years, sigma), gender, quality, years)


def fusion(taxonomy: Taxonomy = ADS_8, **settings: object) -> Fusion:
    return Fusion(taxonomy, sum_ages(taxonomy), **settings)  # type: ignore[arg-type]


probabilities = st.lists(st.floats(0.001, 1), min_size=4, max_size=4).map(
    lambda odds: np.array(odds, np.float32) / np.float32(sum(odds))
)
votes = st.lists(st.tuples(probabilities, st.floats(0, 1)), min_size=1, max_size=8)


@given(votes, st.floats(0.2, 5))
def test_pooled_probabilities_sum_to_1(said: Sequence[tuple[Probs, float]], temperature: float) -> None:
    probs = pool(said, temperature)
    assert float(probs.sum()) == pytest.approx(1, abs=1e-5)
    assert (probs >= 0).all()


@given(probabilities, st.integers(1, 20))
def test_many_equal_looks_are_as_sure_as_one(probs: Probs, count: int) -> None:
    assert np.allclose(pool([(probs, 0.7)] * count, 1.0), probs, atol=1e-3)


@given(votes)
def test_no_pool_is_surer_of_two_classes_than_its_surest_look(said: Sequence[tuple[Probs, float]]) -> None:
    pairs = [(probs[:2] / probs[:2].sum(), weight) for probs, weight in said]
    assert float(pool(pairs, 1.0).max()) <= max(float(probs.max()) for probs, _ in pairs) + 1e-5


def test_the_better_look_decides() -> None:
    assert fusion().guess_gender([look(p_female=0.9, quality=0.9), look(p_female=0.1, quality=0.3)]).label == "female"  # type: ignore[union-attr]
    assert fusion().guess_gender([look(p_female=0.9, quality=0.3), look(p_female=0.1, quality=0.9)]).label == "male"  # type: ignore[union-attr]


def test_looks_that_contradict_each_other_make_the_gender_unknown() -> None:
    guess = fusion().guess_gender([look(p_female=0.95), look(p_female=0.05)])
    assert guess is not None
    assert (guess.label, guess.confidence) == ("unknown", pytest.approx(0.5))


def test_one_wild_look_does_not_rule_anything_out() -> None:
    guess = fusion().guess_gender([look(p_female=1.0), *[look(p_female=0.1)] * 8])
    assert guess is not None and guess.label == "male"


def test_temperature_lowers_confidence_and_keeps_the_label() -> None:
    cold = fusion().guess_gender([look(p_female=0.9)])
    hot = fusion(gender=Calibration(gender_temperature=2.0)).guess_gender([look(p_female=0.9)])
    assert cold is not None and hot is not None
    assert (cold.confidence, hot.confidence) == (pytest.approx(0.9), pytest.approx(0.75))
    assert cold.label == hot.label == "female"


def test_a_setting_overrides_the_thresholds_of_the_calibration() -> None:
    looks = [look(p_female=0.8, years=30)]
    strict = fusion(min_gender_confidence=0.9, min_age_confidence=0.99)
    assert strict.guess_gender(looks).label == "unknown"  # type: ignore[union-attr]
    assert strict.guess_age(looks).bracket is None  # type: ignore[union-attr]
    assert fusion().guess_gender(looks).label == "female"  # type: ignore[union-attr]
    assert fusion().guess_age(looks).bracket == 3  # type: ignore[union-attr]


def test_age_is_the_fused_bracket_and_the_mean_of_years() -> None:
    guess = fusion().guess_age([look(years=28, quality=0.6), look(years=32, quality=0.6)])
    assert guess is not None
    assert (ADS_8.brackets[guess.bracket or 0].label, guess.years) == ("25-34", pytest.approx(30))
    assert 0.35 <= guess.confidence <= 1.0


def test_an_age_spread_over_many_brackets_is_unknown() -> None:
    guess = fusion().guess_age([look(years=40, sigma=25)])
    assert guess is not None and guess.bracket is None and guess.confidence < 0.35


def brackets(*shares: float) -> AttributeEstimate:
    """A look at an age that lies in the brackets of ads-8 with these probabilities."""
    probs = np.zeros(101, np.float32)
    for bracket, share in zip(ADS_8.brackets, shares, strict=True):
        probs[bracket.low : bracket.high + 1] = share / (bracket.high + 1 - bracket.low)
    return AttributeEstimate(probs, None, 0.8, None)


def told(look: AttributeEstimate, **calibration: float) -> tuple[str, str, str]:
    """The bracket, and the first and last of the interval."""
    guess = fusion(age=Calibration(**calibration)).guess_age([look])
    assert guess is not None and guess.interval is not None
    names = [ADS_8.brackets[index].label for index in guess.interval]
    return "unknown" if guess.bracket is None else ADS_8.brackets[guess.bracket].label, names[0], names[1]


def test_two_neighbours_that_share_the_mass_are_no_bracket_but_an_interval() -> None:
    even = brackets(0, 0.02, 0.04, 0.45, 0.45, 0.04, 0, 0)
    assert told(even, min_age_confidence=0.5) == ("unknown", "25-34", "35-44")


def test_a_sure_bracket_is_its_own_interval() -> None:
    assert told(brackets(0, 0, 0.05, 0.9, 0.05, 0, 0, 0)) == ("25-34", "25-34", "25-34")


def test_an_interval_holds_the_likeliest_bracket_even_where_others_hold_more() -> None:
    split = brackets(0.3, 0.28, 0, 0, 0, 0, 0, 0.42)
    guess = fusion(age=Calibration(interval_mass=0.55)).guess_age([split])
    assert guess is not None
    assert guess.interval is not None
    assert guess.interval[1] == 7


def test_the_mass_of_an_interval_is_the_calibration_s() -> None:
    one = brackets(0, 0, 0.2, 0.6, 0.2, 0, 0, 0)
    assert told(one, interval_mass=0.55)[1:] == ("25-34", "25-34")
    assert told(one, interval_mass=0.95)[1:] == ("18-24", "35-44")


def test_looks_whose_views_differ_have_a_wider_interval_and_the_better_ones_count_more() -> None:
    one = brackets(0, 0, 0.2, 0.6, 0.2, 0, 0, 0)
    torn = replace(one, age_spread=0.1)
    assert told(torn, interval_mass=0.5)[1:] == ("18-24", "35-44")
    guess = fusion(age=Calibration(interval_mass=0.5)).guess_age([replace(torn, quality=0.05), *[one] * 9])
    assert guess is not None
    assert guess.interval == (3, 3)


@given(
    st.lists(st.floats(0.001, 1), min_size=1, max_size=8).map(lambda odds: np.array(odds) / sum(odds)),
    st.floats(0, 1),
)
def test_a_run_is_the_shortest_that_holds_the_mass_and_the_likeliest(probs: Probs, mass: float) -> None:
    first, last = shortest_run(probs, mass)
    best, held = int(probs.argmax()), float(probs[first : last + 1].sum())
    assert 0 <= first <= best <= last < len(probs)
    assert held >= mass - 1e-9 or (first, last) == (0, len(probs) - 1)
    shorter = [probs[i : i + last - first].sum() for i in range(best - (last - first) + 1, best + 1) if i >= 0]
    assert all(each < mass for each in shorter)


def test_without_looks_nothing_is_said() -> None:
    assert fusion().guess_gender([]) is None
    assert fusion().guess_age([look(years=None)]) is None
    assert fusion().guess_gender([look(p_female=None)]) is None
    assert profile([], fusion(), "drop") is not None


def test_a_child_has_no_gender_no_years_and_the_bracket_under_13() -> None:
    said = profile([look(years=6, p_female=0.99)], fusion(), "unknown")
    assert said is not None and said.gender is not None and said.age is not None
    assert (said.gender.label, said.gender.confidence, said.gender.p_female) == ("unknown", 0.0, 0.5)
    assert (said.age.bracket, said.age.years, said.age.interval) == (0, None, (0, 0))


def test_the_other_policies_say_all_of_a_child_or_nothing() -> None:
    band = profile([look(years=6, p_female=0.99)], fusion(), "band")
    assert band is not None and band.gender is not None and band.gender.label == "female"
    assert profile([look(years=6)], fusion(), "drop") is None
    assert profile([look(years=30)], fusion(), "drop") is not None


def test_a_taxonomy_with_several_brackets_under_13_tells_none_of_them() -> None:
    said = profile([look(years=5)], fusion(ADIENCE_8), "unknown")
    assert said is not None and said.age is not None and said.age.bracket is None and said.age.interval is None
    only_child = profile([look(years=5)], fusion(SIMPLE_4), "unknown")
    assert only_child is not None and only_child.age is not None and only_child.age.bracket == 0


def test_in_doubt_a_child_is_treated_as_one() -> None:
    doubtful = [look(years=12, sigma=9, p_female=0.99)]
    guess, said = fusion(min_age_confidence=0.9).guess_age(doubtful), profile(doubtful, fusion(), "unknown")
    assert guess is not None and guess.bracket is None
    assert said is not None and said.gender is not None and said.gender.label == "unknown"


def test_a_face_that_is_more_likely_a_child_than_not_is_one_whatever_its_best_bracket() -> None:
    probs = np.array((0.2, 0.2, 0.15, 0.4, 0.05, 0, 0, 0), np.float32)
    doubtful = [AttributeEstimate(probs, np.array((0.9, 0.1), np.float32), 0.8)]
    said = profile(doubtful, Fusion(ADIENCE_8, lambda same: same), "unknown")
    assert said is not None and said.gender is not None and said.gender.label == "unknown"


def test_networks_with_random_weights_tell_nothing_and_make_nobody_a_child() -> None:
    looks = [look(years=5)] * 3
    assert fusion().is_minor(looks)
    random = fusion(trained=False)
    assert (random.guess_gender(looks), random.guess_age(looks), random.is_minor(looks)) == (None, None, False)
    assert profile(looks, random, "drop") == (None, None)
