"""Settings: TOML, then environment, then flags; what is wrong is said in one line with the way out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.settings.settings import Broker, Camera, Identity, Models, Settings
from edge.settings.settings_file import Setting, Text, all_settings, load_settings, to_toml

NAMES = {setting.name: setting for setting in all_settings()}
BOUNDED = [setting for setting in NAMES.values() if " to " in setting.range]


def complaint(
    file: Path | None = None, environment: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None
) -> str:
    """The one line that is said of wrong settings."""
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environment, {name: Text(value) for name, value in (flags or {}).items()})
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.exit_code == 2
    return line


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "passerby.toml"


def test_nothing_said_gives_the_defaults() -> None:
    assert load_settings() == Settings()


def test_file_then_environment_then_flags_each_later_one_wins(toml: Path) -> None:
    toml.write_text('[camera]\nsource = "file.mp4"\nfps = 10\nwidth_px = 640\n')
    environment = {"PASSERBY_CAMERA__FPS": "15", "PASSERBY_CAMERA__SOURCE": "1", "PATH": "/usr/bin"}
    camera = load_settings(toml, environment, {"camera.source": Text("2")}).camera
    assert camera == Camera(source="2", fps=15.0, width_px=640)


def test_folders_in_the_environment_are_no_settings() -> None:
    folders = {"PASSERBY_STATE": "/a", "PASSERBY_MODELS": "/b", "PASSERBY_SHARED": "/c"}
    assert load_settings(None, folders) == Settings()


def test_a_flag_that_was_not_given_changes_nothing(toml: Path) -> None:
    toml.write_text("[camera]\nfps = 10\n")
    assert load_settings(toml, {}, {"camera.fps": None}).camera.fps == 10


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("camera.realtime", "true", True),
        ("camera.realtime", "false", False),
        ("camera.rotation_deg", "90", 90),
        ("camera.fps", "12.5", 12.5),
        ("camera.source", "0", "0"),
        ("broker.protocol", "5", "5"),
        ("broker.protocol", "3.1.1", "3.1.1"),
        ("models.targets", "opencv:CPU, openvino:CPU", ("opencv:CPU", "openvino:CPU")),
        ("publish.events", "visit", ("visit",)),
        ("pause.open_hours", "", ()),
        ("pause.open_hours", "[]", ()),
    ],
)
def test_text_of_environment_and_flags_becomes_what_the_setting_is(name: str, text: str, value: object) -> None:
    section, key = name.split(".")
    by_flag = load_settings(None, {}, {name: Text(text)})
    by_environment = load_settings(None, {f"PASSERBY_{section}__{key}".upper(): text})
    assert by_flag == by_environment
    assert getattr(getattr(by_flag, section), key) == value


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("camera.sourc", "camera.source"),
        ("brokr.url", "broker.url"),
        ("tracking.max_gap", "tracking.max_gap_s"),
        ("camera.url", "broker.url"),  # the right key in the wrong section
    ],
)
def test_an_unknown_key_names_the_nearest(toml: Path, key: str, nearest: str) -> None:
    section, name = key.split(".")
    toml.write_text(f'[{section}]\n{name} = "x"\n')
    for line, where in [
        (complaint(toml), str(toml)),
        (complaint(None, {f"PASSERBY_{section}__{name}".upper(): "x"}), "environment"),
        (complaint(None, {}, {key: "x"}), "command line"),
    ]:
        assert line == f"{where}: unknown setting {key}; did you mean {nearest}?"


def test_a_key_outside_any_section_names_where_it_belongs(toml: Path) -> None:
    toml.write_text('source = "0"\n')
    assert "unknown setting source; did you mean camera.source?" in complaint(toml)


def test_a_key_like_no_other_says_how_to_list_them(toml: Path) -> None:
    toml.write_text('[zzz]\nqqqqqqq = "x"\n')
    assert complaint(toml).endswith("`passerby config schema` lists every key")


@pytest.mark.parametrize("setting", BOUNDED, ids=lambda setting: setting.name)
def test_both_ends_of_a_range_are_in_it_and_what_is_beyond_is_not(setting: Setting) -> None:
    low, high = (float(end) for end in setting.range.split(" to "))
    for end in (low, high):
        shown = str(int(end)) if setting.type == "whole number" else repr(end)
        kept = load_settings(None, {}, {setting.name: Text(shown)})
        assert getattr(getattr(kept, setting.section), setting.key) == end
    step = 1 if setting.type == "whole number" else (high - low) / 1000
    for beyond in (low - step, high + step):
        shown = str(int(beyond)) if setting.type == "whole number" else repr(beyond)
        line = complaint(None, {}, {setting.name: shown})
        expected = " ".join(word for word in (setting.type, setting.range, setting.unit) if word)
        assert line == f"command line: {setting.name}, got {shown!r}, expected {expected}"


@pytest.mark.parametrize("setting", BOUNDED, ids=lambda setting: setting.name)
def test_a_number_that_is_none_is_refused(setting: Setting) -> None:
    for wrong in ("nan", "inf", "-inf", "many", ""):
        assert setting.name in complaint(None, {}, {setting.name: wrong})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[camera]\nfps = '30'", "expected number 0.1 to 240 frames/s"),
        ("[camera]\nwidth_px = 640.5", "expected whole number 160 to 4096 px"),
        ("[camera]\nrealtime = 1", "expected true or false"),
        ("[camera]\nsource = 0", "expected text"),
        ("[camera]\nrotation_deg = 45", "expected choice 0 | 90 | 180 | 270 degrees"),
        ("[camera]\nfps = true", "expected number"),
        ("[camera]\nsource = 2026-11-20", "expected text"),
        ("[models]\ntargets = 'openvino:CPU'", "expected list"),
        ("[models]\ntargets = []", "expected list"),
        ("[models]\ntargets = ['openvino:cpu']", "openvino:CPU"),
        ("[identity]\nsite = 'Berlin Hbf'", "expected text of 1-63 lower-case letters, digits, - and _"),
        ("[broker.url]\nhost = 'x'", "broker.url"),
    ],
)
def test_a_wrong_type_or_word_says_what_is_expected(toml: Path, line: str, expected: str) -> None:
    toml.write_text(line + "\n")
    said = complaint(toml)
    assert said.startswith(f"{toml}: ")
    assert "got " in said
    assert expected in said


@pytest.mark.parametrize("content", [b"[camera\n", b"[camera]\nfps = \n", b"\xff\xfe[camera]", b"[camera]\n[camera]\n"])
def test_a_file_that_is_no_toml_is_refused(toml: Path, content: bytes) -> None:
    toml.write_bytes(content)
    assert complaint(toml).startswith(f"{toml}: not valid TOML: ")


@pytest.mark.parametrize("name", ["identity.site", "broker.topic_prefix", "broker.client_id", "camera.source"])
def test_a_line_end_in_a_text_is_refused(toml: Path, name: str) -> None:
    """A pattern's `$` lets one pass, and a broker hangs up on such a topic."""
    section, key = name.split(".")
    toml.write_text(f'[{section}]\n{key} = "ab\\n"\n')
    for line in (complaint(toml), complaint(None, {}, {name: Text("ab\n")})):
        assert "no line end, no control character" in line


@pytest.mark.parametrize("name", ["M\u00fcller\u00a0Hbf.mp4", "M\udcfcller.mp4", "caf\u00e9 \u202f.mp4", "\U0001f4f7"])
def test_any_other_character_may_stand_in_a_text(name: str) -> None:
    """A no-break space and a file name that is not UTF-8 are not control characters."""
    assert load_settings(None, {}, {"camera.source": Text(name)}).camera.source == name


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\x00", "\x1f", "\x7f"])
def test_every_control_character_is_refused(character: str) -> None:
    assert "no control character" in complaint(None, {}, {"camera.source": f"a{character}b"})


def test_a_mark_that_editors_put_first_is_no_mistake(toml: Path) -> None:
    toml.write_bytes(b"\xef\xbb\xbf" + b'[identity]\nsite = "there"\n')
    assert load_settings(toml, {}).identity.site == "there"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.toml") == f"{tmp_path}/none.toml: cannot be read (No such file or directory)"
    assert complaint(tmp_path) == f"{tmp_path}: cannot be read (Is a directory)"


def test_an_empty_file_is_fine(toml: Path) -> None:
    toml.write_text("")
    assert load_settings(toml) == Settings()


@pytest.mark.parametrize("setting", NAMES.values(), ids=lambda setting: setting.name)
def test_every_setting_is_described_with_unit_or_choice_and_range(setting: Setting) -> None:
    assert setting.what.endswith("."), "a sentence"
    if setting.type in ("number", "whole number"):
        assert setting.unit
        assert setting.range
    elif setting.type in ("choice", "list"):
        assert " | " in setting.range
    else:
        assert setting.type in ("text", "true or false")
        assert not setting.unit


@pytest.mark.parametrize("comments", [False, True])
def test_defaults_as_toml_are_read_back_the_same(toml: Path, comments: bool) -> None:
    toml.write_text(to_toml(Settings(), comments=comments))
    assert load_settings(toml) == Settings()
    assert ("# " in toml.read_text()) is comments


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    source=PLAIN,
    username=PLAIN,
    fps=st.floats(0.1, 240),
    width_px=st.integers(160, 4096),
    realtime=st.booleans(),
    targets=st.lists(st.sampled_from(["openvino:CPU", "opencv:CPU", "fake:CPU"]), min_size=1, max_size=3),
)
def test_any_settings_survive_toml(
    source: str, username: str, fps: float, width_px: int, realtime: bool, targets: list[str]
) -> None:
    camera = Camera(source=source, fps=fps, width_px=width_px, realtime=realtime)
    models = msgspec.convert({"targets": targets}, Models)
    settings = Settings(camera=camera, models=models, broker=Broker(username=username), identity=Identity(site="a-b_9"))
    assert msgspec.toml.decode(to_toml(settings), type=Settings) == settings
    assert msgspec.toml.decode(to_toml(settings, comments=True), type=Settings) == settings


def test_a_variable_with_one_underscore_is_told_its_right_name() -> None:
    with pytest.raises(ConfigError, match="PASSERBY_BROKER_URL; write PASSERBY_BROKER__URL"):
        load_settings(environment={"PASSERBY_BROKER_URL": "mqtt://x"})
