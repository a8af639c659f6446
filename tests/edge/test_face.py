"""The face of the package: its names are there, documented, and cost nothing until they are used."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import cv2
import msgspec
import pytest

import edge
from tests.pictures.portraits import portrait_of_astronaut
from tests.places import ROOT

pytestmark = pytest.mark.contract

PAGE = ROOT / "docs" / "python.md"
HEAVY = ("numpy", "cv2", "openvino", "onnxruntime", "ai_edge_litert", "paho")
NAMES = [name for name in edge.__all__ if name != "__version__"]


def run(program: str, cwd: Path = ROOT) -> str:
    """What a program prints in a process of its own."""
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_name_resolves_to_something_documented(name: str) -> None:
    assert inspect.getdoc(getattr(edge, name))
    assert name in dir(edge)


def test_a_name_is_the_one_of_its_home() -> None:
    for name in NAMES:
        home = importlib.import_module(getattr(edge, name).__module__)
        assert getattr(home, name) is getattr(edge, name)


def test_another_name_is_refused_as_by_every_module() -> None:
    with pytest.raises(AttributeError, match="module 'edge' has no attribute 'Sensor'"):
        _ = edge.Sensor  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "edge" / "__init__.pyi").read_text())
    imported = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.name == alias.asname for alias in imported)  # `as` makes it a name that others may import
    assert {alias.name for alias in imported} == set(NAMES)


def test_the_page_names_them_all_and_no_other() -> None:
    named = set(re.findall(r"\bedge\.(\w+)", PAGE.read_text()))
    assert named == set(edge.__all__)


@pytest.mark.process
def test_the_programs_of_the_page_run(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "portrait.jpg"), portrait_of_astronaut())
    event = msgspec.json.decode((ROOT / "edge/schemas/examples/visit-1.json").read_bytes())[0]
    (tmp_path / "visit.json").write_bytes(msgspec.json.encode(event))
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL))
    printed = run(program, tmp_path).splitlines()
    assert len(printed) == 4
    assert re.search(r"\) female \d+-\d+ 3\d\.\d$", printed[0])
    assert "0b7e6c0e-5b0f-4a52-9a57-0e6f1a3d2c11 1284 6.5 25-34" in printed
    assert printed[-1].endswith("(exit code 2)")


@pytest.mark.process
def test_importing_it_loads_nothing_else() -> None:
    program = "before = set(sys.modules); import edge; print(sorted(set(sys.modules) - before))"
    assert run(program) == "['edge']\n"


@pytest.mark.process
def test_the_events_of_a_subscriber_load_no_picture_library() -> None:
    program = (
        f"import edge; edge.decode_event, edge.Visit, edge.BadInput; print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert run(program) == "[]\n"


@pytest.mark.process
def test_the_publisher_loads_nothing_through_it() -> None:
    program = "import edge.publisher.assemble, edge; print([m for m in sys.modules if m.startswith('edge.sensor')])"
    seeing = f"print([m for m in {HEAVY[:-1]} if m in sys.modules])"
    assert run(f"{program}\n{seeing}") == "[]\n[]\n"
