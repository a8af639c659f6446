"""Calibration sees what the device sees; pictures that show nothing are refused."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from conversion.request.pictures import read_sets
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import read_manifest
from edge.errors import BadInput
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import Box
from edge.sensor.imaging import TEMPLATES
from edge.sensor.inference.opening import OpenedSession
from edge.sensor.types import Detection, Image, Tensors
from tests.conversion.pictures import portraits, write_portraits
from tests.edge.sensor.inference.scripted import ScriptedSession
from tests.places import MODELS


def manifest(model_id: str) -> Manifest:
    return read_manifest(MODELS / model_id / "manifest.toml")


def seen_by_the_device(image: Image, wanted: Manifest) -> np.ndarray:
    """The picture that the device's own detector hands to its network."""
    hw = wanted.input.height_px, wanted.input.width_px
    session = ScriptedSession([{}, {}], input_hw=hw)
    fixed = msgspec.structs.replace(wanted, input=msgspec.structs.replace(wanted.input, multiple_of_px=0))
    detector = NetworkDetector(lambda _: OpenedSession(session, hw, ()), fixed)
    detector.start(image)
    return np.asarray(session.seen[0][wanted.input.name][0])


@pytest.mark.parametrize("model_id", ["ultraface-rfb-320", "yunet-2023mar"])
def test_a_detector_is_calibrated_on_the_devices_own_pictures(model_id: str, tmp_path: Path) -> None:
    wanted = manifest(model_id)
    first, other, _ = read_sets(str(write_portraits(tmp_path, 4)), wanted, calibration=2, held_out=2)
    images = {f"{index:03}.png": image for index, image in enumerate(portraits(4))}
    for found in (first, other):
        for name, picture in zip(found.names, found.pictures, strict=True):
            assert np.array_equal(picture, seen_by_the_device(images[name], wanted))


def test_aligned_faces_are_cut_as_the_device_cuts_a_face_with_the_templates_landmarks(tmp_path: Path) -> None:
    wanted = manifest("age-gender-recognition-retail-0013")
    chip = cv2.resize(portraits(1)[0], (112, 112))
    cv2.imwrite(str(tmp_path / "chip.png"), chip)
    (only, _, _) = read_sets(str(tmp_path), wanted, calibration=1, held_out=0)
    outputs: Tensors = {
        "age_conv3": np.zeros((1, 1, 1, 1), np.float32), "prob": np.full((1, 2, 1, 1), 0.5, np.float32)
    }  # fmt: skip
    session = ScriptedSession([outputs], input_hw=(62, 62))
    face = Detection(Box(0, 0, 112, 112), 1.0, TEMPLATES["utkface-112"][1])
    NetworkEstimator([(wanted, session)]).start(chip, [face], [1.0])
    assert np.array_equal(only.pictures[0], session.seen[0][wanted.input.name][0])


def test_photographs_give_the_faces_that_a_detector_finds(tmp_path: Path) -> None:
    faces = [Detection(Box(10, 10, 90, 90), 0.9), Detection(Box(50, 60, 150, 160), 0.9)]
    address = str(write_portraits(tmp_path, 3))
    wanted = manifest("levi-hassner-age")
    first, other, _ = read_sets(address, wanted, calibration=4, held_out=2, find_faces=lambda _: faces)
    assert (len(first), len(other)) == (4, 2)
    assert first.pictures.shape == (4, 227, 227, 3)
    assert not set(first.names) & set(other.names)
    first, other, _ = read_sets(address, wanted, calibration=3, held_out=3, find_faces=lambda _: faces)
    assert (len(first), len(other)) == (2, 4)  # the two faces of a photograph stay together
    with pytest.raises(BadInput, match="no face in these pictures"):
        read_sets(address, wanted, calibration=4, held_out=2, find_faces=lambda _: [])


def test_sets_share_no_picture_and_do_not_depend_on_the_order(tmp_path: Path) -> None:
    folder = write_portraits(tmp_path / "pictures", 10)
    backwards = tmp_path / "backwards.tar"
    with tarfile.open(backwards, "w") as tar:
        for path in sorted(folder.iterdir(), reverse=True):
            tar.add(path, path.name)
    wanted = manifest("ultraface-rfb-320")
    first, other, _ = read_sets(str(folder), wanted, calibration=4, held_out=4)
    assert not set(first.names) & set(other.names)
    again, _, _ = read_sets(str(backwards), wanted, calibration=4, held_out=4)
    assert first.names == again.names
    assert np.array_equal(first.pictures, again.pictures)


def test_few_pictures_are_shared_out_and_noted(tmp_path: Path) -> None:
    address = str(write_portraits(tmp_path, 5))
    first, other, notes = read_sets(address, manifest("ultraface-rfb-320"), calibration=200, held_out=300)
    assert (len(first), len(other)) == (2, 3)
    (note,) = notes
    assert "5 pictures, fewer than the 500 of --count and --held-out: 2 calibrate and 3 check" in note


def test_as_many_pictures_as_were_asked_for_need_no_note(tmp_path: Path) -> None:
    assert read_sets(str(write_portraits(tmp_path, 5)), manifest("yunet-n-320"), calibration=2, held_out=3).notes == ()


@pytest.mark.parametrize("level", [0, 127])
def test_pictures_of_one_colour_are_refused(level: int, tmp_path: Path) -> None:
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((40, 60, 3), level, np.uint8))
    with pytest.raises(BadInput, match="these pictures are blank"):
        read_sets(str(tmp_path), manifest("ultraface-rfb-320"), calibration=2, held_out=1)


def test_no_pictures_are_refused(tmp_path: Path) -> None:
    wanted = manifest("ultraface-rfb-320")
    with pytest.raises(BadInput, match="no image in this folder"):
        read_sets(str(tmp_path), wanted, calibration=2, held_out=1)
    with pytest.raises(BadInput, match="no such file or folder"):
        read_sets(str(tmp_path / "none.tar"), wanted, calibration=2, held_out=1)


def test_damaged_pictures_are_left_out_and_noted_until_none_is_left(tmp_path: Path) -> None:
    wanted = manifest("ultraface-rfb-320")
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.jpg").write_bytes(b"\xff\xd8 half")
    with pytest.raises(BadInput, match="no picture can be read, got 4 damaged"):
        read_sets(str(tmp_path), wanted, calibration=2, held_out=1)
    write_portraits(tmp_path, 3)
    first, other, notes = read_sets(str(tmp_path), wanted, calibration=2, held_out=1)
    assert (len(first), len(other)) == (2, 1)
    (note,) = notes
    assert "left out 4 that cannot be read: a.jpg: truncated or damaged JPEG" in note
    assert note.endswith("; and 1 more")
    assert "\n" not in note


def test_what_is_whole_of_a_truncated_tar_is_taken(tmp_path: Path) -> None:
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as tar:
        for path in sorted(write_portraits(tmp_path / "pictures", 4).iterdir()):
            tar.add(path, path.name)
    torn = tmp_path / "torn.tar"
    torn.write_bytes(whole.read_bytes()[:-400_000])
    first, other, notes = read_sets(str(torn), manifest("ultraface-rfb-320"), calibration=1, held_out=1)
    assert (len(first), len(other)) == (1, 1)
    assert any("truncated or damaged tar" in note for note in notes)
