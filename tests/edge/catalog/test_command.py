"""`passerby models` as a person and a program use it, on a models folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge.cli.models import app
from edge.errors import ModelNotFound, UsageError
from tests.places import MODELS

Command = Callable[..., Result]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def passerby_models(models: Path) -> Command:
    environment = {"PASSERBY_MODELS": str(models), "PASSERBY_SHARED": str(models / "nothing")}
    return lambda *words: CliRunner().invoke(app, list(words), env=environment)


def test_list_tells_programs_networks_sets_and_where_files_are(passerby_models: Command) -> None:
    listed = json.loads(passerby_models("list", "--json").stdout)
    places = {model["id"]: model["place"] for model in listed["models"]}
    assert places["yunet-2023mar"] is None
    assert places["haar-frontalface"] == "found"  # OpenCV carries it
    assert listed["sets"]["best"]["detector"] == "yunet-2023mar"


def test_list_and_show_tell_people(passerby_models: Command) -> None:
    assert "age-gender-recognition-retail-0013" in passerby_models("list").stdout
    assert "face_detection_yunet_2023mar.onnx (232589 bytes)" in passerby_models("show", "yunet-2023mar").stdout


def test_show_tells_programs_the_manifest(passerby_models: Command) -> None:
    shown = json.loads(passerby_models("show", "yunet-2023mar", "--json").stdout)
    assert shown["thresholds"]["score"] == 0.5
    assert shown["place"] is None


def test_an_import_is_verified_and_a_change_is_seen(passerby_models: Command, models: Path, shared: Path) -> None:
    imported = passerby_models("import", "yunet-2023mar", "--from", str(shared / "models"))
    assert imported.exit_code == 0, imported.output
    assert str(models / "yunet-2023mar") in imported.stdout
    assert json.loads(passerby_models("verify", "--json").stdout)[0]["verdict"] == "right"
    (models / "yunet-2023mar" / "face_detection_yunet_2023mar.onnx").write_bytes(b"changed")
    changed = passerby_models("verify", "yunet-2023mar")
    assert changed.exit_code == 1
    assert "wrong: 7 bytes, expected 232589 bytes" in " ".join(changed.stdout.split())
    listed = json.loads(passerby_models("list", "--json").stdout)["models"]
    assert next(model["place"] for model in listed if model["id"] == "yunet-2023mar") == "wrong"


def test_networks_read_in_place_are_verified_too(shared: Path, tmp_path: Path) -> None:
    environment = {"PASSERBY_MODELS": str(tmp_path), "PASSERBY_SHARED": str(shared)}
    verified = CliRunner().invoke(app, ["verify", "yunet-2023mar", "--json"], env=environment)
    assert verified.exit_code == 0, verified.output
    (row,) = json.loads(verified.stdout)
    assert row["verdict"] == "right"
    assert row["file"].startswith(str(shared))


def test_random_weights_are_called_untrained(passerby_models: Command, models: Path, shared: Path) -> None:
    source = str(shared / "models" / "levi-hassner")
    drawn = passerby_models("import", "levi-hassner-gender", "--from", source, "--random-weights", "7")
    assert drawn.exit_code == 0, drawn.output
    shown = json.loads(passerby_models("show", "levi-hassner-gender", "--json").stdout)
    assert shown["random_weights_seed"] == 7
    assert shown["place"] == "installed"
    assert "untrained" in passerby_models("list").stdout


def test_random_weights_are_for_caffe_networks_only(passerby_models: Command, models: Path, shared: Path) -> None:
    refused = passerby_models("import", "yunet-2023mar", "--from", str(shared), "--random-weights", "7")
    assert isinstance(refused.exception, UsageError)


@pytest.mark.parametrize("words", [("verify", "yunet-2023mar"), ("show", "nothing"), ("import", "x", "--from", ".")])
def test_what_is_not_there_ends_with_an_error_of_its_own(passerby_models: Command, words: tuple[str, ...]) -> None:
    assert isinstance(passerby_models(*words).exception, ModelNotFound)


def test_fetch_without_an_address_names_the_other_way(passerby_models: Command, models: Path) -> None:
    folder = models / "mine"
    folder.mkdir(parents=True)
    carried = MODELS / "yunet-2023mar" / "manifest.toml"
    lines = [line for line in carried.read_text().splitlines() if not line.startswith("url")]
    (folder / "manifest.toml").write_text("\n".join(lines).replace('id = "yunet-2023mar"', 'id = "mine"'))
    refused = passerby_models("fetch", "mine").exception
    assert isinstance(refused, ModelNotFound)
    assert "passerby models import mine --from FOLDER" in str(refused)


def test_ensure_installs_what_the_configured_set_lacks_and_leaves_the_rest(
    passerby_models: Command, models: Path, shared: Path
) -> None:
    words = ("ensure", "--from", str(shared / "models"), "--set", "models.set=best")
    first, second = passerby_models(*words), passerby_models(*words)

    assert first.exit_code == second.exit_code == 0, first.output
    assert "yunet-2023mar: installed in" in first.stdout
    assert all(line.endswith(": is here") for line in second.stdout.splitlines())
    assert [path.name for path in models.iterdir() if not path.name.startswith(".")] == ["yunet-2023mar"]


def test_ensure_says_which_network_the_folder_lacks(passerby_models: Command, tmp_path: Path) -> None:
    refused = passerby_models("ensure", "--from", str(tmp_path), "--set", "models.set=best")

    assert refused.exit_code != 0
    assert "yunet" in str(refused.exception)
