"""The walls between the rooms: each contract of imports breaks where what it forbids is planted in a copy."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.places import ROOT

pytestmark = [pytest.mark.contract, pytest.mark.process, pytest.mark.xdist_group("walls")]

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGES = ("edge", "conversion", "training")
LATE = "def planted() -> None:\n    "
"""An import inside a function is one all the same."""

PLANTS = [
    ("sensor", "edge/sensor/sensor.py", "import paho.mqtt.client"),
    ("sensor", "edge/sensor/sources/v4l2.py", LATE + "import paho.mqtt.client"),
    ("sensor", "edge/sensor/sources/v4l2.py", "import http.client"),
    ("sensor", "edge/sensor/sources/network.py", "import urllib.request"),
    ("sensor", "edge/sensor/uplink/link_client.py", "import ssl"),
    ("sensor", "edge/sensor/uplink/heartbeat.py", "import amqtt"),
    ("sensor", "edge/sensor/sensor.py", "import edge.publisher.broker.mqtt"),
    ("sensor", "edge/sensor/pipeline.py", LATE + "from edge.workbench.analyze.annotation import annotate"),
    ("sensor", "edge/sensor/uplink/heartbeat.py", LATE + "import tkinter"),
    ("sensor", "edge/sensor/lock/rules.py", "import edge.supervisor.child"),
    ("sensor", "edge/settings/settings.py", "import http.client"),  # by way of another room
    ("publisher", "edge/publisher/publisher.py", "import numpy"),
    ("publisher", "edge/publisher/outbox/outbox.py", LATE + "import cv2"),
    ("publisher", "edge/publisher/events.py", "import edge.sensor.types"),
    ("publisher", "edge/publisher/reports.py", "import edge.catalog.lookup"),
    ("publisher", "edge/publisher/assemble.py", "import openvino"),
    ("publisher", "edge/link/codec.py", "import numpy"),
    ("publisher", "edge/machine/notify.py", "import cv2"),  # by way of another room
    ("link", "edge/link/codec.py", "import edge.settings.settings"),
    ("link", "edge/link/bucket.py", "import edge.machine.folders"),
    ("link", "edge/link/peer.py", "import edge.publisher.types"),
    ("link", "edge/link/capacity.py", LATE + "import edge.files"),
    ("workbench", "edge/doctor/examine.py", "import edge.workbench.faces"),
    ("workbench", "edge/sensor/assemble.py", "import edge.workbench.faces"),
    ("device", "edge/cli/app.py", "import training.command"),
    ("device", "edge/workbench/bench/measure.py", "import conversion.bundle"),
    ("workstation", "training/command.py", "import conversion.bundle"),
    ("workstation", "conversion/command.py", "import training.command"),
    ("commands", "training/command.py", "import edge.cli.app"),
    ("layers", "edge/machine/notify.py", "import edge.settings.settings"),
    ("layers", "edge/errors.py", "import edge.files"),
    ("layers", "edge/publisher/ports.py", "import edge.sensor.ports"),
    ("layers", "edge/newcomer/__init__.py", '"""A room that no layer names."""'),
    ("inside-sensor", "edge/sensor/visits/book.py", "import edge.sensor.tracking.tracker"),
    ("inside-publisher", "edge/publisher/intake.py", "import edge.publisher.dispatch"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three packages and their contracts, to be spoilt."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.path.insert(0, '.'); "
    words = [sys.executable, "-c", program + "lint_imports_command()", "--contract", contract]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(("contract", "module", "line"), PLANTS, ids=lambda value: value.rpartition("\n")[2].strip())
def test_what_a_contract_forbids_breaks_it(copy: Path, contract: str, module: str, line: str) -> None:
    with planted(copy / module, line):
        broken = lint(copy, contract)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert "BROKEN" in broken.stdout
    assert module.removesuffix(".py").removesuffix("/__init__").replace("/", ".") in broken.stdout


def test_every_contract_holds_and_is_tried(copy: Path) -> None:
    contracts = [contract["id"] for contract in config()["contracts"]]
    assert {contract for contract, _, _ in PLANTS} == set(contracts)
    for contract in contracts:
        assert lint(copy, contract).returncode == 0, contract


def test_the_link_is_forbidden_every_room_but_three() -> None:
    rooms = {
        path.stem for path in (ROOT / "edge").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    (link,) = [contract for contract in config()["contracts"] if contract["id"] == "link"]
    allowed = {"__init__", "link", "schemas", "errors", "clock"}
    assert {name.removeprefix("edge.") for name in link["forbidden_modules"]} == rooms - allowed


def test_the_sensor_takes_only_words_from_urllib() -> None:
    for module in (ROOT / "edge/sensor").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert [name for name in names if name.startswith("urllib") and name != "urllib.parse"] == [], module


def config() -> dict[str, list[dict[str, list[str]]]]:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert isinstance(found, dict)
    return found


@contextmanager
def planted(module: Path, line: str) -> Iterator[None]:
    """A module with a line more, for the length of the block; one that is not there is made, with its folder."""
    before = module.read_text() if module.exists() else None
    module.parent.mkdir(exist_ok=True)
    module.write_text(f"{before or ''}\n{line}\n")
    try:
        yield
    finally:
        if before is None:
            shutil.rmtree(module.parent)
        else:
            module.write_text(before)
