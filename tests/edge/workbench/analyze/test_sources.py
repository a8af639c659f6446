"""What `analyze` calls the pictures and footage that it was given."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from edge.errors import UsageError
from edge.sensor.sources.address import SourceKind
from edge.workbench.analyze.analyst import check_request
from edge.workbench.analyze.length import stated_pictures
from edge.workbench.analyze.sources import Source, read_addresses
from tests.pictures.clips import encode, write_clip, write_gif


def test_the_pictures_of_a_single_source_go_by_their_path_in_it(tmp_path: Path) -> None:
    assert Source(str(tmp_path)).name_picture("queue/a.jpg").source == "queue/a.jpg"
    assert Source("faces.tar").name_picture("queue/a.jpg").source == "queue/a.jpg"
    assert Source("dir/a.jpg").name_picture("dir/a.jpg").source == "dir/a.jpg"


def test_several_sources_are_told_from_each_other() -> None:
    left, right = read_addresses(["left/faces.tar", "right/faces.tar"])
    assert left.name_picture("a.jpg").source == "left/faces.tar/a.jpg"
    assert right.name_picture("a.jpg").source == "right/faces.tar/a.jpg"


@pytest.mark.parametrize("name", ["../../etc/a.jpg", "/etc/a.jpg", "etc/../../a.jpg"])
def test_no_name_in_a_tar_leads_out_of_the_folder_of_drawings(name: str) -> None:
    place = Source("faces.tar").name_picture(name).place
    assert not place.is_absolute()
    assert ".." not in place.parts


def test_secrets_of_an_address_are_told_to_nobody() -> None:
    named = Source("rtsp://me:secret@camera.local/stream?token=secret").named
    assert "secret" not in named.source
    assert named.place == PurePosixPath("stream")


def test_names_that_are_no_text_can_still_be_written() -> None:
    source = Source("faces.tar").name_picture("caf\udce9.jpg").source
    assert source.encode() == b"caf\\udce9.jpg"


@pytest.mark.parametrize("addresses", [[], [""], ["ftp://x/y.mp4"]])
def test_an_address_that_means_nothing_is_refused_before_anything_is_opened(addresses: list[str]) -> None:
    with pytest.raises(UsageError):
        read_addresses(addresses)


@pytest.mark.parametrize(("addresses", "visits"), [(["clip.mp4"], False), (["a.jpg"], True)])
def test_aligned_takes_pictures_and_has_no_visits(addresses: list[str], visits: bool) -> None:
    with pytest.raises(UsageError, match="--aligned"):
        check_request(read_addresses(addresses), aligned=True, visits_only=visits)


def test_a_progress_bar_knows_how_many_pictures_are_to_come(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(encode(".jpg") if "notes" not in name else b"no picture")
    clip = write_clip(tmp_path / "clip.mp4", frames=7)
    assert stated_pictures(str(tmp_path), SourceKind.FOLDER) == 2
    assert stated_pictures(str(clip), SourceKind.VIDEO) == 7
    walk = write_gif(tmp_path / "walk.gif", [80, 80, 120])
    assert stated_pictures(str(walk), SourceKind.ANIMATION) == 3
    assert stated_pictures(str(tmp_path / "none.gif"), SourceKind.ANIMATION) is None
    assert stated_pictures(str(tmp_path / "none.tar"), SourceKind.TAR) is None
