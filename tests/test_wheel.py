"""The wheel: everything of ours, nothing of others, and it works where only it is there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from edge import __version__
from tests.conftest import need_program, unavailable
from tests.models.own_networks import own_networks
from tests.places import ROOT

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("wheel")]

PACKAGES = ("edge", "conversion", "training")


def tracked() -> set[str]:
    """Files of the repository and new ones that git does not ignore."""
    command = [need_program("git"), "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]
    done = subprocess.run(
        [*command, "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        unavailable("hatchling is not installed (passerby[dev])")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture
def unpacked(wheel: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def test_it_is_named_after_the_version_and_runs_on_any_machine(wheel: Path) -> None:
    assert wheel.name == f"passerby-{__version__}-py3-none-any.whl"


def test_it_holds_our_packages_and_manifests_and_nothing_else(names: set[str]) -> None:
    ours = {name for name in tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    ours = {name for name in ours if not name.startswith("training/weights/")}  # for who trains on
    ours |= {f"edge/{name}" for name in tracked() if name.startswith("models/")}
    assert {name for name in names if ".dist-info/" not in name} == ours


@pytest.mark.parametrize(
    "name",
    [
        "edge/models/sets.toml",
        "edge/models/yunet-2023mar/manifest.toml",
        "edge/schemas/json/visit-1.schema.json",
        "edge/schemas/examples/visit-1.json",
        "edge/py.typed",
        "edge/__init__.pyi",
        f"passerby-{__version__}.dist-info/licenses/LICENSE",
    ],
)
def test_it_holds(names: set[str], name: str) -> None:
    assert name in names


def test_it_holds_no_network_clip_or_picture_of_others(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        own = tuple(f"edge/models/{name}/" for name in own_networks())
        others = [entry for entry in archive.infolist() if not entry.filename.startswith(own)]
    kinds = {Path(entry.filename).suffix for entry in others if ".dist-info/" not in entry.filename}
    assert kinds <= {".py", ".json", ".pyi", ".toml", ".typed", ".md"}
    assert max(entry.file_size for entry in others) < 100_000


def test_it_says_what_it_needs_and_what_it_is_called(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = f"passerby-{__version__}.dist-info"
        metadata = Parser().parsestr(archive.read(f"{inside}/METADATA").decode())
        entries = archive.read(f"{inside}/entry_points.txt").decode()
    assert "passerby = edge.cli.app:main" in entries
    assert metadata["Requires-Python"] == "<3.14,>=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"
    promised = {"openvino", "tflite", "onnxruntime", "picamera", "demo", "conversion", "training", "dev"}
    assert promised <= set(metadata.get_all("Provides-Extra") or ())
    assert not any("@" in wanted for wanted in metadata.get_all("Requires-Dist") or ())


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--version",), __version__),
        (("models", "list", "--json"), '"yunet-2023mar"'),
        (("schema", "visit-1"), '"examples"'),
        (("config", "show", "--defaults"), "[outbox]"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_it_works_alone(unpacked: Path, tmp_path: Path, words: tuple[str, ...], shown: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PASSERBY_")}
    environment |= {"PYTHONPATH": str(unpacked), "PASSERBY_STATE": str(tmp_path / "state"), "HOME": str(tmp_path)}
    where = "import edge; print(edge.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(unpacked)
    command = [sys.executable, "-m", "edge.cli", *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
