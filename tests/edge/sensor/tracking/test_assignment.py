from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.tracking.assignment import ALONE, assign

Costs = list[list[float]]


@st.composite
def cost_matrices(draw: st.DrawFn) -> Costs:
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(1, 5))
    cost = st.one_of(st.just(ALONE), st.floats(0, 1))
    return [[draw(cost) for _ in range(columns)] for _ in range(rows)]


def total(costs: Costs, pairs: list[tuple[int, int]]) -> float:
    return sum(costs[row][column] for row, column in pairs) + ALONE * (len(costs) - len(pairs))


def cheapest_by_trying_all(costs: Costs) -> float:
    rows = len(costs)
    padded = [[*row, *([ALONE] * rows)] for row in costs]
    places = range(len(padded[0])) if rows else range(0)
    return min(sum(padded[r][c] for r, c in enumerate(chosen)) for chosen in permutations(places, rows))


@given(cost_matrices())
def test_no_other_assignment_is_cheaper(costs: Costs) -> None:
    assert total(costs, assign(costs)) == pytest.approx(cheapest_by_trying_all(costs))


@given(cost_matrices())
def test_rows_and_columns_are_used_at_most_once_and_forbidden_pairs_never(costs: Costs) -> None:
    pairs = assign(costs)
    assert len({row for row, _ in pairs}) == len(pairs) == len({column for _, column in pairs})
    assert all(costs[row][column] < ALONE for row, column in pairs)


def test_a_good_pair_is_not_broken_up_to_make_two_bad_ones() -> None:
    assert assign([[0.1, 0.95], [0.95, ALONE]]) == [(0, 0)]


def test_two_rows_that_want_the_same_column_share_out_what_is_cheapest_together() -> None:
    assert assign([[0.1, 0.2], [0.15, 0.9]]) == [(0, 1), (1, 0)]
