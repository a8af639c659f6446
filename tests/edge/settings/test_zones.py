"""Zones in the settings: what a polygon may be, each fault in one line with its place, and what comes out again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.cli.app import build
from edge.errors import ConfigError
from edge.settings.faults import check_all
from edge.settings.migration import Names, migrated
from edge.settings.polygon import area, contains, fault_of
from edge.settings.settings import Settings, Zone
from edge.settings.settings_file import Text, load_settings, to_toml
from edge.settings.zones import EXAMPLE, check_zones, counts, read_zones

SQUARE = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6))
ARROW = ((0.0, 0.0), (1.0, 0.5), (0.0, 1.0), (0.5, 0.5))
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
POINTS = "points = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6]]\n"
WHOLLY_IGNORED = '[[zones]]\nkind = "ignore"\npoints = [[0, 0], [1, 0], [1, 1], [0, 1]]\n'
GOOD = f'[[zones]]\nkind = "ignore"\n{POINTS}'


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "passerby.toml"


def ignore(*points: tuple[float, float]) -> Zone:
    return Zone(kind="ignore", points=points)


def only(*points: tuple[float, float]) -> Zone:
    return Zone(kind="area", points=points)


def complaint(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("points", [SQUARE, SQUARE[::-1], ARROW, ARROW[::-1], SQUARE[:3], WHOLE])
def test_a_polygon_may_turn_either_way_and_be_hollow(points: tuple[tuple[float, float], ...]) -> None:
    assert fault_of(points) == ""


@pytest.mark.parametrize(
    ("points", "fault"),
    [
        ((SQUARE[0], SQUARE[1], SQUARE[3], SQUARE[2]), "its sides 2 and 4 cross or touch"),
        (((0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)), "its sides 1 and 3 cross or touch"),
        (((0.5, 0), (1, 1), (0.75, 0.5), (0, 1)), "its sides 1 and 2 cross or touch"),
        (((0.1, 0.5), (0.5, 0.5), (0.9, 0.5)), "its sides 1 and 3 cross or touch"),
        (((0.1, 0.1), (0.1000001, 0.1), (0.1, 0.2)), "it has no area"),
        ((*SQUARE, SQUARE[0]), "the last point repeats the first, which closes the polygon by itself"),
        ((SQUARE[0], SQUARE[1], SQUARE[1], SQUARE[2]), "point 3 is there twice"),
    ],
)
def test_what_is_no_polygon_says_why(points: tuple[tuple[float, float], ...], fault: str) -> None:
    assert fault_of(points) == fault


def test_a_place_is_inside_or_not_hollows_included() -> None:
    assert contains(ARROW, 0.7, 0.5)
    assert not contains(ARROW, 0.3, 0.5)
    assert contains(SQUARE, 0.59, 0.21)
    assert not any(contains(SQUARE, *place) for place in [(0.61, 0.3), (0.3, 0.61), (0.1, 0.3), (0.3, 0.1), (1, 1)])
    assert area(SQUARE) == pytest.approx(0.16)
    assert area(ARROW) == pytest.approx(0.25)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_any_three_points_or_more_get_an_answer(points: list[tuple[float, float]], x: float, y: float) -> None:
    assert isinstance(fault_of(points), str)
    assert contains(points, x, y) == contains(points[::-1], x, y) or fault_of(points) != "" or near_a_side(points, x, y)


def near_a_side(points: list[tuple[float, float]], x: float, y: float) -> bool:
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return any(area((a, b, (x, y))) < 1e-9 for a, b in pairs)


def test_ignored_places_win_and_several_areas_count_together() -> None:
    zones = [only(*LEFT), only((0.8, 0.0), (1.0, 0.0), (1.0, 1.0)), ignore(*SQUARE)]
    assert counts(zones, 0.1, 0.5)
    assert counts(zones, 0.95, 0.5)
    assert not counts(zones, 0.7, 0.9), "in no area"
    assert not counts(zones, 0.3, 0.3), "in an area, but ignored"
    assert counts([ignore(*SQUARE)], 0.9, 0.9)
    assert counts([], 0.3, 0.3)


def test_zones_come_from_the_file_in_their_order(toml: Path) -> None:
    toml.write_text(f'[camera]\nfps = 10\n{GOOD}[[zones]]\npoints = [[0, 0], [1, 0], [1, 1]]\nkind = "area"\n')
    settings = load_settings(toml)
    assert settings.camera.fps == 10
    assert settings.zones == (ignore(*SQUARE[:3]), only(*WHOLE[:3]))
    toml.write_text('zones = [{ kind = "ignore", points = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6]] }]\n')
    assert load_settings(toml).zones == (ignore(*SQUARE[:3]),)
    assert load_settings().zones == ()


def test_zones_are_shown_as_they_are_read(toml: Path) -> None:
    settings = Settings(zones=(ignore(*SQUARE), only(*WHOLE)))
    for comments in (False, True):
        toml.write_text(to_toml(settings, comments=comments))
        assert load_settings(toml) == settings


def test_the_example_that_is_shown_as_a_comment_is_right(toml: Path) -> None:
    shown = to_toml(Settings(), comments=True)
    example = shown[shown.index("# [[zones]]") :]
    toml.write_text("\n".join(line.removeprefix("# ") for line in example.splitlines()))
    (zone,) = load_settings(toml).zones
    assert read_zones([EXAMPLE], "here") == [msgspec.to_builtins(zone)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[zones]\nkind = "ignore"\n{POINTS}', "in double brackets"),
        ("zones = 3\n", "zones, got 3, expected tables [[zones]], each with kind and points, in double brackets"),
        ("zones = [3]\n", "zones, got 3, expected tables [[zones]]"),
        (f"[[zones]]\n{POINTS}", 'zones.kind is missing, expected choice "area" | "ignore"'),
        ('[[zones]]\nkind = "area"\n', "zones.points is missing, expected list of 3 to 32 points [across, down]"),
        (f'[[zones]]\nkind = "skip"\n{POINTS}', """zones.kind, got 'skip', expected choice "area" | "ignore\""""),
        (GOOD.replace("points", "point"), "unknown setting zones.point; did you mean zones.points?"),
        (f"{GOOD}xyz = 1\n", "unknown setting zones.xyz; a zone has kind and points"),
        (GOOD.replace("0.6]]", "1.2]]"), "zones.points, got [[0.2, 0.2], [0.6, 0.2], [0.6, 1.2]], expected list of 3"),
        (GOOD.replace("0.6]]", "-0.1]]"), "fractions 0 to 1 of the picture"),
        (GOOD.replace("0.6]]", "nan]]"), "fractions 0 to 1 of the picture"),
        (GOOD.replace("0.6]]", "'0.6']]"), "fractions 0 to 1 of the picture"),
        (GOOD.replace(", [0.6, 0.6]]", "]"), "expected list of 3 to 32 points"),
        (GOOD.replace("[0.6, 0.6]", "[0.6, 0.6, 0.6]"), "points [across, down]"),
        (GOOD.replace("0.6, 0.6]", "0.9, 0.2]"), "sides 1 and 3 cross or touch, expected the corners of a polygon"),
        (GOOD * 2 + GOOD.replace("ignore", "x"), "number 3: zones.kind, got 'x'"),
        (GOOD * 17, "zones, got 17 zones, expected at most 16"),
        (WHOLLY_IGNORED, "zones, got zones that leave nothing of the picture"),
    ],
)
def test_a_fault_is_one_line(toml: Path, text: str, said: str) -> None:
    line = complaint(toml, text)
    assert line.startswith(str(toml))
    assert said in line


def test_an_area_that_is_ignored_as_a_whole_leaves_nothing_and_a_small_rest_is_enough() -> None:
    inside = [(0.3, 0.3), (0.4, 0.3), (0.4, 0.4)]
    with pytest.raises(ConfigError, match="leave nothing"):
        check_zones([only(*inside), ignore(*SQUARE)])
    check_zones([only(*inside), only(*LEFT), ignore(*SQUARE)])
    check_zones([only((0.5, 0.5), (0.501, 0.5), (0.501, 0.502))])
    check_zones([ignore(*LEFT)])


@pytest.mark.parametrize("name", ["PASSERBY_ZONES", "PASSERBY_ZONES__KIND", "PASSERBY_ZONES_KIND", "PASSERBY_ZONES__0"])
def test_the_environment_cannot_set_zones_and_says_so(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {name: "x"})
    says = f"environment: zones are set in a file only, got {name}; write [[zones]] in passerby.toml"
    assert str(caught.value) == says


@pytest.mark.parametrize("name", ["zones", "zones.kind"])
def test_a_flag_cannot_set_zones_and_says_so(name: str, toml: Path) -> None:
    with pytest.raises(ConfigError, match="command line: zones are set in a file only"):
        load_settings(None, {}, {name: Text("x")})
    done = CliRunner().invoke(build(), ["config", "show", "--set", f"{name}=x"])
    assert "zones are set in a file only" in str(done.exception)
    toml.write_text("")
    assert "zones are set in a file only" in str(check_all(toml, {}, {name: Text("x")}).faults[0].error)


def test_every_faulty_zone_is_said_with_its_line_and_the_others_are_in_force(toml: Path) -> None:
    toml.write_text(f'{GOOD}\n[[zones]]\nkind = "x"\n{POINTS}[camera]\nfps = 0\n\n[[zones]]\nkind = "area"\n')
    done = CliRunner().invoke(build(), ["config", "check", str(toml)])
    lines = [*(line.removeprefix("passerby: ") for line in done.stderr.splitlines()), str(done.exception)]
    heads = [f"{toml}:5: zones.kind, got 'x'", f"{toml}:11: zones.points is missing", f"{toml}:9: camera.fps"]
    assert sorted(line[: len(head)] for line, head in zip(sorted(lines), sorted(heads), strict=True)) == sorted(heads)
    assert check_all(toml, {}, {}).settings.zones == (ignore(*SQUARE[:3]),)


def test_zones_that_leave_nothing_are_said_with_their_line(toml: Path) -> None:
    toml.write_text("\n" + WHOLLY_IGNORED)
    done = CliRunner().invoke(build(), ["config", "check", str(toml)])
    assert str(done.exception).startswith(f"{toml}:2: zones, got zones that leave nothing of the picture")


def test_a_file_with_zones_can_be_migrated() -> None:
    """Keys of a zone are no keys of the section before it, and nothing is put behind them by mistake."""
    names = Names({"camera.kind": "camera.source", "delivery.address": "camera.page"}, {})
    before = f'[camera]\nfps = 1\n\n{GOOD}\n[delivery]\naddress = "a"\n'
    after = f'[camera]\nfps = 1\npage = "a"\n\n{GOOD}\n[delivery]\n'
    assert migrated(before, names, where="passerby.toml") == after
