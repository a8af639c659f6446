"""`passerby train data` and `train chips` on small data sets of drawn faces and public-domain portraits."""

from __future__ import annotations

import pytest

pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")
pytest.importorskip("PIL", reason="PIL is not installed (passerby[training])")


import csv
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner, Result

from edge.errors import BadInput, UsageError
from edge.workbench.labelled.csv_file import read_labels
from tests.training.crossings import crossings
from tests.training.faces import drawn_chips
from tests.training.sets import jpeg, scene, write_files, write_set, write_tar
from training.command import app
from training.data.chips import CHIP_PX, UNKNOWN, load_chips
from training.data.hashing import hash_pictures

pytestmark = pytest.mark.process


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


def test_no_near_copy_of_another_set_is_held_out(tmp_path: Path) -> None:
    for name, quality, turned in (("one", 95, 0), ("two", 70, 29)):  # the second in another order
        write_files(tmp_path / name, {f"{abs(turned - seed):02}.jpg": jpeg(scene(seed), quality) for seed in range(30)})
    files = [tmp_path / "train.npz", tmp_path / "held-out.npz"]
    sets = ("--aligned", str(tmp_path / "one"), "--aligned", str(tmp_path / "two"))
    result = call("chips", *sets, "--out", str(files[0]), "--held-out", str(files[1]))
    assert result.exit_code == 0, result.exception
    train, held_out = (load_chips(path).images for path in files)
    assert (len(train), len(held_out)) == (48, 12)
    assert crossings(hash_pictures(train), hash_pictures(held_out)) == 0


@pytest.mark.parametrize("words", [("chips", "--aligned"), ("scenes", "--teacher", "nano", "--photographs")])
@pytest.mark.parametrize("held_out", [False, True])
def test_damaged_and_missing_pictures_are_told_and_a_broken_set_is_refused(
    tmp_path: Path, words: tuple[str, ...], held_out: bool
) -> None:
    write_set(tmp_path, [f"{index}.jpg,30" for index in range(10)], "path,age")
    files = {f"{index}.jpg": jpeg(scene(index))[: 300 if index < 3 else None] for index in range(9)}
    write_tar(tmp_path / "faces.tar", files)
    more = ("--held-out", str(tmp_path / "held-out.npz")) if held_out else ()
    result = call(*words, str(tmp_path / "faces.tar"), "--out", str(tmp_path / "train.npz"), *more)
    assert result.exit_code == 0, result.exception
    assert "1 left out, picture is missing (such as 9.jpg)" in result.output
    assert result.output.count("faces: pictures skipped, got 3 of 9") == 1
    broken = write_files(tmp_path / "broken", {f"{index}.jpg": b"x" for index in range(4)})
    refused = call(*words, str(broken), "--out", str(tmp_path / "none.npz"), *more).exception
    assert isinstance(refused, BadInput)
    assert "too many pictures cannot be read, got 4 of 4" in str(refused)
    assert not (tmp_path / "none.npz").exists()


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "none/chips.npz"], "--out: no such folder, got none"),
        (["--out", "chips.npz", "--held-out", "none/chips.npz"], "--held-out: no such folder, got none"),
        (["--out", "chips.npz", "--held-out", "drawn/../chips.npz"], "--held-out: the file of --out"),
        (["--out", "chips.npz", "--photographs", "more/drawn"], "data sets of the same name, got 2 called drawn"),
    ],
)
@pytest.mark.parametrize("command", ["chips", "scenes"])
def test_files_that_cannot_stand_beside_one_another_are_refused_before_any_work(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "more" / "drawn", {"a.jpg": jpeg(scene(1))})
    result = call(command, "--photographs", labelled.name, *words)
    assert isinstance(result.exception, UsageError), result.exception
    assert said in str(result.exception)
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    "words", [("chips",), ("scenes",), ("attributes", "--chips", "a.npz"), ("detection", "--scenes", "a.npz")]
)
@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused(words: tuple[str, ...], seed: int) -> None:
    result = call(*words, "--out", "out", "--held-out", "b.npz", "--seed", str(seed))
    assert result.exit_code == 2
    assert "Invalid value for '--seed'" in result.output


def test_without_torch_one_line_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; sys.modules['torch'] = None; from edge.cli.app import main; main()"
    words = ("train", "attributes", "--chips", "a.npz", "--held-out", "b.npz", "--out", str(tmp_path / "run"))
    ended = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert (
        ended.stderr.strip() == "passerby: train: not available: package torch is missing; install passerby[training]"
    )
