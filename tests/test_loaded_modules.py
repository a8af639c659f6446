"""What each real process of `passerby run` has loaded, as it wrote down itself, held against the walls of imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.places import ROOT
from tests.test_walls import config

ALSO_SENSOR = {"http.client", "http.server", "urllib.request"}
"""Of `http` and `urllib` the libraries load harmless parts; these are those that speak."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The modules of the sensor at its lock and of the publisher at its end, in a run on a short clip."""
    folder = tmp_path_factory.mktemp("loaded")
    clip = write_clip(folder / "clip.mp4")
    words = ["run", "--source", str(clip), "--broker", "mqtt://127.0.0.1:1", "--drain-timeout", "0", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PASSERBY_")} | {
        "PASSERBY_STATE": str(folder / "state"),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "tests/loaded"), str(ROOT))),
        "LOADED_MODULES": str(folder),
    }
    done = subprocess.run([sys.executable, "-m", "edge.cli", *words], env=environment, check=False, timeout=120)
    assert done.returncode in (0, 3)  # 3: events were kept, as nobody listens
    return {
        "sensor": modules(folder, "lock", " sensor "),
        "publisher": modules(folder, "end", " publisher "),
        "supervisor": modules(folder, "end", " run "),
    }


def write_clip(path: Path) -> Path:
    """A second of noise; nobody is in it, but every stage up to detection runs."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 192))
    rng = np.random.default_rng(1)
    for _ in range(10):
        writer.write(rng.integers(0, 255, (192, 320, 3), np.uint8))
    writer.release()
    return path


def modules(folder: Path, moment: str, words: str) -> set[str]:
    texts = [file.read_text() for file in folder.glob(f"*-{moment}")]
    (text,) = [text for text in texts if words in f"{text.splitlines()[0]} "]
    return set(text.splitlines()[1:])


def forbidden(contract: str) -> set[str]:
    (found,) = [each for each in config()["contracts"] if each["id"] == contract]
    return set(found["forbidden_modules"])


def below(names: set[str], loaded: set[str]) -> set[str]:
    """The loaded modules that are one of these or lie below one."""
    return {module for module in loaded if any(module == name or module.startswith(f"{name}.") for name in names)}


def test_the_locked_sensor_has_nothing_that_speaks(loaded: dict[str, set[str]]) -> None:
    assert "edge.sensor.pipeline" in loaded["sensor"]
    assert below({"cv2", "numpy"}, loaded["sensor"])
    speaks = (forbidden("sensor") - {"http", "urllib"}) | ALSO_SENSOR
    assert below(speaks, loaded["sensor"]) == set()


def test_the_publisher_has_nothing_that_sees(loaded: dict[str, set[str]]) -> None:
    assert below({"paho"}, loaded["publisher"])
    assert "edge.publisher.publisher" in loaded["publisher"]
    sees = forbidden("publisher") - {"edge.catalog"}  # its command reads the set's name and version there, before
    assert below(sees, loaded["publisher"]) == set()


def test_no_service_has_the_desk_or_the_workstation(loaded: dict[str, set[str]]) -> None:
    for modules_of in loaded.values():
        assert below({"edge.workbench", "edge.doctor", "training", "conversion"}, modules_of) == set()
