"""Tables and JSON on stdout, lines for people on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from edge.workbench.pages.page import Rows

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 120
"""Characters of a line that is not printed to a terminal."""
_LONGEST = 40
"""Characters of a cell's line: longer ones are wrapped."""
_BETWEEN = 2


def print_table(rows: Rows) -> None:
    """A table on stdout: the first column at the left, numbers at the right.

    Columns that do not fit into the width follow below, after the first column once more.
    """
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, markup=False)
    for columns in split_columns(rows, console.width):
        _print_columns(console, rows, columns)


def split_columns(rows: Rows, width: int) -> list[tuple[int, ...]]:
    """Numbers of the columns that stand together in lines of so many characters; each part begins with the first."""
    needed = [_needed(column) + _BETWEEN for column in zip(rows.columns, *rows.cells, strict=True)]
    parts: list[tuple[int, ...]] = [(0,)]
    for number in range(1, len(needed)):
        if len(parts[-1]) > 1 and sum(needed[each] for each in parts[-1]) + needed[number] > width:
            parts.append((0,))
        parts[-1] += (number,)
    return parts


def _needed(column: Sequence[str]) -> int:
    return min(_LONGEST, max(map(len, column)))


def _print_columns(console: Console, rows: Rows, columns: Sequence[int]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False, title=rows.caption or None, title_justify="left")
    for number in columns:
        justify: Literal["left", "right"] = "right" if number else "left"
        table.add_column(rows.columns[number], justify=justify, overflow="fold", max_width=_LONGEST)
    for row in rows.cells:
        table.add_row(*(row[number] for number in columns))
    console.print(table)


def warn(lines: Iterable[str]) -> None:
    """Lines on stderr, in the program's name."""
    for line in lines:
        sys.stderr.write(f"passerby: {line}\n")


def print_json(value: object) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")
