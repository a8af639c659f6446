"""Pages escape what they show, files are written whole or not at all."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (passerby[demo])")


from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

from edge.errors import UsageError
from edge.files import write_folder, write_whole
from edge.workbench.pages.drawing import label, new_figure, png
from edge.workbench.pages.page import Note, Plot, Rows, Section, Tiles, render_page
from edge.workbench.pages.printing import WIDTH, print_table, split_columns
from tests.training.sets import scene, write_set
from training.data.readers import open_photographs
from training.data.subset import every_nth

NASTY = "<script>alert('&\"')</script>"


class Reader(HTMLParser):
    """Collects tags, texts and the pictures' bytes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.pictures: list[bytes] = []
        self.alternatives: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if tag == "img":
            self.pictures.append(b64decode((found["src"] or "").partition("base64,")[2]))
            self.alternatives.append(found["alt"] or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_whatever_a_name_holds_is_shown_and_never_run() -> None:
    parts = [NASTY, Note(NASTY), Rows(NASTY, [NASTY], [[NASTY]]), Tiles([(NASTY, NASTY)]), Plot(b"png", NASTY, NASTY)]
    page = Reader(render_page(NASTY, NASTY, [Section(NASTY, parts)]))
    assert "script" not in page.tags
    assert page.texts.count(NASTY) == 12
    assert page.alternatives == [NASTY]
    assert page.pictures == [b"png"]


def test_the_same_figure_gives_the_same_bytes() -> None:
    def draw() -> bytes:
        figure, axes = new_figure()
        axes.plot([1, 2, 3])
        label(axes, "title", "x", "y")
        return png(figure)

    assert draw() == draw()
    assert draw().startswith(b"\x89PNG")


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_rest(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.html", b"old")
    write_folder(tmp_path / "deep" / "er", {"b": b"1", "c": b"2"})
    assert (tmp_path / "deep" / "er" / "c").read_bytes() == b"2"
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="folder: cannot be written, got"):
        write_whole(tmp_path / "folder", b"new")
    with pytest.raises(UsageError, match="cannot be written, got No such file or directory"):
        write_whole(tmp_path / "gone" / "a", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "deep", "folder"]
    assert (tmp_path / "a.html").read_bytes() == b"old"


def test_a_part_of_a_set_is_spread_over_all_of_it(tmp_path: Path) -> None:
    whole = open_photographs(str(write_set(tmp_path, [f"{index:02}.jpg,30" for index in range(20)], "path,age")))
    part = every_nth(whole, 5)
    assert [sample.path for sample in part.samples] == ["00.jpg", "04.jpg", "09.jpg", "14.jpg", "19.jpg"]
    assert part.read(part.samples[1]).shape == scene(4).shape
    assert "5 of 20 photographs" in part.warnings[-1]
    assert every_nth(whole, 20) is whole


def wide(columns: int, word: str = "0.12345 (0.1 to 0.2)") -> Rows:
    return Rows("Caption", ("what", *(f"set {each}" for each in range(columns))), [("row", *[word] * columns)])


def test_columns_that_do_not_fit_stand_below_after_the_first_once_more() -> None:
    assert split_columns(wide(3), 120) == [(0, 1, 2, 3)]
    assert split_columns(wide(8), 120) == [(0, 1, 2, 3, 4, 5), (0, 6, 7, 8)]
    assert split_columns(wide(2), 10) == [(0, 1), (0, 2)]
    assert split_columns(Rows("", ("alone",), [("a",)]), 10) == [(0,)]


@pytest.mark.parametrize("rows", [wide(12), wide(2, "a long sentence of many words " * 9), wide(5, "x" * 300)])
def test_a_table_that_is_piped_fits_and_loses_nothing(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(rows)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= WIDTH
    for each in rows.columns:
        assert each in shown
    assert sum(map(str.isalnum, shown)) >= sum(sum(map(str.isalnum, cell)) for cell in rows.cells[0])
