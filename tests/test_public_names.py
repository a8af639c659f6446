"""Names and shapes that the whole code keeps to: docstrings, words, sizes, errors."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edge import errors
from edge.cli.app import build
from edge.errors import FRESH_PROCESS
from edge.sensor import ports
from tests.places import ROOT

pytestmark = pytest.mark.contract

MODULES = sorted(path for package in ("edge", "conversion", "training") for path in (ROOT / package).rglob("*.py"))
VAGUE = ("util", "utils", "helper", "helpers", "manager", "managers", "data", "info", "misc", "common", "tools")
CONTRACT_WORDS = {"Info"}
"""The event `info` of ARCHITECTURE's contracts."""

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


def public(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Public classes, functions and methods of a module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                inner = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                yield from (each for each in inner if not each.name.startswith("_"))


@each_module
def test_every_public_name_is_documented(module: Path) -> None:
    tree = ast.parse(module.read_text())
    if tree.body:
        assert ast.get_docstring(tree), "the module"
    undocumented = [node.name for node in public(tree) if not ast.get_docstring(node)]
    assert undocumented == []


@each_module
def test_every_docstring_is_a_sentence(module: Path) -> None:
    for node in public(ast.parse(module.read_text())):
        first = (ast.get_docstring(node) or "").split("\n\n")[0]
        assert first.endswith((".", ":", "?")), f"{node.name}: {first}"


@each_module
def test_no_name_is_vague(module: Path) -> None:
    assert not set(module.stem.split("_")) & set(VAGUE)
    for node in public(ast.parse(module.read_text())):
        if isinstance(node, ast.ClassDef) and node.name not in CONTRACT_WORDS:
            assert not node.name.lower().endswith(tuple(word for word in VAGUE if word != "tools")), node.name


@each_module
def test_no_module_is_longer_than_400_lines_and_no_function_than_50(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < 50, node.name


PROTOCOLS = [
    kind for _, kind in inspect.getmembers(ports, inspect.isclass) if getattr(kind, "_is_protocol", False)
]  # fmt: skip


@pytest.mark.parametrize("port", [kind for kind in PROTOCOLS if kind.__module__ == "edge.sensor.ports"])
def test_a_port_has_at_most_four_methods(port: type) -> None:
    assert 1 <= len([name for name in vars(port) if not name.startswith("_")]) <= 4


ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.PasserbyError)]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_also_a_builtin_and_has_an_exit_code(kind: type[errors.PasserbyError]) -> None:
    assert kind.exit_code in (2, 3, FRESH_PROCESS)
    if kind is not errors.PasserbyError:
        builtins = [base for base in kind.__mro__ if base.__module__ == "builtins"]
        assert builtins[0] not in (Exception, BaseException, object)


def test_an_error_is_one_line_whatever_its_parts_are() -> None:
    line = errors.explain("too\nlong", where="a.mp4", got="1\t2", expected="3", next_step="cut it")
    assert line == "a.mp4: too long, got 1 2, expected 3; cut it"
    assert errors.explain("broken") == "broken"
    assert errors.explain("wrong", got=0) == "wrong, got 0"
    assert errors.explain("no such file", where="M\udcfcller.mp4") == r"M\udcfcller.mp4: no such file"


def commands() -> Iterator[tuple[str, ...]]:
    tree = typer.main.get_command(build())
    for name, command in tree.commands.items():  # type: ignore[attr-defined]
        yield (name,)
        yield from ((name, inner) for inner in getattr(command, "commands", {}))


@pytest.mark.parametrize("words", sorted(commands()), ids=" ".join)
def test_every_command_and_option_says_what_it_does(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(build(), [*words, "--help"])
    assert done.exit_code == 0
    command = typer.main.get_command(build())
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    assert [parameter.name for parameter in shown if not getattr(parameter, "help", "-")] == []


def test_the_promised_commands_are_there() -> None:
    promised = {"demo", "run", "sensor", "publisher", "analyze", "models", "config", "bench", "schema"}
    promised |= {"doctor", "pause", "resume"}
    assert promised <= {words[0] for words in commands()}
    inner = {words[1] for words in commands() if words[0] == "models" and len(words) == 2}
    assert inner == {"list", "show", "verify", "import", "fetch", "ensure"}
