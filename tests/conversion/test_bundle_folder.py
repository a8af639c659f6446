"""A conversion's folder is there whole or not at all, and what the file system refuses is said as what it is."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from conversion.bundle import writing_aside
from edge.errors import BadInput, UsageError


def write(out: Path, error: Exception | None = None) -> None:
    with writing_aside(out, "net") as staging:
        (staging / "net.onnx").write_bytes(b"1")
        if error is not None:
            raise error


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    for error in (BadInput("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write(tmp_path / "deep" / "out", error)  # type: ignore[arg-type]
        assert list(tmp_path.iterdir()) == []


def test_folders_that_were_there_or_hold_something_stay(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(BadInput):
        write(there, BadInput("no"))
    assert list(tmp_path.iterdir()) == [there]
    write(tmp_path / "deep" / "out")
    assert (tmp_path / "deep" / "out" / "net" / "net.onnx").read_bytes() == b"1"


def test_a_file_in_the_way_is_said() -> None:
    with pytest.raises(UsageError, match="a file has the name of a folder: give another folder with --out"):
        write(Path(__file__))
    with pytest.raises(UsageError, match="a file has the name of a folder"):
        write(Path(__file__) / "out")


def test_a_place_that_takes_no_folders_is_said() -> None:
    with pytest.raises(UsageError, match=r"^/proc/out: cannot be written \(No such file or directory\); give another"):
        write(Path("/proc/out"))
    with pytest.raises(UsageError, match=r"^/sys/out: cannot be written \(.*\); you may not write there"):
        write(Path("/sys/out"))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "free some space there and in the temporary folder"),
        (errno.EROFS, "you may not write there"),
        (errno.EIO, "give another folder"),
    ],
)
def test_what_helps_depends_on_what_the_system_says(number: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        write(tmp_path / "out", OSError(number, "reason", str(tmp_path / "out" / "net.onnx")))
    assert ("free some space" in str(caught.value)) == (number == errno.ENOSPC)
