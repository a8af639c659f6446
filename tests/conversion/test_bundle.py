"""A conversion's folder and its bundle: the same every time, and there whole or not at all; a refusal says why."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import pytest

from conversion.bundle import read_written, write_bundle, writing_aside
from edge.catalog.files import sha256_of
from edge.catalog.install import import_model
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, ModelFile
from edge.catalog.manifest_file import MANIFEST, read_manifest, write_manifest
from edge.errors import BadInput, ManifestError, UsageError
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


def fill(out: Path, error: Exception | None = None) -> None:
    with writing_aside(out, "net") as staging:
        (staging / "net.onnx").write_bytes(b"1")
        if error is not None:
            raise error


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    for error in (BadInput("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fill(tmp_path / "deep" / "out", error)  # type: ignore[arg-type]
        assert list(tmp_path.iterdir()) == []


def test_folders_that_were_there_or_hold_something_stay(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(BadInput):
        fill(there, BadInput("no"))
    assert list(tmp_path.iterdir()) == [there]
    fill(tmp_path / "deep" / "out")
    assert (tmp_path / "deep" / "out" / "net" / "net.onnx").read_bytes() == b"1"


def test_a_file_in_the_way_is_said() -> None:
    with pytest.raises(UsageError, match="a file has the name of a folder: give another folder with --out"):
        fill(Path(__file__))
    with pytest.raises(UsageError, match="a file has the name of a folder"):
        fill(Path(__file__) / "out")


def test_a_place_that_takes_no_folders_is_said() -> None:
    with pytest.raises(UsageError, match=r"^/proc/out: cannot be written \(No such file or directory\); give another"):
        fill(Path("/proc/out"))
    with pytest.raises(UsageError, match=r"^/sys/out: cannot be written \(.*\); you may not write there"):
        fill(Path("/sys/out"))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "free some space there and in the temporary folder"),
        (errno.EROFS, "you may not write there"),
        (errno.EIO, "give another folder"),
    ],
)
def test_what_helps_depends_on_what_the_system_says(number: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        fill(tmp_path / "out", OSError(number, "reason", str(tmp_path / "out" / "net.onnx")))
    assert ("free some space" in str(caught.value)) == (number == errno.ENOSPC)
