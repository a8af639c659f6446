"""Readers: every form that the documents name, and one clear line for what is wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from edge.errors import BadInput, UsageError
from edge.schemas.taxonomy import ADIENCE_8, ADS_8
from edge.workbench.labelled.labels import adience_band, read_band
from edge.workbench.labelled.samples import Sample
from tests.training.sets import jpeg, scene, write_adience, write_files, write_lines, write_set, write_tar
from training.data.adience import read_folds
from training.data.collection import Reading
from training.data.readers import open_photographs


def test_reads_a_tar_with_its_labels_in_place(tmp_path: Path) -> None:
    tar = write_set(tmp_path, ["a/1.jpg,31,F,Asian", "a/2.jpg,7.5,M,"])
    found = open_photographs(str(tar), aligned=True)
    assert list(found.samples) == [
        Sample("faces", "a/1.jpg", 31.0, (31, 31), "female", "Asian", aligned=True),
        Sample("faces", "a/2.jpg", 7.5, (7, 7), "male", None, aligned=True),
    ]
    assert np.abs(found.read(found.samples[1]).astype(int) - scene(1)).mean() < 5
    assert {path.name for path in tmp_path.iterdir()} == {"faces.tar", "faces.csv"}


def test_labels_name_their_tar_and_photographs_survive_pickling(tmp_path: Path) -> None:
    write_set(tmp_path, ["1.jpg,Ada", "2.jpg,"], header="path,person")
    found = pickle.loads(pickle.dumps(open_photographs(str(tmp_path / "faces.csv"))))
    assert [sample.person for sample in found.samples] == ["Ada", None]
    assert found.read(found.samples[0]).shape == (96, 96, 3)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("path,x", "1.jpg,3", "unknown column, got 'x', expected path, age, gender, group, person"),
        ("age", "3", "no column 'path'"),
        ("path,age", "1.jpg,121", "faces.csv:2: age out of range, got '121', expected years from 0 to 120"),
        ("path,age", "1.jpg,-1", "age out of range"),
        ("path,age", "1.jpg,nan", "age out of range"),
        ("path,gender", "1.jpg,X", "unknown gender, got 'X', expected F or M"),
        ("path,age", "1.jpg", "row does not have as many cells as the header"),
        ("path,age", "1.jpg,3\n1.jpg,3", "faces.csv:3: the same path again, got 1.jpg"),
        ("path,age", "other.jpg,3", "empty set"),
    ],
)
def test_wrong_labels_are_one_line_with_their_place(tmp_path: Path, header: str, row: str, said: str) -> None:
    write_tar(tmp_path / "faces.tar", {"1.jpg": jpeg(scene(1))})
    write_lines(tmp_path / "faces.csv", [header, row])
    with pytest.raises(BadInput) as error:
        open_photographs(str(tmp_path / "faces.tar"))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_pictures_are_counted_and_named(tmp_path: Path) -> None:
    write_set(tmp_path, ["1.jpg,3"], header="path,age")
    write_lines(tmp_path / "faces.csv", ["path,age", "1.jpg,3", "gone.jpg,4", "lost.jpg,5"])
    found = open_photographs(str(tmp_path / "faces.tar"))
    assert len(found.samples) == 1
    (line,) = found.warnings
    assert "2 left out, picture is missing (such as gone.jpg, lost.jpg)" in line


def test_a_few_damaged_pictures_are_skipped_and_counted_but_a_broken_set_is_refused(tmp_path: Path) -> None:
    whole = {f"{index}.jpg": jpeg(scene(index)) for index in range(6)}
    few = open_photographs(str(write_files(tmp_path / "few", whole | {"1.jpg": whole["1.jpg"][:300], "2.jpg": b""})))
    reading = Reading(few)
    assert [sample.path for sample, _ in reading] == ["0.jpg", "3.jpg", "4.jpg", "5.jpg"]
    (line,) = reading.warnings
    assert "few: pictures skipped, got 2 of 6; the first:" in line
    assert "1.jpg: truncated JPEG" in line
    broken = open_photographs(str(write_files(tmp_path / "broken", dict.fromkeys(whole, b"x"))))
    with pytest.raises(BadInput, match="too many pictures cannot be read, got 6 of 6"):
        list(Reading(broken))


def test_a_cut_tar_is_refused(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "cut.tar", {f"{index}.jpg": jpeg(scene(index)) for index in range(3)})
    tar.write_bytes(tar.read_bytes()[:9000])
    with pytest.raises(BadInput, match="not an uncompressed tar, or a damaged one, got unexpected end of data"):
        open_photographs(str(tar))


def test_a_compressed_tar_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "faces.tar").write_bytes(b"\x1f\x8b" + bytes(2000))
    with pytest.raises(BadInput, match="uncompress the tar first: a compressed one cannot be read in place"):
        open_photographs(str(tmp_path / "faces.tar"))


def test_reads_utkface_names_and_counts_malformed_ones(tmp_path: Path) -> None:
    names = ["31_0_3_2017.jpg", "100_1_0_2017.jpg.chip.jpg", "61_1_2017.jpg", "5_1_2_2017.jpg", "999_1_2_2017.jpg"]
    found = open_photographs(str(write_files(tmp_path / "u", {name: jpeg(scene(1)) for name in names})))
    assert [(s.age, s.gender, s.group, s.aligned) for s in found.samples] == [
        (100, "female", "White", True),
        (31, "male", "Indian", False),
        (5, "female", "Asian", False),
    ]
    assert sorted(line.partition("left out, ")[2] for line in found.warnings) == [
        "age is over 120 years (such as 999_1_2_2017.jpg)",
        "name is not age_gender_race_date.jpg (such as 61_1_2017.jpg)",
    ]


def test_reads_all_age_faces(tmp_path: Path) -> None:
    names = ["original images/00000A02.jpg", "original images/07380A61.jpg", "original images/07381A03.jpg"]
    found = open_photographs(str(write_files(tmp_path, {name: jpeg(scene(1)) for name in names})))
    assert [(s.age, s.gender, s.group) for s in found.samples] == [
        (2, "female", "Asian"), (61, "female", "Asian"), (3, "male", "Asian"),
    ]  # fmt: skip


def test_reads_lfw_with_and_without_lists_of_genders(tmp_path: Path) -> None:
    names = ["Ada_L/Ada_L_0001.jpg", "Ada_L/Ada_L_0002.jpg", "Bob/Bob_0001.jpg"]
    write_files(tmp_path, {name: jpeg(scene(1)) for name in names})
    assert [s.gender for s in open_photographs(str(tmp_path)).samples] == [None, None, None]
    write_lines(tmp_path / "female_names.txt", ["Ada_L_0001.jpg"])
    write_lines(tmp_path / "male_names.txt", ["Bob_0001.jpg"])
    found = open_photographs(str(tmp_path))
    assert [(s.person, s.gender) for s in found.samples] == [("Ada_L", "female"), ("Ada_L", None), ("Bob", "male")]
    write_lines(tmp_path / "male_names.txt", ["Ada_L_0001.jpg"])
    with pytest.raises(BadInput, match="on both lists"):
        open_photographs(str(tmp_path))


def test_reads_fairface_bands(tmp_path: Path) -> None:
    write_files(tmp_path, {name: jpeg(scene(1)) for name in ("train/1.jpg", "val/1.jpg")})
    header = "file,age,gender,race,service_test"
    write_lines(tmp_path / "fairface_label_train.csv", [header, "train/1.jpg,50-59,Male,East Asian,True"])
    write_lines(tmp_path / "fairface_label_val.csv", [header, "val/1.jpg,more than 70,Female,Black,False"])
    found = open_photographs(str(tmp_path))
    assert [(s.age, s.age_range, s.gender, s.group) for s in found.samples] == [
        (None, (50, 59), "male", "East Asian"),
        (None, (70, 100), "female", "Black"),
    ]
    assert [s.bracket(ADS_8) for s in found.samples] == [None, 7]


def test_reads_adience_folds_with_odd_labels(tmp_path: Path) -> None:
    write_adience(tmp_path, per_fold=4)
    fold = tmp_path / "fold_0_data.txt"
    odd = fold.read_text().replace("(0, 2)", "35").replace("(4, 6)", "None").replace("\tm\t", "\tu\t", 1)
    fold.write_text(odd)
    folds = read_folds(tmp_path)
    assert [len(each.samples) for each in folds] == [3, 4, 4, 4, 4]
    assert folds[0].samples[0].age_range == (25, 32)
    assert folds[0].samples[0].person == "0@N00"
    assert "fold_0_data.txt" in folds[0].warnings[0]
    assert "1 left out, neither age nor gender" in folds[0].warnings[0]
    assert len(open_photographs(str(tmp_path)).samples) == 19
    assert not {s.person for s in folds[0].samples} & {s.person for s in folds[1].samples}


@pytest.mark.parametrize(
    ("word", "band"),
    [("(25, 32)", (25, 32)), ("35", (25, 32)), ("(27, 32)", (25, 32)), ("(38, 48)", (38, 43)), ("(8, 23)", (15, 20)),
     ("13", (8, 12)), ("22", (15, 20)), ("23", (25, 32)), ("57", (60, 100)), ("3", (0, 2)), ("58", (60, 100))],
)  # fmt: skip
def test_odd_labels_of_adience_go_to_the_band_that_shares_most_or_is_nearest(word: str, band: tuple[int, int]) -> None:
    found = read_band(word, "here")
    assert found is not None
    assert adience_band(found) == band
    assert Sample("a", "p", age_range=adience_band(found)).bracket(ADIENCE_8) is not None


def test_a_plain_folder_has_no_labels(tmp_path: Path) -> None:
    found = open_photographs(str(write_files(tmp_path / "holiday", {"b.png": jpeg(scene(2)), "a.jpg": jpeg(scene(1))})))
    assert [(s.dataset, s.path, s.age, s.gender) for s in found.samples] == [
        ("holiday", "a.jpg", None, None), ("holiday", "b.png", None, None),
    ]  # fmt: skip


def test_a_folder_with_a_dot_has_its_own_labels_and_name(tmp_path: Path) -> None:
    write_set(tmp_path, ["1.jpg,3"], header="path,age")
    folder = write_files(tmp_path / "faces.v2", {"1.jpg": jpeg(scene(1))})
    assert [(s.dataset, s.age) for s in open_photographs(str(folder)).samples] == [("faces.v2", None)]
    write_lines(tmp_path / "faces.v2.csv", ["path,age", "1.jpg,40"])
    for address in (folder, tmp_path / "faces.v2.csv"):
        assert [(s.dataset, s.age) for s in open_photographs(str(address)).samples] == [("faces.v2", 40)]


@pytest.mark.parametrize(("inside", "address"), [("", "."), ("deep", "..")])
def test_the_folder_at_hand_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str, address: str
) -> None:
    folder = write_files(tmp_path / "holiday", {"deep/1.jpg": jpeg(scene(1))})
    monkeypatch.chdir(folder / inside)
    assert open_photographs(address).name == "holiday"
    write_lines(tmp_path / "holiday.csv", ["path,age", "deep/1.jpg,40"])
    assert open_photographs(address).samples[0].age == 40


def test_unknown_forms_and_empty_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown form of data set, got utk"):
        open_photographs("utk:/nowhere")
    with pytest.raises(BadInput, match="no such file or folder"):
        open_photographs(str(tmp_path / "gone"))
    with pytest.raises(BadInput, match="empty set"):
        open_photographs(str(tmp_path))


@pytest.mark.shared
def test_the_shared_labels_agree_with_the_names_of_their_files(shared: Path) -> None:
    for form, name in (("utkface", "utkface-val"), ("aaf", "aaf-train")):
        labelled = open_photographs(str(shared / "data" / f"{name}.tar"))
        named = open_photographs(f"{form}:{shared / 'data' / f'{name}.tar'}")
        told = {sample.path: (sample.age, sample.gender, sample.group) for sample in labelled.samples}
        assert len(told) > 4000
        assert {sample.path: (sample.age, sample.gender, sample.group) for sample in named.samples} == told
