"""The one way to register a command: a row of a table. Its module is imported when the command is called.

`passerby --help` reads the tables alone, and the services load the module of no other command.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from edge.errors import first_missing
from edge.terminal.interrupt import interruptible

PANELS = ("Run", "See", "Set up", "Networks", "Desk", "Commands")
RUN, SEE, SET_UP, NETWORKS, DESK, OTHER = PANELS
"""Headings of `--help`, in this order."""

USUAL_EXITS: Mapping[str, str] = {"0": "done", "2": "an argument, a setting or an input is wrong"}
"""Exit codes of every command. A docstring adds its own below `Exit codes:`, or words these differently."""

_EXAMPLES, _EXITS = "\nExamples:\n", "\nExit codes:\n"
_PLAIN: Mapping[str, Any] = {
    "add_completion": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}


class Command(NamedTuple):
    """A command or a group of them.

    summary: its line in the list, at most 60 characters. run: a function, whose docstring is its help (`help_of`), or
    what `commands` made; or where either is, as `module:name`. packages: what must be installed for it; extra: what
    brings them. more: examples and exit codes of a function that its docstring would make too long.
    """

    name: str
    summary: str
    run: str | Callable[..., None] | typer.Typer
    panel: str = OTHER
    packages: tuple[str, ...] = ()
    extra: str = ""
    more: str = ""


def commands(
    text: str,
    *table: Command,
    exits: Mapping[str, str] = USUAL_EXITS,
    others: Callable[[], Iterable[Command]] = tuple,
    options: Callable[..., None] | None = None,
) -> typer.Typer:
    """A group of commands.

    text: its help, as a docstring. exits: exit codes that all its commands have. others: asked for more rows when a
    name is not in the table or the list is wanted. options: takes the group's own flags.
    """
    usual = {**USUAL_EXITS, **exits}
    shown, epilog = help_of(text, usual)
    kind = type("Group", (_Group,), {"loading": _Loading(table, others, usual)})
    app = typer.Typer(cls=kind, help=shown, epilog=epilog, no_args_is_help=True, **_PLAIN)
    app.callback()(options or _no_options)
    return app


def help_of(docstring: str, usual: Mapping[str, str] = USUAL_EXITS) -> tuple[str, str]:
    """Help text, and what comes after the options: the lines below `Examples:` and `Exit codes:`, as they are."""
    text, _, exits = inspect.cleandoc(docstring).partition(_EXITS)
    text, _, examples = text.partition(_EXAMPLES)
    codes = {**usual, **dict(line.split(maxsplit=1) for line in exits.splitlines())}
    listed = "\n".join(f"  {code:>3}  {codes[code]}" for code in sorted(codes, key=int))
    parts = [f"Examples:\n{examples.rstrip()}\n\n"] if examples else []
    return text.strip(), "".join((*parts, f"Exit codes:\n{listed}\n"))


class _Loading(Mapping[str, Any]):
    """Commands by name, each imported when it is asked for."""

    def __init__(
        self, table: tuple[Command, ...], others: Callable[[], Iterable[Command]], exits: Mapping[str, str]
    ) -> None:
        self._own = {row.name: row for row in table}
        self._others, self._exits = others, exits

    @cached_property
    def rows(self) -> Mapping[str, Command]:
        """The whole table, in the order of the panels."""
        rows = [*self._own.values(), *self._others()]
        return {row.name: row for row in sorted(rows, key=lambda row: PANELS.index(row.panel))}

    def __getitem__(self, name: str) -> Any:
        return _load(self._own.get(name) or self.rows[name], self._exits)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class _Epilog:
    """Writes the epilog as it is, where typer would indent and wrap it."""

    epilog: str | None

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Examples and exit codes, below a blank line."""
        formatter.write_paragraph()
        formatter.write(self.epilog)


class _Single(_Epilog, TyperCommand):
    """A command."""


class _Group(_Epilog, TyperGroup):
    """Lists its commands below the headings of their panels, then what is not installed."""

    loading: ClassVar[_Loading]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": self.loading})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the lists. Nothing is imported for them."""
        rows = self.loading.rows.values()
        wide = max(len(row.name) for row in rows)
        lists = [(panel, [(row.name, row.summary) for row in each]) for panel, each in groupby(rows, lambda r: r.panel)]
        lists.append(("Not installed", [(row.name, _advice(row)) for row in rows if first_missing(row.packages)]))
        for heading, lines in lists:
            if lines:
                with formatter.section(heading):
                    formatter.write_dl([(name.ljust(wide), text) for name, text in lines])


def _advice(row: Command) -> str:
    return f"pip install 'passerby[{row.extra}]'"


def _load(row: Command, usual: Mapping[str, str]) -> Any:
    """The command or group as typer calls it. usual: exit codes that it shares with its neighbours."""
    target = row.run
    if isinstance(target, str):
        module, _, name = target.partition(":")
        target = getattr(import_module(module), name)
    if isinstance(target, typer.Typer):
        return typer.main.get_command(target)
    text, epilog = help_of(inspect.cleandoc(target.__doc__ or "") + row.more, usual)
    single = typer.Typer(**_PLAIN)
    single.command(row.name, cls=_Single, help=text, epilog=epilog, short_help=row.summary)(interruptible(target))
    return typer.main.get_command(single)


def _no_options() -> None:
    """A group without flags of its own."""
