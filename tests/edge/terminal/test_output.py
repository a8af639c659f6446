"""Where the lines of an analysis go: a file has its name only once it is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.terminal.output import line_output


def test_a_file_gets_its_name_at_the_end(tmp_path: Path) -> None:
    with line_output(str(tmp_path / "lines.jsonl")) as write:
        write("one")
        assert not (tmp_path / "lines.jsonl").exists()
        write("two")
    assert (tmp_path / "lines.jsonl").read_text() == "one\ntwo\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_broken_off_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text("old\n")
    with pytest.raises(KeyboardInterrupt), line_output(str(file)) as write:
        write("new")
        raise KeyboardInterrupt
    assert file.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with line_output(str(pipe)) as write:
        write("one")
    assert os.read(reader, 100) == b"one\n"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_full_disk_is_one_line() -> None:
    with (
        pytest.raises(UsageError, match=r"/dev/full: cannot be written, got No space"),
        line_output("/dev/full") as write,
    ):
        write("one")
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("place", ["no/such/folder/lines.jsonl", "."])
def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"), line_output(str(tmp_path / place)) as write:
        write("one")
    assert list(tmp_path.iterdir()) == []
