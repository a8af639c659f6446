"""`passerby analyze --view` on a screen that nobody sees, with real keys; or why there is no window."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sensor.types import Image
from tests.pictures.clips import SIZE_HW, draw, write_clip
from tests.pictures.screen import PATIENCE_S, Screen, screen

pytestmark = pytest.mark.process

HAS_TK = importlib.util.find_spec("_tkinter") is not None
"""Without, what is tested is the line that says so: `test_without_tk_or_a_display_it_is_one_line`."""
WITHOUT_TK = "import sys; sys.modules['tkinter'] = None; from edge.cli.app import main; main()"
SCALE = 19
"""`draw`n pictures are so small that they are magnified by it."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with screen(tmp_path_factory.mktemp("screen")) as shown:
        yield shown


def words_of(folder: Path, *words: str) -> list[str]:
    (folder / "passerby.toml").write_text("[attributes]\nenabled = false\n")
    return ["analyze", *words, "--view", "--config", str(folder / "passerby.toml")]


@contextmanager
def started(desk: Screen, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command at the screen; it does not outlive the block."""
    command = [sys.executable, "-m", "edge.cli", *words_of(folder, *words)]
    environment = desk.environment | {"PASSERBY_STATE": str(folder / "state"), "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return out, err, process.returncode


def shows(index: int) -> Image:
    """The corner of a screen that shows the picture of this index."""
    return cv2.resize(draw(index), None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)


def is_shown(index: int, image: Image) -> bool:
    expected = shows(index)
    corner = image[: expected.shape[0], : expected.shape[1]]
    return bool(np.abs(corner.astype(int) - expected).mean() < 1)


def blank(image: Image) -> bool:
    return not image.any()


@pytest.mark.skipif(not HAS_TK, reason="this Python has no Tk, see the test of the line that says so")
def test_pictures_stay_until_a_key_and_s_saves_one(desk: Screen, tmp_path: Path) -> None:
    for index, name in enumerate(("a.png", "b.png")):
        assert cv2.imwrite(str(tmp_path / name), draw(5 * index))
    before = {path.name for path in tmp_path.iterdir()}
    with started(desk, tmp_path, "a.png", "b.png") as process:
        desk.wait_until(lambda image: is_shown(0, image))
        desk.press("s")
        desk.press("n")
        desk.wait_until(lambda image: is_shown(5, image))
        desk.press("q")
        out, err, code = ended(process)
    assert code == 0
    assert [line.partition(":")[0] for line in out.splitlines()] == ["a.png", "b.png"]
    assert err == "passerby: saved a-faces.jpg\n"
    assert {path.name for path in tmp_path.iterdir()} - before == {"a-faces.jpg", "passerby.toml"}
    saved = cv2.imread(str(tmp_path / "a-faces.jpg"))
    assert saved.shape == (SIZE_HW[0] * SCALE, SIZE_HW[1] * SCALE, 3)


@pytest.mark.skipif(not HAS_TK, reason="this Python has no Tk, see the test of the line that says so")
def test_footage_is_shown_paused_and_left_with_its_lines_whole(desk: Screen, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.avi", frames=1000, fps=20, fourcc="MJPG")
    with started(desk, tmp_path, "clip.avi", "missing.avi", "--json", "lines.jsonl") as process:
        desk.wait_until(lambda image: not blank(image))
        desk.press("space")
        desk.press("n")
        desk.press("Escape")
        out, err, code = ended(process)
    assert (out, err, code) == ("", "", 0)  # nobody wanted the second source any more
    lines = (tmp_path / "lines.jsonl").read_text().splitlines()
    assert 1 < len(lines) < 1000
    assert desk.wait_until(blank) is not None


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (WITHOUT_TK, "package tkinter is missing from this Python; install python3-tk"),
        ("from edge.cli.app import main; main()", "no display" if HAS_TK else "install python3-tk"),
    ],
)
def test_without_tk_or_a_display_it_is_one_line(tmp_path: Path, program: str, says: str) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), draw(0))
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    command: Sequence[str] = [sys.executable, "-c", program, *words_of(tmp_path, "a.png")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment | {"PYTHONPATH": str(Path.cwd())}, capture_output=True, text=True,
        check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("passerby: --view: not available: ")
    assert says in line
    assert "--annotate" in line
