"""Tables and JSON on stdout, lines for people on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import msgspec

from training.reports.page import Rows

_WIDE = 150
"""Characters of a table that is not printed to a terminal."""


def print_table(rows: Rows) -> None:
    """A table on stdout: the first column at the left, numbers at the right."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False, title=rows.caption or None, title_justify="left")
    for number, column in enumerate(rows.columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows.cells:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False, markup=False).print(table)


def warn(lines: Iterable[str]) -> None:
    """Lines on stderr, in the program's name."""
    for line in lines:
        sys.stderr.write(f"passerby: {line}\n")


def print_json(value: object) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")
