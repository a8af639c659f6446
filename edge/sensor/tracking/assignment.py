"""Optimal assignment of rows to columns, each with the freedom to stay alone.

Shortest augmenting paths with potentials, O(n² m): H. W. Kuhn, "The Hungarian Method for the Assignment Problem", 1955,
in the form of R. Jonker and A. Volgenant, Computing 38, 1987.
"""

from __future__ import annotations

from collections.abc import Sequence

ALONE = 1.0
"""Cost of a row that stays alone; a pair that costs as much is not allowed."""


def assign(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column) that minimise the sum of their costs plus `ALONE` for each row left over.

    costs: rows of equal length, each value 0-1; 1 (`ALONE`) forbids the pair. Pairs come in the order of rows.
    """
    clear = _unrivalled(costs)
    return _optimal(costs) if clear is None else clear


def _unrivalled(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]] | None:
    """The pairs, when no row and no column has two candidates: nearly every frame. None otherwise."""
    pairs = [(r, c) for r, row in enumerate(costs) for c, cost in enumerate(row) if cost < ALONE]
    rows, columns = {r for r, _ in pairs}, {c for _, c in pairs}
    return pairs if len(rows) == len(pairs) == len(columns) else None


def _optimal(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Solve the padded problem: one column a row to stay alone in makes every row assignable."""
    rows = len(costs)
    columns = len(costs[0])
    padded = [[*row, *([ALONE] * rows)] for row in costs]
    row_of = _augment_all(padded, columns + rows)
    pairs = [(row_of[c], c) for c in range(columns) if row_of[c] >= 0]
    return sorted((r, c) for r, c in pairs if costs[r][c] < ALONE)


def _augment_all(costs: Sequence[Sequence[float]], columns: int) -> list[int]:
    """Row of each column (-1: none) of the cheapest assignment of all rows; needs at least as many columns."""
    row_of = [-1] * columns
    row_price = [0.0] * len(costs)
    column_price = [0.0] * columns
    for row in range(len(costs)):
        _augment(costs, row, row_of, row_price, column_price)
    return row_of


def _augment(
    costs: Sequence[Sequence[float]], start: int, row_of: list[int], row_price: list[float], column_price: list[float]
) -> None:
    """Find the cheapest path from `start` to a free column (Dijkstra on reduced costs) and shift along it."""
    columns = range(len(row_of))
    distance = [float("inf")] * len(row_of)
    came_from = [-1] * len(row_of)
    done: list[int] = []
    open_columns = set(columns)
    row, column, reached = start, -1, 0.0
    while True:
        for c in open_columns:
            through = reached + costs[row][c] - row_price[row] - column_price[c]
            if through < distance[c]:
                distance[c], came_from[c] = through, column
        column = min(open_columns, key=distance.__getitem__)
        reached = distance[column]
        open_columns.remove(column)
        if row_of[column] < 0:
            break
        done.append(column)
        row = row_of[column]
    row_price[start] += reached
    for c in done:
        row_price[row_of[c]] += reached - distance[c]
        column_price[c] -= reached - distance[c]
    while column >= 0:
        before = came_from[column]
        row_of[column] = start if before < 0 else row_of[before]
        column = before
