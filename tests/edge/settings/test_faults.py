"""`passerby config check`: every fault at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli.app import build
from edge.errors import ConfigError
from edge.settings.faults import check_all
from edge.settings.settings import Settings
from edge.settings.settings_file import Text
from edge.settings.toml_lines import KeyLines

MANY = """# a comment = 1
top = 1

[camera]
fps = 0
sourc = "0"
width_px = "12"  # fps = 3

[models]
targets = [
  "openvino:CPU",  # one
  "nope",
]

[tracking]
max_gap_s = 9
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "passerby.toml"


def said(toml: Path, *words: str, **environment: str) -> tuple[list[str], object]:
    """Lines of faults, the last of which is raised, and what is raised."""
    done = CliRunner().invoke(build(), ["config", "check", str(toml), *words], env=environment)
    assert done.stdout == ""
    lines = [line.removeprefix("passerby: ") for line in done.stderr.splitlines()]
    return [*lines, str(done.exception)], done.exception


def test_every_fault_of_a_file_is_said_with_its_line(toml: Path) -> None:
    toml.write_text(MANY)
    lines, error = said(toml)
    assert isinstance(error, ConfigError)
    assert error.exit_code == 2
    heads = [
        "2: unknown setting top; ",
        "5: camera.fps, got 0, expected number 0.1 to 240 frames/s",
        "6: unknown setting camera.sourc; did you mean camera.source?",
        "7: camera.width_px, got '12', expected whole number 160 to 4096 px",
        "10: models.targets, got ['openvino:CPU', 'nope'], expected list of ",
    ]
    assert len(lines) == len(heads)
    for line, head in zip(lines, heads, strict=True):
        assert line.startswith(f"{toml}:{head}")


def test_faults_of_environment_and_flags_name_the_variable_and_the_flag(toml: Path) -> None:
    toml.write_text("")
    variables = {"PASSERBY_CAMERA__FPS": "900", "PASSERBY_BROKER_URL": "mqtt://x", "PASSERBY_CAMERA__SOURC": "0"}
    lines, _ = said(toml, "--set", "identity.site=A B", "--set", "camera.fps=x", **variables)
    assert sorted(lines) == [
        "--set camera.fps: camera.fps, got 'x', expected number 0.1 to 240 frames/s",
        "--set identity.site: identity.site, got 'A B', expected text of 1-63 lower-case letters, digits, - and _",
        "environment, PASSERBY_CAMERA__FPS: camera.fps, got '900', expected number 0.1 to 240 frames/s",
        "environment, PASSERBY_CAMERA__SOURC: unknown setting camera.sourc; did you mean camera.source?",
        "environment: unknown variable PASSERBY_BROKER_URL; write PASSERBY_BROKER__URL",
    ]


def test_settings_that_do_not_go_together_are_said_with_the_line_of_the_one_to_change(toml: Path) -> None:
    toml.write_text(
        '[models]\nset = "bets"\n[publish]\nevents = ["aggregate"]\n[broker]\nurl = "mqtt://"\nusername = "me"\n'
        'password_file = "/nowhere"\n'
    )
    lines, _ = said(toml)
    heads = ["2: unknown model set, got bets", "4: publish.events: ", "6: broker.url: ", "8: broker.password_file: "]
    assert [line.startswith(f"{toml}:{head}") for line, head in zip(lines, heads, strict=True)] == [True] * 4


def test_a_flag_says_where_the_value_in_force_comes_from(toml: Path) -> None:
    toml.write_text('[models]\nset = "best"\n')
    lines, _ = said(toml, "--set", "models.set=bets")
    assert lines[0].startswith("--set models.set: unknown model set, got bets")


def test_a_section_with_a_fault_is_not_tried_as_a_whole(toml: Path) -> None:
    toml.write_text('[broker]\nurl = "mqtt://"\nkeepalive_s = "x"\n')
    lines, _ = said(toml)
    assert [line.split(",")[0] for line in lines] == [f"{toml}:3: broker.keepalive_s"]


def test_what_is_right_is_in_force_and_has_its_place(toml: Path) -> None:
    toml.write_text("[camera]\nfps = 10\nwidth_px = 1\n")
    checked = check_all(toml, {"PASSERBY_CAMERA__FPS": "12"}, {"tracking.max_gap_s": Text("3")})
    assert (checked.settings.camera.fps, checked.settings.camera.width_px) == (12, Settings().camera.width_px)
    assert [fault.name for fault in checked.faults] == ["camera.width_px"]
    assert checked.places == {
        "camera.fps": "environment, PASSERBY_CAMERA__FPS",
        "tracking.max_gap_s": "--set tracking.max_gap_s",
    }


def test_an_earlier_name_is_checked_as_todays_and_both_are_a_fault(toml: Path) -> None:
    toml.write_text("[camera]\nrate = 0\nwidth_px = 1\n")
    aliases = {"camera.rate": "camera.fps"}
    lines = [str(fault.error) for fault in check_all(toml, {}, {}, aliases=aliases).faults]
    assert lines[0].startswith(f"{toml}:2: camera.fps, got 0")
    assert lines[1].startswith(f"{toml}:3: camera.width_px")
    toml.write_text("[camera]\nrate = 10\nfps = 10\n")
    (twice,) = check_all(toml, {}, {}, aliases=aliases).faults
    assert "camera.fps is there twice" in str(twice.error)


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\n\n[b]\n# c = 1\nc = 1\n", ("b", "c"), 5),
        ("camera.fps = 1\nbroker . url = 2\n", ("broker", "url"), 2),
        ('"camera".fps = 1\n["broker"]\n\'url\' = 2\n', ("broker", "url"), 3),
        ('[a]\nb = """\n[c]\nd = 1\n"""\n[c]\nd = 1\n', ("c", "d"), 7),
        ("[a]\nb = '''\nc = \"\n'''\nc = 1\n", ("a", "c"), 5),
        ('[a]\nb = "# \\" = ["\nc = 1\n', ("a", "c"), 3),
        ("[a]\nb = [\n  1, # ]\n  [2],\n]\nc = 1\n", ("a", "c"), 6),
        ("[a]\nb = { c = 1, d = 2 }\n", ("a", "b", "d"), 2),
        ("x = 1\ncamera = { fps = 0 }\n", ("camera", "fps"), 2),
        ("[[a]]\nb = 1\n", ("a", "0", "b"), 2),
        ("[[a]]\nb = 1\n[[a]]\n[c]\n[[ a ]]\nb = 1\n", ("a", "2", "b"), 6),
        ("x = 1\na = [{ b = 1 }, { b = 2 }]\n", ("a", "1", "b"), 2),
        ("[a.b] # [c]\nd = 1\n", ("a", "b"), 1),
        ("[a]\r\nb = 1\r\nc = 2\r\n", ("a", "c"), 3),
        ("[a]\nb = 2026-11-20T10:00:00Z\nc = 1", ("a", "c"), 3),
    ],
)
def test_a_key_is_found_in_its_line(text: str, path: tuple[str, ...], line: int) -> None:
    assert KeyLines(text).of(*path) == line
