"""A name that a setting or a model set had goes on working, with one warning, and a program rewrites the file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edge.catalog.lookup import Catalog
from edge.errors import ConfigError
from edge.settings.aliases import ALIASES, renamed
from edge.settings.migration import BACKUP, Names, migrated, replace_file
from edge.settings.settings_file import Text, all_settings, load_settings

OLD = {"camera.rate": "camera.fps", "delivery.address": "broker.url", "delivery.ca": "broker.ca_file"}
NAMES = Names(OLD, {"models.set": {"small": "nano"}})
FILE = """\
# A kiosk.

[camera]
rate = 15  # asked of it
width_px = 640

[delivery]
# Where the events go.
address = "mqtt://192.0.2.7"

[models]
set = "small"
"""
TODAY = """\
# A kiosk.

[camera]
fps = 15  # asked of it
width_px = 640

[delivery]

[models]
set = "nano"

[broker]
# Where the events go.
url = "mqtt://192.0.2.7"
"""


def test_every_alias_leads_to_a_setting_that_is_there() -> None:
    names = {setting.name for setting in all_settings()}
    assert set(ALIASES.values()) <= names
    assert not set(ALIASES) & names


def test_an_earlier_name_works_in_file_environment_and_flag_with_one_warning_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "passerby.toml"
    file.write_text("[camera]\nrate = 15\n")
    environment = {"PASSERBY_DELIVERY__ADDRESS": "mqtt://192.0.2.7"}
    settings = load_settings(file, environment, {"delivery.ca": Text("ca.pem")}, aliases=OLD)
    assert (settings.camera.fps, settings.broker.url, settings.broker.ca_file) == (15, "mqtt://192.0.2.7", "ca.pem")
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition("; ")[0] for line in warned] == [
        f"{file}: camera.rate is called camera.fps now",
        "environment: delivery.address is called broker.url now",
        "command line: delivery.ca is called broker.ca_file now",
    ]


def test_a_later_source_wins_whatever_name_it_uses(tmp_path: Path) -> None:
    file = tmp_path / "passerby.toml"
    file.write_text("[camera]\nfps = 15\n")
    assert load_settings(file, {"PASSERBY_CAMERA__RATE": "20"}, aliases=OLD).camera.fps == 20


def test_both_names_in_one_file_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "passerby.toml"
    file.write_text("[camera]\nrate = 15\nfps = 20\n")
    with pytest.raises(ConfigError, match=r"camera\.fps is there twice, camera\.rate being its earlier name"):
        load_settings(file, aliases=OLD)


def test_an_earlier_name_of_a_model_set_works_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sets = '[sets.nano]\nversion = "1.0.0"\ndescription = "ours"\ndetector = "nano-face"\n[aliases]\nsmall = "nano"\n'
    (tmp_path / "sets.toml").write_text('schema = "passerby.sets/1"\n' + sets)
    catalog = Catalog(tmp_path, tmp_path / "none")
    assert [catalog.set_name("small"), catalog.set_name("small"), catalog.set_name("nano")] == ["nano"] * 3
    assert catalog.model_set("small").detector == "nano-face"
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "model set small is called nano now"
    ]


def test_a_file_is_rewritten_with_its_comments_and_order() -> None:
    assert migrated(FILE, NAMES, where="passerby.toml") == TODAY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[camera]\nrate=15", "[camera]\nfps=15"),
        ('models.set = "small"\ncamera.rate = 15\n', 'models.set = "nano"\ncamera.fps = 15\n'),
        ("[delivery]\naddress = \"a\"\n[broker]\nca_file = 'x'\n[camera]\n",
         "[delivery]\n[broker]\nca_file = 'x'\nurl = \"a\"\n[camera]\n"),
        ("[models]\ntargets = [\n  # first\n  \"ncs2\",\n]\nset = 'small'\n",
         "[models]\ntargets = [\n  # first\n  \"ncs2\",\n]\nset = 'nano'\n"),
        ("# rate = 15\n[camera]\r\nrate = 15\r\n", "# rate = 15\n[camera]\r\nfps = 15\r\n"),
        (TODAY, TODAY),
    ],
)  # fmt: skip
def test_however_it_is_written(before: str, after: str) -> None:
    assert migrated(before, NAMES, where="passerby.toml") == after


def test_what_a_program_cannot_rewrite_is_said() -> None:
    with pytest.raises(ConfigError, match=r"rename by hand: camera\.rate -> camera\.fps"):
        migrated("camera = { rate = 15 }\n", NAMES, where="passerby.toml")


def test_what_a_file_without_a_section_says_is_left_to_the_reader_of_settings() -> None:
    assert renamed({"camera": 3, "broker": {}}, OLD, where="file") == {"camera": 3, "broker": {}}


def test_a_file_is_replaced_whole_with_its_mode_and_what_it_was_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "passerby.toml"
    file.write_text(FILE)
    file.chmod(0o640)
    backup = replace_file(file, TODAY)
    assert (file.read_text(), backup.read_text()) == (TODAY, FILE)
    assert backup.name == f"passerby.toml{BACKUP}"
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["passerby.toml", "passerby.toml.bak"]
