"""Taxonomies: every age has one bracket, gaps go to the nearest, and brackets of one map onto another."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.schemas.taxonomy import ADIENCE_8, ADS_8, MAX_AGE, SIMPLE_4, TAXONOMIES, Taxonomy, overlap, taxonomy
from edge.schemas.vocabulary import TaxonomyName

any_taxonomy = st.sampled_from(list(TAXONOMIES.values()))
each_taxonomy = pytest.mark.parametrize("each", TAXONOMIES.values(), ids=TAXONOMIES)


@each_taxonomy
def test_brackets_are_in_order_and_share_no_age(each: Taxonomy) -> None:
    ends = [end for bracket in each.brackets for end in (bracket.low, bracket.high)]
    assert ends == sorted(ends)
    assert all(before.high < after.low for before, after in zip(each.brackets, each.brackets[1:], strict=False))
    assert (ends[0], ends[-1]) == (0, MAX_AGE)
    assert len({bracket.label for bracket in each.brackets}) == len(each.brackets) <= 8


def test_the_brackets_are_those_of_the_contract() -> None:
    labels = {each.name: [bracket.label for bracket in each.brackets] for each in TAXONOMIES.values()}
    assert labels == {
        "ads-8": ["0-12", "13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"],
        "adience-8": ["0-2", "4-6", "8-12", "15-20", "25-32", "38-43", "48-53", "60-100"],
        "simple-4": ["child", "young", "adult", "senior"],
    }
    assert tuple(labels) == get_args(TaxonomyName)


@given(any_taxonomy, st.floats(0, MAX_AGE))
def test_an_age_inside_a_bracket_has_that_bracket(each: Taxonomy, age: float) -> None:
    inside = [index for index, bracket in enumerate(each.brackets) if bracket.low <= int(age) <= bracket.high]
    assert len(inside) <= 1
    if inside:
        assert each.bracket_of(age) == inside[0]


@given(any_taxonomy, st.integers(0, MAX_AGE))
def test_no_bracket_is_nearer_than_the_one_that_is_chosen(each: Taxonomy, age: int) -> None:
    def years_away(index: int) -> int:
        return min(abs(age - own) for own in range(each.brackets[index].low, each.brackets[index].high + 1))

    chosen = each.bracket_of(age)
    away = [years_away(index) for index in range(len(each.brackets))]
    assert chosen == away.index(min(away))  # of two at the same distance the lower


@pytest.mark.parametrize(
    ("age", "label"), [(3, "0-2"), (7, "4-6"), (13, "8-12"), (14, "15-20"), (22, "15-20"), (23, "25-32"), (55, "48-53")]
)
def test_gaps_of_adience_go_to_the_nearest_bracket(age: int, label: str) -> None:
    assert ADIENCE_8.brackets[ADIENCE_8.bracket_of(age)].label == label


@given(any_taxonomy, st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_has_a_bracket_and_older_is_never_a_lower_one(each: Taxonomy, age: float) -> None:
    assert 0 <= each.bracket_of(age) < len(each.brackets)
    assert each.bracket_of(age) <= each.bracket_of(max(age, age + 1))


@each_taxonomy
def test_the_table_of_each_age_says_the_same(each: Taxonomy) -> None:
    table = each.bracket_of_each_age()
    assert table == tuple(each.bracket_of(age) for age in range(101))
    assert sorted(table) == list(table)
    assert set(table) == set(range(len(each.brackets)))


@pytest.mark.parametrize("target", TAXONOMIES.values(), ids=TAXONOMIES)
@pytest.mark.parametrize("source", TAXONOMIES.values(), ids=TAXONOMIES)
def test_rows_of_an_overlap_sum_to_one(source: Taxonomy, target: Taxonomy) -> None:
    matrix = np.array(overlap(source, target))
    assert matrix.shape == (len(source.brackets), len(target.brackets))
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    if source is target:
        np.testing.assert_array_equal(matrix, np.eye(len(source.brackets)))


def test_an_overlap_counts_whole_years() -> None:
    assert overlap(ADS_8, SIMPLE_4)[:3] == ((1, 0, 0, 0), (0, 1, 0, 0), (0, 1, 0, 0))
    young_of_adience = overlap(ADIENCE_8, ADS_8)[3]  # 15-20: three years below 18, three above
    assert young_of_adience == (0, 0.5, 0.5, 0, 0, 0, 0, 0)


def test_a_taxonomy_is_looked_up_by_name_and_an_unknown_one_lists_all() -> None:
    assert all(taxonomy(name) is each for name, each in TAXONOMIES.items())
    with pytest.raises(ConfigError, match=r"unknown taxonomy, got ads-9, expected ads-8 \| adience-8 \| simple-4"):
        taxonomy("ads-9")
