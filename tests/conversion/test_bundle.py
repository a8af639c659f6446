"""A bundle is what the device loads: the same every time, whole, or refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conversion.bundle import read_written, write_bundle
from edge.catalog.files import sha256_of
from edge.catalog.install import import_model
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, ModelFile
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import ManifestError
from tests.places import MODELS

ID = "yunet-n-320"


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    """A folder as `convert run` leaves it, with files that only their sha256 matters of."""
    folder = tmp_path / "converted" / ID
    folder.mkdir(parents=True)
    files = []
    for name in ("net-int8.xml", "net-int8.bin"):
        (folder / name).write_bytes(name.encode() * 9)
        files.append(ModelFile(path=name, sha256=sha256_of(folder / name), size=(folder / name).stat().st_size))
    base = read_manifest(MODELS / ID / MANIFEST)
    manifest = msgspec.structs.replace(
        base,
        artefacts=(Artefact(kind="openvino-int8", files=tuple(files)),),
        metrics={"openvino_int8_recall": 0.99},
        made_from={"yunet.onnx": "0" * 64},
        made_with={"openvino": "2026.4.1"},
    )
    (folder / MANIFEST).write_text(write_manifest(manifest))
    (folder / "report.json").write_text("{}")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_holds_the_manifest_and_its_files_and_nothing_else(converted: Path, tmp_path: Path) -> None:
    bundle = write_bundle(converted, tmp_path / "out")
    assert sorted(contents(bundle)) == [MANIFEST, "net-int8.bin", "net-int8.xml"]
    manifest = read_manifest(bundle / MANIFEST)
    assert manifest == read_manifest(converted / MANIFEST)
    assert manifest.made_with == {"openvino": "2026.4.1"}


def test_the_same_folder_gives_the_same_bytes(converted: Path, tmp_path: Path) -> None:
    first = contents(write_bundle(converted, tmp_path / "one"))
    assert first == contents(write_bundle(converted, tmp_path / "two"))
    assert first == contents(write_bundle(converted, tmp_path / "two"))


def test_import_takes_it_with_its_manifest(converted: Path, tmp_path: Path) -> None:
    bundle = write_bundle(converted, tmp_path / "out")
    catalog = Catalog(MODELS, tmp_path / "models")
    for source in (bundle, bundle.parent):
        import_model(catalog, ID, source)
        located = catalog.locate(ID, ["openvino-int8"])
        assert located.place == "installed"
        assert located.manifest.metrics == {"openvino_int8_recall": 0.99}


def test_a_device_loads_the_folder_as_it_is(converted: Path, tmp_path: Path) -> None:
    write_bundle(converted, tmp_path / "out")
    assert Catalog(MODELS, tmp_path / "out").locate(ID).manifest.made_from


def test_what_no_conversion_wrote_is_said(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no manifest\.toml in this folder; give the folder that"):
        read_written(tmp_path)
    with pytest.raises(ManifestError, match=r"none: not a folder"):
        read_written(tmp_path / "none")


@pytest.mark.parametrize("harm", ["changed byte", "missing file", "link"])
def test_a_bundle_that_is_not_whole_is_refused(harm: str, converted: Path, tmp_path: Path) -> None:
    bundle = write_bundle(converted, tmp_path / "out")
    file = bundle / "net-int8.bin"
    if harm == "changed byte":
        file.write_bytes(file.read_bytes()[:-1] + b"!")
    else:
        file.unlink()
    if harm == "link":
        file.symlink_to(converted / "net-int8.bin")
    catalog = Catalog(MODELS, tmp_path / "models")
    with pytest.raises(ManifestError, match="the bundle is not whole; nothing was installed"):
        import_model(catalog, ID, bundle)
    assert not (tmp_path / "models" / ID).exists()


def test_a_path_that_leaves_the_folder_is_refused(converted: Path, tmp_path: Path) -> None:
    bundle = write_bundle(converted, tmp_path / "out")
    manifest = bundle / MANIFEST
    (tmp_path / "net-int8.bin").write_bytes((bundle / "net-int8.bin").read_bytes())
    manifest.write_text(manifest.read_text().replace("net-int8.bin", "../net-int8.bin"))
    with pytest.raises(ManifestError, match="path"):
        import_model(Catalog(MODELS, tmp_path / "models"), ID, bundle)


@pytest.mark.parametrize("harm", ["changed byte", "missing file", "no manifest"])
def test_a_folder_that_changed_since_the_conversion_gives_no_bundle(harm: str, converted: Path, tmp_path: Path) -> None:
    file = converted / (MANIFEST if harm == "no manifest" else "net-int8.xml")
    if harm == "changed byte":
        file.write_bytes(b"!" + file.read_bytes()[1:])
    else:
        file.unlink()
    with pytest.raises(ManifestError):
        write_bundle(converted, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
