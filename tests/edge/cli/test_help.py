"""`passerby --help`: what a newcomer reads at a terminal of 80 columns, and whether it is true."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edge.cli.app import build
from edge.terminal import commands as registry
from edge.terminal.commands import PANELS, Command, commands, help_of

RUNNER = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})


def tree() -> Any:
    return typer.main.get_command(build())


def every_command() -> Iterator[tuple[str, ...]]:
    yield ()
    for name, command in tree().commands.items():
        yield (name,)
        yield from ((name, inner) for inner in getattr(command, "commands", {}))


def shown(words: tuple[str, ...], flag: str = "--help") -> str:
    done = RUNNER.invoke(build(), [*words, flag], prog_name="passerby")
    assert done.exit_code == 0
    return done.stdout


each_command = pytest.mark.parametrize("words", list(every_command()), ids=lambda words: " ".join(words) or "passerby")


@each_command
def test_help_fits_80_columns_and_h_shows_the_same(words: tuple[str, ...]) -> None:
    text = shown(words)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "\b" not in text
    assert shown(words, "-h") == text


@each_command
def test_help_ends_with_examples_and_exit_codes(words: tuple[str, ...]) -> None:
    _, examples, rest = shown(words).partition("\nExamples:\n")
    assert examples
    examples, codes, exits = rest.partition("\n\nExit codes:\n")
    assert codes
    listed = [re.fullmatch(r" {2,4}(\d+)  \S.*", line) for line in exits.rstrip("\n").splitlines()]
    assert all(listed)
    numbers = [int(match[1]) for match in listed if match]
    assert numbers == sorted(numbers)
    assert {0, 2} <= set(numbers)
    assert all("passerby" in line for line in examples.splitlines())


@each_command
def test_examples_name_commands_and_flags_that_are_there(words: tuple[str, ...]) -> None:
    _, _, rest = shown(words).partition("\nExamples:\n")
    for line in rest.partition("\n\n")[0].splitlines():
        command, flags = called(line)
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert flags <= known, line


def called(line: str) -> tuple[Any, set[str]]:
    """The command that an example calls, and the flags that it gives it."""
    found = shlex.split(re.split(r" [|>] ", re.split(r"(?:^|[ (])passerby ", line, maxsplit=1)[1].rstrip(')"'))[0])
    command = tree()
    while found and getattr(command, "commands", None) is not None:
        command = command.commands[found.pop(0)]
    return command, {word for word in found if word.startswith("--")}


@pytest.mark.parametrize("words", [words for words in every_command() if len(words) < 2], ids=" ".join)
def test_every_summary_fits_its_line(words: tuple[str, ...]) -> None:
    command = tree()
    for word in words:
        command = command.commands[word]
    lines = shown(words).splitlines()
    for row in command.loading.rows.values() if hasattr(command, "loading") else ():
        assert any(re.fullmatch(rf"  {row.name} +{re.escape(row.summary)}", line) for line in lines), row
        assert row.summary.endswith(".")
        assert row.panel in PANELS


def test_commands_stand_below_the_heading_of_their_panel() -> None:
    text = shown(())
    headings = [line[:-1] for line in text.splitlines() if re.fullmatch(r"[A-Z][a-z ]+:", line)]
    headings = [heading for heading in headings if heading in PANELS]
    assert headings == ["Run", "See", "Set up", "Networks", "Desk"]
    after = {name: text.split(f"\n{name}:\n")[1].split("\n\n")[0] for name in headings}
    assert "  run  " in after["Run"]
    assert "  analyze  " in after["See"]
    assert "  config  " in after["Set up"]
    assert "  train  " in after["Networks"]
    assert "  bench  " in after["Desk"]


def test_what_is_not_installed_is_named_with_what_brings_it() -> None:
    table = [
        Command("here", "Is here.", print, packages=("sys",), extra="one"),
        Command("lacks", "Lacks a package.", print, packages=("sys", "surely_not_installed.part"), extra="two"),
    ]
    app = commands("A group.", *table)
    text = RUNNER.invoke(app, ["--help"]).stdout
    missing = text.split("Not installed:\n")[1].split("\n\n")[0]
    assert missing == "  lacks  pip install 'passerby[two]'"


def test_a_command_is_imported_when_it_is_called_and_not_before() -> None:
    app = commands("A group.", Command("gone", "Cannot be imported.", "edge.no_such_module:gone"))
    assert "Cannot be imported." in RUNNER.invoke(app, ["--help"]).stdout
    assert isinstance(RUNNER.invoke(app, ["gone"]).exception, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("service", "never"),
    [
        ("sensor", ("edge.publisher", "edge.workbench", "edge.doctor", "paho", "training", "conversion")),
        ("publisher", ("edge.sensor", "edge.workbench", "edge.doctor", "numpy", "cv2", "training", "conversion")),
    ],
)
def test_a_service_loads_the_module_of_no_other_command(service: str, never: tuple[str, ...]) -> None:
    program = (
        "import sys, typer; from edge.cli.app import build;"
        f"typer.main.get_command(build()).commands[{service!r}];"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert f"edge.cli.{service}" in loaded
    assert [name for name in loaded if name.startswith(never)] == []
    assert "importlib.metadata" not in loaded


def test_help_of_keeps_lines_and_adds_the_usual_exit_codes() -> None:
    text, epilog = help_of("""Do it.

    Examples:
      passerby do it

    Exit codes:
      3  it is not there
      0  all is well
    """)
    assert text == "Do it."
    usual = registry.USUAL_EXITS["2"]
    assert epilog == (
        f"Examples:\n  passerby do it\n\nExit codes:\n    0  all is well\n    2  {usual}\n    3  it is not there\n"
    )


def test_a_slip_of_a_command_names_the_nearest() -> None:
    done = RUNNER.invoke(build(), ["confg"])
    assert done.exit_code == 2
    assert "Did you mean 'config'?" in done.stderr
