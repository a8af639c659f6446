"""Options of `passerby convert`: what would have no effect is refused, before any picture is read."""

from __future__ import annotations

import inspect
from pathlib import Path

import cv2
import numpy as np
import pytest

from conversion.choice import Wanted, choose, read_check
from conversion.request.options import NetworkOptions, PictureOptions, with_groups
from conversion.request.recipe import Gate
from edge.catalog.manifest_file import read_manifest
from edge.errors import UsageError
from tests.conversion.pictures import write_portraits
from tests.places import MODELS

ULTRAFACE = read_manifest(MODELS / "ultraface-rfb-320" / "manifest.toml")
RETAIL = read_manifest(MODELS / "age-gender-recognition-retail-0013" / "manifest.toml")


def refused(wanted: Wanted, *words: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(wanted)
    for word in words:
        assert word in str(caught.value)


def test_a_group_of_options_stands_where_the_group_stands() -> None:
    seen: list[object] = []

    @with_groups
    def command(folder: Path, network: NetworkOptions, size: str | None = None) -> None:
        seen.extend((folder, network, size))

    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["folder", "caffe", "onnx", "like", "mean", "source", "size"]
    assert parameters["folder"].default is inspect.Parameter.empty
    command(folder=Path("a"), caffe=None, onnx=Path("b"), like="c", mean=None, source=None, size="d")
    assert seen == [Path("a"), NetworkOptions(onnx=Path("b"), like="c"), "d"]


@pytest.mark.parametrize(
    ("network", "model_id", "flag"),
    [
        (NetworkOptions(like="yunet-2023mar"), None, "--like would have no effect"),
        (NetworkOptions(), "mine", "--id would have no effect"),
        (NetworkOptions(like="yunet-2023mar"), "mine", "--like and --id would have no effect"),
    ],
)
def test_what_a_recipe_says_itself_is_refused(network: NetworkOptions, model_id: str | None, flag: str) -> None:
    refused(Wanted(network, "ultraface-rfb-320", model_id), flag, "leave it out")


def test_a_folder_of_a_recipes_files_must_be_one(tmp_path: Path) -> None:
    refused(Wanted(NetworkOptions(source=tmp_path / "none"), "yunet-n-320"), "--from: no such folder", "none")
    file = tmp_path / "file"
    file.touch()
    refused(Wanted(NetworkOptions(source=file), "yunet-n-320"), "--from: not a folder", str(file))
    refused(Wanted(NetworkOptions(onnx=file, like="yunet-n-320", source=tmp_path)), "--from would have no effect")


def test_caffe_takes_two_files_and_like_no_folder(tmp_path: Path) -> None:
    prototxt = Path("net.prototxt")
    refused(Wanted(NetworkOptions(caffe=(prototxt, Path("--like"))), "yunet-n-320"), "--caffe", "two files")
    network = NetworkOptions(onnx=tmp_path / "net.onnx", like=str(tmp_path))
    refused(Wanted(network), "--like", "expected a network of the catalog, or the path of a manifest.toml")


def test_two_networks_at_once_are_both_named() -> None:
    refused(Wanted(NetworkOptions(onnx=Path("a.onnx")), "yunet-n-320"), "got RECIPE and --onnx")
    refused(Wanted(NetworkOptions()), "got nothing")


@pytest.mark.shared
def test_a_size_of_a_recipe_whose_network_has_one_is_refused_and_its_own_taken(shared: Path) -> None:
    network = NetworkOptions(source=shared / "models" / "ultraface")
    refused(Wanted(network, "ultraface-rfb-320", size="640x480"), "--size", "expected 320x240, the only one")
    assert choose(Wanted(network, "ultraface-rfb-320", size="320x240")).start.manifest.input.width_px == 320


@pytest.mark.shared
def test_an_ir_has_its_mean_inside(shared: Path) -> None:
    mean = shared / "models" / "levi-hassner" / "mean.binaryproto"
    network = NetworkOptions(source=shared / "models" / "omz", mean=mean)
    refused(Wanted(network, RETAIL.id), "--mean would have no effect", "IR")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (PictureOptions(), "pictures are missing"),
        (PictureOptions("none", held_out=0), "--held-out, got 0, expected 1 or more"),
        (PictureOptions("none", held_out=-3), "--held-out, got -3, expected 1 or more"),
        (PictureOptions("none", labels=Path("labels.csv")), "--labels would have no effect"),
        (PictureOptions("none", detector="yunet-2023mar"), "--detector would have no effect"),
    ],
)
def test_pictures_of_a_detector_need_no_labels_and_some_must_check(options: PictureOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_check(ULTRAFACE, Gate(), options)


def test_one_picture_cannot_both_calibrate_and_check(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few pictures, got 1 picture"):
        read_check(ULTRAFACE, Gate(), PictureOptions(str(write_portraits(tmp_path, 1))))


def write_chips(folder: Path, count: int) -> str:
    folder.mkdir()
    for index in range(count):
        noise = np.random.default_rng(index).integers(0, 256, (112, 112, 3), np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), noise)
    return str(folder)


def test_labels_that_fit_no_picture_are_refused_and_missing_ones_noted(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    chips = write_chips(tmp_path / "chips", 4)
    options = PictureOptions(chips, count=2, held_out=2, labels=labels)
    labels.write_text("path,age,gender\nchips/0.png,30,F\n")
    with pytest.raises(UsageError, match=r"no picture has a label.*paths such as chips/0\.png"):
        read_check(RETAIL, Gate(), options)
    labels.write_text("path,age,gender\n0.png,30,F\n1.png,40,M\n")
    checked = read_check(RETAIL, Gate(), options)
    (note,) = checked.notes
    assert note.startswith("2 of 4 pictures have no label")
    assert set(checked.check.labels) == {"0.png", "1.png"}
