"""Recipes: complete, and their files are found in a folder, in the catalog or at their address."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from conversion.choice import Wanted, choose
from conversion.request.options import NetworkOptions
from conversion.request.recipe import FOLDER, Recipe, SourceFile, manifest_of, read_recipe, recipe_names, start_files
from conversion.request.sources import find_start, start_from
from edge.catalog.lookup import Catalog
from edge.errors import BadInput, ManifestError, ModelNotFound, UsageError
from tests.models.own_networks import own_networks
from tests.pictures.clips import serve
from tests.places import MODELS

METRICS = {
    "detection": {"recall", "precision", "mean_iou"},
    "attributes": {"age_probs_mean", "gender_probs_mean", "age_years_mean", "gender_agreement", "age_mae_change",
                   "gender_points_lost"},
}  # fmt: skip


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(MODELS, tmp_path / "none-installed")


@pytest.mark.parametrize("name", recipe_names())
def test_a_carried_recipe_is_complete(name: str, catalog: Catalog) -> None:
    recipe = read_recipe(name)
    manifest = manifest_of(recipe, catalog)
    assert recipe.id == name == manifest.id
    assert start_files(recipe, manifest)
    wanted = {*recipe.gate.least, *recipe.gate.most}
    assert wanted, "a gate that asks for nothing"
    assert wanted <= METRICS[manifest.task]


@pytest.mark.parametrize("name", recipe_names())
def test_files_of_others_have_an_address_and_those_with_a_sha256_a_size(name: str) -> None:
    for file in read_recipe(name).files:
        assert file.url.startswith("https://") != (name in own_networks())
        assert bool(file.sha256) == bool(file.size)


def test_the_networks_that_people_ask_for_have_recipes() -> None:
    promised = {"levi-hassner-age", "levi-hassner-gender", "ultraface-rfb-320", "ultraface-slim-320", "yunet-2023mar",
                "yunet-n-320", "yunet-n-640", "res10-caffe", "googlenet-age", "googlenet-gender",
                "age-gender-recognition-retail-0013"}  # fmt: skip
    assert promised <= set(recipe_names())


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match="did you mean yunet-2023mar"):
        read_recipe("yunet-2023mars")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ('[[files]]\npath = "/abs/x.onnx"', "path"),
        (f'[[files]]\npath = "x.onnx"\nsha256 = "{"0" * 64}"', "sha256 and size belong together"),
        ('[[files]]\npath = "x.onnx"\n[[files]]\npath = "y.onnx"', "number of files, got 2, expected 1"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(files: str, said: str, catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    head = 'schema = "passerby.recipe/1"\nid = "own"\nmodel = "yunet-n-320"\nstart = ["onnx"]\ngate = {}\n'
    file.write_text(f"{head}{files}\n")
    with pytest.raises(ManifestError, match=said):
        find_start(read_recipe(str(file)), catalog, tmp_path)


def test_a_gate_of_what_nobody_measures_is_refused_before_any_work(tmp_path: Path) -> None:
    text = (FOLDER / "nano-face.toml").read_text()
    (tmp_path / "own.toml").write_text(text.split("[gate")[0] + "[gate.least]\nrecal = 0.98\n")
    source = MODELS / "nano-face"
    with pytest.raises(ManifestError, match=r"not a metric that is measured, got recal, expected faces \| recall"):
        choose(Wanted(NetworkOptions(source=source), recipe=str(tmp_path / "own.toml")))


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text((FOLDER / "yunet-n-320.toml").read_text() + "\n[gates]\nrecall = 1\n")
    with pytest.raises(ManifestError, match="gates"):
        read_recipe(str(file))


def test_a_recipe_changes_only_what_it_names(catalog: Catalog) -> None:
    base, changed = catalog.manifest("levi-hassner-age"), manifest_of(read_recipe("googlenet-age"), catalog)
    assert changed.input.mean == (104, 117, 123)
    assert (changed.input.colour, changed.crop, changed.taxonomy) == (base.input.colour, base.crop, base.taxonomy)


WEIGHTS = b"weights of a network"


def recipe_of(url: str = "", sha256: str = hashlib.sha256(WEIGHTS).hexdigest()) -> Recipe:
    file = SourceFile(path="own.onnx", sha256=sha256, size=len(WEIGHTS) if sha256 else 0, url=url)
    return msgspec.structs.replace(read_recipe("yunet-n-320"), id="own", files=(file,))


def test_a_folder_is_searched_by_sha256_whatever_the_file_is_called(catalog: Catalog, tmp_path: Path) -> None:
    there = tmp_path / "deep" / "other-name.bin"
    there.parent.mkdir()
    there.write_bytes(WEIGHTS)
    start = find_start(recipe_of(), catalog, tmp_path)
    assert (start.kind, start.paths) == ("onnx", (there,))


def test_a_file_of_the_right_name_and_another_content_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(b"other")
    with pytest.raises(ManifestError, match="use --caffe or --onnx"):
        find_start(recipe_of(), catalog, tmp_path)


def test_a_file_of_unknown_sha256_is_found_by_name_in_a_folder_only(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="--from FOLDER"):
        find_start(recipe_of("https://there.invalid/own.onnx", sha256=""), catalog, None)
    (tmp_path / "own.onnx").write_bytes(b"anything")
    assert find_start(recipe_of(sha256=""), catalog, tmp_path).paths == (tmp_path / "own.onnx",)


def test_of_several_files_of_a_name_none_is_guessed(catalog: Catalog, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.onnx").write_bytes(folder.encode())
    with pytest.raises(BadInput, match=r"several files called own\.onnx"):
        find_start(recipe_of(sha256=""), catalog, tmp_path)


def test_a_cache_that_cannot_be_written_is_named(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match=r"^/proc/none: cannot be written .*PASSERBY_CACHE.*--from FOLDER"):
        find_start(recipe_of("https://there.invalid/own.onnx"), catalog, None, Path("/proc/none"))


def test_a_file_is_downloaded_checked_and_kept(catalog: Catalog, tmp_path: Path) -> None:
    with serve({"/own.onnx": ("application/octet-stream", WEIGHTS, len(WEIGHTS))}) as (address, visited):
        for _ in range(2):
            (path,) = find_start(recipe_of(f"{address}/own.onnx"), catalog, None, tmp_path).paths
            assert path.read_bytes() == WEIGHTS
        assert visited == ["/own.onnx"]


def test_an_address_that_serves_something_else_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    page = {"/own.onnx": ("text/html", b"moved to another place", None)}
    with serve(page) as (address, _), pytest.raises(ManifestError, match=r"this is not own\.onnx"):
        find_start(recipe_of(f"{address}/own.onnx"), catalog, None, tmp_path)


def test_ones_own_file_that_is_missing_is_named(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        start_from("onnx", [tmp_path / "none.onnx"], catalog.manifest("yunet-n-320"), "own")
