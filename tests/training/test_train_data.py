"""`passerby train data` and `train chips` on small data sets of drawn faces and public-domain portraits."""

from __future__ import annotations

import csv
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner, Result

from edge.errors import BadInput, UsageError
from tests.training.faces import drawn_chips
from training.app import app
from training.data.chips import CHIP_PX, UNKNOWN, load_chips
from training.data.tar_csv import read_labels


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A folder of twenty drawn chips of ten persons, with a CSV beside it."""
    folder = tmp_path / "drawn"
    folder.mkdir()
    chips = drawn_chips(20, 1)
    with (tmp_path / "drawn.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("path", "age", "gender", "person"))
        for number, image in enumerate(chips.images):
            Image.fromarray(image[..., ::-1]).save(folder / f"{number:02}.png")
            rows.writerow((f"{number:02}.png", int(chips.ages[number]), "FM"[chips.genders[number]], f"p{number // 2}"))
    return folder


def test_chips_carry_pictures_and_labels(labelled: Path, tmp_path: Path) -> None:
    result = call("chips", "--aligned", str(labelled), "--out", str(tmp_path / "chips.npz"))
    assert result.exit_code == 0, result.output
    assert "drawn: 20 faces for train, 0 photographs without a face" in result.output
    chips, drawn = load_chips(tmp_path / "chips.npz"), drawn_chips(20, 1)
    assert np.array_equal(chips.ages, drawn.ages)
    assert np.array_equal(chips.genders, drawn.genders)
    assert np.abs(chips.images.astype(int) - drawn.images).mean() < 6


def test_nobody_is_trained_on_and_held_out(labelled: Path, tmp_path: Path) -> None:
    train, held_out = tmp_path / "train.npz", tmp_path / "held-out.npz"
    words = ("--aligned", str(labelled), "--out", str(train), "--held-out", str(held_out), "--share", "0.3")
    assert call("chips", *words).exit_code == 0
    parts, drawn = [load_chips(path) for path in (train, held_out)], drawn_chips(20, 1)
    assert sum(map(len, parts)) == 20
    assert len(parts[1]) >= 4
    persons = [{persons_of(image, drawn.images) for image in part.images} for part in parts]
    assert not persons[0] & persons[1]
    listed = read_labels(tmp_path / "held-out-drawn.csv", "drawn")
    assert {int(each.path[:2]) // 2 for each in listed} == persons[1]
    assert {(each.path, each.age, each.gender, each.person) for each in listed} <= {
        (each.path, each.age, each.gender, each.person) for each in read_labels(tmp_path / "drawn.csv", "drawn")
    }


def persons_of(image: np.ndarray, drawn: np.ndarray) -> int:  # type: ignore[type-arg]
    return int(np.abs(drawn.astype(int) - image).mean((1, 2, 3)).argmin()) // 2


def test_photographs_are_aligned_by_the_detector(tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.fromarray(astronaut()).save(folder / "astronaut.png")
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(folder / "nobody.png")
    result = call("chips", "--photographs", str(folder), "--out", str(tmp_path / "chips.npz"))
    assert "photographs: 1 faces for train, 1 photographs without a face" in result.output
    chips = load_chips(tmp_path / "chips.npz")
    assert chips.images.shape == (1, CHIP_PX, CHIP_PX, 3)
    assert chips.bands.tolist() == [[UNKNOWN, UNKNOWN]]
    assert chips.images[0, 20:90, 25:90].std() > 20


def test_the_data_report_is_one_page_and_its_plots(labelled: Path, tmp_path: Path) -> None:
    assert call("data", str(labelled), "--out", str(tmp_path / "report")).exit_code == 0
    assert "20" in (tmp_path / "report" / "data-report.html").read_text()
    assert list((tmp_path / "report").glob("*.png"))


def test_a_bar_counts_the_pictures_of_a_data_report(labelled: Path, tmp_path: Path) -> None:
    terminal, ours = pty.openpty()
    words = ["train", "data", str(labelled), "--out", str(tmp_path / "report")]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", *words],
        stdout=subprocess.DEVNULL, stderr=ours, env=os.environ | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(ours)
    seen = b""
    while b"20/20" not in seen:
        seen += os.read(terminal, 4096)
    assert process.wait(timeout=30) == 0
    os.close(terminal)


def test_what_is_wrong_is_said_in_one_line(labelled: Path, tmp_path: Path) -> None:
    nothing = call("chips", "--out", str(tmp_path / "chips.npz")).exception
    assert isinstance(nothing, UsageError)
    missing = call("chips", "--aligned", "nowhere", "--out", str(tmp_path / "chips.npz")).exception
    assert isinstance(missing, BadInput)
    nowhere = call("chips", "--aligned", str(labelled), "--out", str(tmp_path / "none" / "chips.npz")).exception
    assert isinstance(nowhere, BadInput)
    assert "cannot be written" in str(nowhere)


def test_without_torch_one_line_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; sys.modules['torch'] = None; from edge.cli.app import main; main()"
    words = ("train", "attributes", "--chips", "a.npz", "--held-out", "b.npz", "--out", str(tmp_path / "run"))
    ended = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert (
        ended.stderr.strip() == "passerby: train: not available: package torch is missing; install passerby[training]"
    )
