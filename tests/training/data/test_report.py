"""The data report counts what is there, says what is not, and is one page that loads nothing."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (passerby[demo])")


import re
from pathlib import Path

import cv2

from edge.errors import UsageError
from tests.training.sets import jpeg, scene, write_adience, write_files, write_lines, write_set
from training.data.readers import open_photographs
from training.data.report import PAGE, write_data_report
from training.data.survey import survey


def test_counts_ages_genders_groups_sizes_and_near_copies(tmp_path: Path) -> None:
    files = {f"{index}.jpg": jpeg(scene(index, 60 + 10 * index)) for index in range(4)}
    files["copy.jpg"] = jpeg(cv2.resize(scene(0, 60), (80, 80)))
    write_files(tmp_path / "faces", files)
    rows = ["0.jpg,30,F,x", "1.jpg,30,M,x", "2.jpg,7,M,y", "3.jpg,,,", "copy.jpg,31,F,x"]
    write_lines(tmp_path / "faces.csv", ["path,age,gender,group", *rows])
    counted = survey(open_photographs(str(tmp_path / "faces.csv")))
    assert (counted.photographs, counted.with_age, counted.with_gender, counted.near_copies) == (5, 4, 4, 2)
    assert counted.ages[:, 30].tolist() == [1, 1, 0]
    assert counted.ages.sum() == 4
    assert {name: dict(genders) for name, genders in counted.groups.items()} == {
        "x": {"female": 2, "male": 1}, "y": {"male": 1}, "no label": {"unknown": 1},
    }  # fmt: skip
    assert sorted(counted.sides_px.tolist()) == [60, 70, 80, 80, 90]


def test_bands_count_evenly_in_their_years(tmp_path: Path) -> None:
    counted = survey(open_photographs(str(write_adience(tmp_path))))
    assert counted.with_age == 30
    assert counted.ages.sum() == pytest.approx(30)
    assert counted.ages[:, 3].sum() == 0


def test_the_page_is_whole_and_loads_nothing(tmp_path: Path) -> None:
    tar = write_set(tmp_path / "in", ["1.jpg,30,F,<b>", "2.jpg,31,M,x", "3.jpg,9,M,x"])
    write_data_report([open_photographs(str(tar))], tmp_path / "out" / "deep")
    page = (tmp_path / "out" / "deep" / PAGE).read_text("utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', page)
    assert len(sources) == 3
    assert set(sources) == {"data:image/png;base64,"}
    assert "<script" not in page
    assert "http" not in page
    written = {path.name for path in (tmp_path / "out" / "deep").iterdir()}
    assert written == {PAGE, "1-faces-ages.png", "1-faces-groups.png", "1-faces-sizes.png"}


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    tar = write_set(tmp_path, ["1.jpg,30,F,x"])
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="folder cannot be made"):
        write_data_report([open_photographs(str(tar))], tmp_path / "out")
