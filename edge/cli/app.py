"""The command tree. Entry points add the workstation's commands."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import typer

from edge import __version__
from edge.cli import analyze, bench, config, demo, doctor, models, pause, run, schema
from edge.errors import PasserbyError, explain

SERVICES = (["sensor"], ["publisher"])


def build() -> typer.Typer:
    """The whole command tree."""
    app = typer.Typer(
        name="passerby",
        help="Anonymous audience sensor: from a camera to small anonymous events over MQTT, never an image.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_version)
    app.command()(demo.demo)
    app.command()(run.run)
    app.command()(run.sensor)
    app.command()(run.publisher)
    app.command()(pause.pause)
    app.command()(pause.resume)
    app.command()(pause.button)
    app.command()(analyze.analyze)
    app.add_typer(models.app, name="models")
    app.add_typer(config.app, name="config")
    app.command()(bench.bench)
    app.command()(doctor.doctor)
    app.command()(schema.schema)
    if sys.argv[1:2] not in SERVICES:
        _add_workstation_commands(app)
    return app


def _add_workstation_commands(app: typer.Typer) -> None:
    """Commands of other packages; looking for them takes 70 ms, which the two services spare."""
    from importlib.metadata import entry_points

    for command in entry_points(group="passerby.commands"):
        app.add_typer(command.load(), name=command.name)


def main() -> None:
    """Run the command line; every foreseen error is one line on stderr and an exit code."""
    if sys.stdout is None:  # closed by who started it
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (until the process ends)
    try:
        build()()
    except PasserbyError as error:
        sys.stderr.write(f"passerby: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if sys.argv[1:2] in SERVICES:  # the journal wants to know where
            raise
        _end_with(error)


def _end_with(error: OSError) -> NoReturn:
    """What the file system refuses, where no module says it in words of its own."""
    from edge.terminal.output import leave_stdout

    what = f"cannot be read or written ({error.strerror or error})"
    sys.stderr.write(f"passerby: {explain(what, where=str(error.filename or 'standard output'))}\n")
    with suppress(OSError, ValueError):
        leave_stdout()
    sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _version(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    return
