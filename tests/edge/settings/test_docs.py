"""The kept pages about settings are what `make docs` writes, and `passerby config` says the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from edge.cli.config import app, settings_markdown
from edge.errors import ConfigError, UsageError
from edge.settings.settings import Settings
from edge.settings.settings_file import all_settings, load_settings, to_toml, zone_settings
from tests.places import ROOT

pytestmark = pytest.mark.contract


def test_the_kept_page_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_markdown(), "run `make docs`"


def test_the_kept_passerby_toml_is_whole_commented_and_says_the_defaults() -> None:
    kept = ROOT / "systemd" / "passerby.toml"
    assert kept.read_text() == to_toml(Settings(), comments=True), "run `make docs`"
    assert load_settings(kept) == Settings()


def test_make_docs_writes_those_two() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "passerby config schema --markdown > docs/settings.md" in makefile
    assert "passerby config show --defaults --comments > systemd/passerby.toml" in makefile


def test_the_page_has_a_row_for_every_setting_with_as_many_cells_as_its_head() -> None:
    rows = [line.replace("\\|", "") for line in settings_markdown().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [setting.key for setting in [*all_settings(), *zone_settings()]]
    assert {row.count("|") for row in rows} == {5}


def test_the_commands_print_exactly_the_kept_pages() -> None:
    schema = CliRunner().invoke(app, ["schema", "--markdown"])
    shown = CliRunner().invoke(app, ["show", "--defaults", "--comments"])
    assert schema.stdout == (ROOT / "docs" / "settings.md").read_text()
    assert shown.stdout == (ROOT / "systemd" / "passerby.toml").read_text()


def test_schema_lists_every_setting_in_a_line() -> None:
    listed = CliRunner().invoke(app, ["schema"]).stdout.splitlines()
    assert [line.split(" = ")[0] for line in listed] == [*(setting.name for setting in all_settings()), "zones"]
    assert (
        "camera.fps = 30.0  # Rate asked of a camera; rate of raw video (.h264, .mjpeg). (number 0.1 to 240 frames/s)"
        in listed
    )


def test_schema_is_toml_that_says_the_defaults(tmp_path: Path) -> None:
    toml = tmp_path / "passerby.toml"
    toml.write_text(CliRunner().invoke(app, ["schema"]).stdout)
    assert load_settings(toml) == Settings()


def test_types_and_ranges_are_written_as_in_toml() -> None:
    forms = {setting.name: setting.form for setting in all_settings()}
    assert forms["camera.realtime"] == "true or false"
    assert forms["camera.rotation_deg"] == "choice 0 | 90 | 180 | 270 degrees"
    assert forms["privacy.minors"] == 'choice "band" | "drop" | "unknown"'
    assert forms["publish.events"] == 'list of "aggregate" | "live" | "visit"'
    assert '| `source` | `"0"` | text |' in settings_markdown()


def test_show_prints_the_settings_in_force(tmp_path: Path) -> None:
    toml = tmp_path / "passerby.toml"
    toml.write_text("[camera]\nfps = 10\nwidth_px = 640\n")
    words = ["show", "--config", str(toml), "--set", "camera.width_px=800", "--json"]
    shown = CliRunner().invoke(app, words, env={"PASSERBY_CAMERA__HEIGHT_PX": "600"})
    camera = msgspec.json.decode(shown.stdout, type=Settings).camera
    assert (camera.fps, camera.width_px, camera.height_px) == (10, 800, 600)
    as_toml = CliRunner().invoke(app, ["show", "--config", str(toml)])
    assert msgspec.toml.decode(as_toml.stdout, type=Settings).camera.fps == 10


def test_show_defaults_are_the_defaults_whatever_the_environment_says() -> None:
    shown = CliRunner().invoke(app, ["show", "--defaults"], env={"PASSERBY_CAMERA__FPS": "5"})
    assert msgspec.toml.decode(shown.stdout, type=Settings) == Settings()


def test_check_says_ok_or_what_is_wrong(tmp_path: Path) -> None:
    toml = tmp_path / "passerby.toml"
    toml.write_text(to_toml(Settings()))
    assert CliRunner().invoke(app, ["check", str(toml)]).stdout == f"{toml}: ok\n"
    toml.write_text("[camera]\nfps = 0\n")
    refused = CliRunner().invoke(app, ["check", str(toml)])
    assert isinstance(refused.exception, ConfigError)
    assert refused.stdout == ""


@pytest.mark.parametrize("words", ["camera.fps", "fps=3", "a.b.c=3", "=3"])
def test_an_override_that_is_none_is_refused(words: str) -> None:
    refused = CliRunner().invoke(app, ["show", "--set", words])
    assert isinstance(refused.exception, UsageError)
    assert f"got {words}, expected SECTION.KEY=VALUE" in str(refused.exception)
