"""The page on architecture shows the tree as it is."""

from __future__ import annotations

import re

from tests.places import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
(TREE,) = [block for block in BLOCKS if block.startswith("edge/\n")]
(LAYERS,) = [block for block in BLOCKS if block.startswith("cli\n")]
NAME = re.compile(r"(?:[a-z_]+/|[a-z_]+\.py)(?= |$)")


def names(indent: int) -> set[str]:
    """The folders and modules that lines with this indent begin with."""
    lines = re.findall(rf"^ {{{indent}}}((?:[a-z_]+(?:/|\.py)(?: |$))+)", TREE, flags=re.MULTILINE)
    return {name for line in lines for name in NAME.findall(line)}


def test_the_tree_shows_every_room_of_edge_and_no_other() -> None:
    there = {f"{path.name}/" for path in (ROOT / "edge").iterdir() if (path / "__init__.py").is_file()}
    there |= {path.name for path in (ROOT / "edge").glob("*.py") if path.name != "__init__.py"}
    assert names(2) == there


def test_what_the_tree_shows_of_the_two_halves_is_there() -> None:
    shown = names(4)
    halves = ROOT / "edge" / "sensor", ROOT / "edge" / "publisher"
    assert {name for name in shown if not any((half / name).exists() for half in halves)} == set()
    rooms = {f"{path.name}/" for half in halves for path in half.iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= shown


def test_every_room_stands_in_a_layer_of_the_page() -> None:
    layers = {name for line in LAYERS.splitlines() for name in line.split(" | ")}
    assert layers == {re.sub(r"/$|\.py$", "", name) for name in names(2)}


def test_paths_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`((?:edge|conversion|training|models|tests|docs)/[\w./]*)`", PAGE))
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()
