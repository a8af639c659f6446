"""The example of a program that looks at an image file, run as its README says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.pictures.portraits import portrait_of_astronaut
from tests.places import ROOT

pytestmark = pytest.mark.process


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "examples/faces.py", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_it_prints_the_face_of_a_portrait(tmp_path: Path) -> None:
    portrait = tmp_path / "portrait.png"
    assert cv2.imwrite(str(portrait), portrait_of_astronaut())
    done = run(str(portrait))
    assert done.returncode == 0, done.stderr
    years = r"(\d+-\d+ years|age unknown)"  # a CPU without VNNI rounds int8 sums otherwise
    assert re.fullmatch(rf"face at \d+, \d+, \d+, \d+ px, female \(\d+%\), {years} \(\d+%\)\n", done.stdout)


def test_it_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.png"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"faces: {tmp_path}/none.png: not an image that OpenCV can read"


def test_without_a_file_it_says_how_to_call_it() -> None:
    assert "python examples/faces.py IMAGE [MODEL_SET]" in run().stderr
