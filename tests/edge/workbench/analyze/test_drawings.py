"""Files of drawings: one for each picture, page and frame, and none is written twice."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2
import pytest

from edge.errors import UsageError
from edge.schemas.analyze import AnalyzeLine
from edge.workbench.analyze.drawings import Drawings
from edge.workbench.analyze.listening import Seen
from edge.workbench.analyze.sources import read_addresses
from tests.pictures.clips import draw


def a_page(name: str, frame: int) -> Seen:
    image = draw(frame)
    line = AnalyzeLine(source=name, frame=frame, time_s=0, width=image.shape[1], height=image.shape[0], faces=[])
    return Seen(line, image, PurePosixPath(name), moving=False)


def pages_of(path: Path) -> list[Seen]:
    assert cv2.imwritemulti(str(path), [draw(index) for index in range(3)])
    return [a_page(path.name, index) for index in range(3)]


def test_each_page_gets_a_file_in_a_folder(tmp_path: Path) -> None:
    pages = pages_of(tmp_path / "scan.tif")
    drawings = Drawings(tmp_path / "drawn", read_addresses([str(tmp_path / "scan.tif")]), lambda face: [])
    for page in pages:
        drawings.seen(page)
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["scan-2.jpg", "scan-3.jpg", "scan.jpg"]


def test_a_second_page_does_not_overwrite_the_first_in_a_file(tmp_path: Path) -> None:
    first, second, _ = pages_of(tmp_path / "scan.tif")
    drawings = Drawings(tmp_path / "drawn.png", read_addresses([str(tmp_path / "scan.tif")]), lambda face: [])
    drawings.seen(first)
    content = (tmp_path / "drawn.png").read_bytes()
    with pytest.raises(UsageError, match=r"the image has several pages, got .*; name a folder"):
        drawings.seen(second)
    assert (tmp_path / "drawn.png").read_bytes() == content
