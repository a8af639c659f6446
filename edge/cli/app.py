"""The command tree: a table of the device's commands. Entry points add those of the workstation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import typer

from edge import __version__
from edge.errors import PasserbyError, explain
from edge.terminal.commands import DESK, NETWORKS, RUN, SEE, SET_UP, Command, commands

SERVICES = (["sensor"], ["publisher"])
HELP = """Anonymous audience sensor: from a camera to small anonymous events over MQTT, never an image.

Every command takes -h. Settings come from passerby.toml, the environment, then flags.

Examples:
  passerby demo
  passerby run --source 0 --broker mqtt://192.0.2.10
  passerby doctor

Exit codes:
  1  a check failed, or a file could not be read or written
  3  something that is needed is not there: camera, network, broker, package
  130  ended by Ctrl-C
"""

COMMANDS = (
    Command(
        "demo", "Show the whole product on this machine, no set-up.", "edge.cli.demo:demo", RUN, ("amqtt",), "demo"
    ),
    Command("run", "Run sensor and publisher together.", "edge.cli.run:run", RUN),
    Command("sensor", "Run the half that sees and cannot send.", "edge.cli.sensor:sensor", RUN),
    Command("publisher", "Run the half that sends and cannot see.", "edge.cli.publisher:publisher", RUN),
    Command("pause", "Close the camera until `passerby resume`.", "edge.cli.pause:pause", RUN),
    Command("resume", "Open the camera again after `passerby pause`.", "edge.cli.pause:resume", RUN),
    Command("button", "Pause and resume at the press of a button.", "edge.cli.pause:button", RUN),
    Command("analyze", "Find faces in pictures, videos and cameras.", "edge.cli.analyze:analyze", SEE),
    Command("report", "Draw visits by hour, age and gender.", "edge.cli.report:report", SEE, ("matplotlib",), "demo"),
    Command("config", "Check, show and explain the settings.", "edge.cli.config:app", SET_UP),
    Command("doctor", "Check this device, with advice for each fault.", "edge.cli.doctor:doctor", SET_UP),
    Command("completion", "Print what makes a shell complete these words.", "edge.cli.completion:completion", SET_UP),
    Command("models", "List, verify, import and fetch networks.", "edge.cli.models:app", NETWORKS),
    Command("bench", "Measure speed and memory on this machine.", "edge.cli.bench:bench", DESK),
    Command("schema", "Print a contract as JSON Schema with examples.", "edge.cli.schema:schema", DESK),
)


def build() -> typer.Typer:
    """The whole command tree."""
    return commands(HELP, *COMMANDS, others=_of_the_workstation, options=_version)


def _of_the_workstation() -> Iterator[Command]:
    """Commands of other packages. To find them takes 70 ms, which the device's own commands do not pay."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="passerby.commands"):
        command: Command = entry.load()
        yield command


def main() -> None:
    """Run the command line; every foreseen error is one line on stderr and an exit code."""
    if sys.stdout is None:  # closed by the process that started this one
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (until the process ends)
    try:
        _complete_words()
        build()()
    except PasserbyError as error:
        sys.stderr.write(f"passerby: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if sys.argv[1:2] in SERVICES:  # the journal wants to know where
            raise
        _end_with(error)


def _complete_words() -> None:
    """Where a shell asks for words: let typer know the shells."""
    from edge.cli.completion import VARIABLE, know_shells

    if VARIABLE in os.environ:
        know_shells()


def _end_with(error: OSError) -> NoReturn:
    """Report what the file system refuses, where no module has a message of its own."""
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
