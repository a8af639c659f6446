"""The catalog on small made-up networks: what is read, what is refused, what is installed and what is left behind."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.catalog.install import check_model, find_files, import_model, install
from edge.catalog.lookup import Catalog, open_catalog
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import as_test_model, read_manifest, read_sets, write_manifest
from edge.errors import BadInput, ManifestError, ModelNotFound, UnknownModel, UsageError
from tests.places import ROOT

CONTENT = {"net.xml": b"<net/>" * 100, "net.bin": bytes(range(256)) * 10, "net.onnx": b"onnx" * 50}


def a_file(name: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), **more}


def a_manifest(**changes: Any) -> dict[str, Any]:
    found_as = {"found_as": ["lab/FP16/the-net.xml"]}
    manifest = {
        "schema": "passerby.manifest/1",
        "id": "net",
        "version": "1.0",
        "task": "detection",
        "description": 'A "test" network, with a \\ and an ü.',
        "licence": "MIT",
        "source": "here",
        "training_data": "none",
        "artefacts": [
            {
                "kind": "openvino-int8",
                "files": [
                    a_file("net.xml", CONTENT["net.xml"], **found_as),
                    a_file("net.bin", CONTENT["net.bin"], found_as=["lab/FP16/the-net.bin"]),
                ],
            },
            {"kind": "onnx", "files": [a_file("net.onnx", CONTENT["net.onnx"])]},
        ],
        "input": {"name": "data", "width_px": 320, "height_px": 192, "mean": [1.5, 2, 3], "scale": 0.0078125},
        "decoder": "ssd",
        "outputs": {"detections": "detection_out"},
        "thresholds": {"score": 0.5, "low_score": 0.3, "nms_iou": 0.3},
        "metrics": {"ap50": 0.9},
    }
    return manifest | changes


def put_manifest(folder: Path, **changes: Any) -> Path:
    manifest = msgspec.convert(a_manifest(**changes), Manifest)
    file = folder / "net" / "manifest.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(write_manifest(manifest))
    return file


def put_files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or CONTENT:
        (folder / name).write_bytes(CONTENT[name])
    return folder


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    put_manifest(tmp_path / "carried")
    return Catalog(tmp_path / "carried", tmp_path / "installed", [tmp_path / "raw"])


def test_a_manifest_survives_being_written_and_read(tmp_path: Path) -> None:
    file = put_manifest(tmp_path)
    assert read_manifest(file) == msgspec.convert(a_manifest(), Manifest)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "other"}, "id: got other, expected the folder's name net"),
        ({"thresholds": None}, "thresholds: missing"),
        ({"thresholds": {"score": 0.3, "low_score": 0.5, "nms_iou": 0.3}}, "thresholds.low_score"),
        ({"decoder": "omz"}, "decoder: got omz"),
        ({"task": "attributes"}, "decoder: got ssd"),
        ({"task": "attributes", "decoder": "omz"}, "gives: empty"),
        ({"task": "attributes", "decoder": "omz", "gives": ["age"]}, "outputs.age: missing"),
        ({"task": "attributes", "decoder": "omz", "gives": ["age"], "outputs": {"age": "a"}}, "crop: missing"),
        (
            {
                "task": "attributes",
                "decoder": "omz",
                "gives": ["age"],
                "outputs": {"age": "a"},
                "crop": {"align": "landmarks"},
            },
            "crop.template",
        ),
        ({"artefacts": [{"kind": "onnx", "files": [a_file("x", b"x"), a_file("x", b"y")]}]}, "x is named 2 times"),
        ({"artefacts": [{"kind": "onnx", "files": [a_file("x", b"x", found_as=["../x"])]}]}, "../x leaves the folder"),
        ({"artefacts": [{"kind": "onnx", "files": [a_file("x", b"x", found_as=["/x"])]}]}, "/x leaves the folder"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused_with_file_and_key(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    file = put_manifest(tmp_path, **changes)
    with pytest.raises(ManifestError) as refused:
        read_manifest(file)
    assert str(file) in str(refused.value)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"', "license"),
        ('"path" = "net.xml"', '"path" = "../net.xml"', "$.artefacts[0].files[0].path"),
        ('"path" = "net.xml"', '"path" = "a/net.xml"', "$.artefacts[0].files[0].path"),
        ('"path" = "net.xml"', '"path" = ".."', "$.artefacts[0].files[0].path"),
        ("width_px", "width", "$.input"),
        ('version = "1.0"', 'version = "1.0', "line"),
    ],
)
def test_a_manifest_that_is_not_of_the_schema_is_refused_with_file_and_key(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    file = put_manifest(tmp_path)
    assert was in file.read_text()
    file.write_text(file.read_text().replace(was, becomes))
    with pytest.raises(ManifestError, match=r"net/manifest\.toml") as refused:
        read_manifest(file)
    assert says in str(refused.value)


def test_unreadable_bytes_and_a_missing_file_are_manifest_errors(tmp_path: Path) -> None:
    (tmp_path / "sets.toml").write_bytes(b"\xff\xfe")
    for name in ("sets.toml", "nothing.toml"):
        with pytest.raises(ManifestError, match=name):
            read_sets(tmp_path / name)


def test_an_unknown_network_or_set_names_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(UnknownModel, match="did you mean net") as unknown:
        catalog.manifest("nett")
    assert unknown.value.exit_code == 2
    (catalog.carried / "sets.toml").write_text(
        'schema = "passerby.sets/1"\n[sets.best]\nversion = "1"\ndescription = ""\ndetector = "net"\n'
    )
    assert catalog.model_set("best").detector == "net"
    with pytest.raises(UnknownModel, match="expected best"):
        catalog.model_set("nano")


def test_nothing_installed_says_what_is_missing_and_how_to_get_it(catalog: Catalog) -> None:
    with pytest.raises(ModelNotFound) as missing:
        catalog.locate("net")
    assert "net.xml + net.bin or net.onnx" in str(missing.value)
    assert "passerby models import net --from FOLDER" in str(missing.value)
    assert missing.value.exit_code == 3


def test_files_beside_the_carried_manifest_are_used_in_place(catalog: Catalog) -> None:
    put_files(catalog.carried / "net", "net.onnx")
    located = catalog.locate("net")
    assert located.place == "carried"
    assert [artefact.kind for artefact in located.manifest.artefacts] == ["onnx"]
    assert (located.folder / "net.onnx").read_bytes() == CONTENT["net.onnx"]


def test_installed_files_go_before_carried_ones(catalog: Catalog) -> None:
    put_files(catalog.carried / "net")
    put_files(catalog.installed / "net", "net.onnx")
    assert catalog.locate("net").folder == catalog.installed / "net"


def test_only_the_artefacts_asked_for_are_located(catalog: Catalog) -> None:
    put_files(catalog.installed / "net")
    assert [a.kind for a in catalog.locate("net", {"onnx"}).manifest.artefacts] == ["onnx"]
    with pytest.raises(ModelNotFound, match="expected one of tflite-int8"):
        catalog.locate("net", {"tflite-int8"})


def test_a_folder_of_others_is_read_in_place_under_its_own_names(catalog: Catalog, tmp_path: Path) -> None:
    raw = tmp_path / "raw" / "lab" / "FP16"
    raw.mkdir(parents=True)
    for name in ("net.xml", "net.bin"):
        (raw / f"the-{name}").write_bytes(CONTENT[name])
    located = catalog.locate("net")
    assert located.place == "found"
    files = located.manifest.artefacts[0].files
    assert [(located.folder / file.path).read_bytes() for file in files] == [CONTENT["net.xml"], CONTENT["net.bin"]]
    assert not catalog.installed.exists()


def test_a_wrong_file_in_a_folder_of_others_is_passed_over(catalog: Catalog, tmp_path: Path) -> None:
    put_files(tmp_path / "raw", "net.onnx")
    (tmp_path / "raw" / "net.onnx").write_bytes(b"O" + CONTENT["net.onnx"][1:])
    with pytest.raises(ModelNotFound):
        catalog.locate("net")


def test_a_wrong_installed_file_does_not_hide_the_right_one_that_is_carried(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    for root, content in ((catalog.installed, b"of an earlier release"), (catalog.carried, CONTENT["net.onnx"])):
        (root / "net").mkdir(parents=True, exist_ok=True)
        (root / "net" / "net.onnx").write_bytes(content)
    assert catalog.locate("net", ["onnx"]).place == "carried"
    assert "taking the one that the package carries" in caplog.text


@pytest.mark.parametrize("wrong", [b"short", b"O" + CONTENT["net.onnx"][1:]])
def test_an_installed_file_that_was_changed_is_refused(catalog: Catalog, wrong: bytes) -> None:
    put_files(catalog.installed / "net", "net.onnx")
    (catalog.installed / "net" / "net.onnx").write_bytes(wrong)
    with pytest.raises(ManifestError, match=r"this is not net\.onnx, got .*, expected 200 bytes with sha256"):
        catalog.locate("net")
    assert [bool(check.fault) for check in check_model(catalog, catalog.manifest("net"))] == [True]


def test_import_finds_files_by_content_whatever_they_are_called(catalog: Catalog, tmp_path: Path) -> None:
    source = tmp_path / "from" / "deep" / "er"
    source.mkdir(parents=True)
    (source / "a").write_bytes(CONTENT["net.xml"])
    (tmp_path / "from" / "b").write_bytes(CONTENT["net.bin"])
    (tmp_path / "from" / "net.bin").write_bytes(bytes(len(CONTENT["net.bin"])))
    folder = import_model(catalog, "net", tmp_path / "from")
    assert sorted(path.name for path in folder.iterdir()) == ["net.bin", "net.xml"]
    assert catalog.locate("net").place == "installed"
    assert all(not check.fault for check in check_model(catalog, catalog.manifest("net")))


def test_import_again_changes_nothing_and_a_later_import_adds(catalog: Catalog, tmp_path: Path) -> None:
    folder = import_model(catalog, "net", put_files(tmp_path / "a", "net.onnx"))
    before = folder.stat().st_ino
    assert import_model(catalog, "net", tmp_path / "a").stat().st_ino == before
    import_model(catalog, "net", put_files(tmp_path / "b", "net.xml", "net.bin"))
    assert sorted(path.name for path in folder.iterdir()) == ["net.bin", "net.onnx", "net.xml"]


def test_import_keeps_the_manifest_of_somebodys_own_network(tmp_path: Path) -> None:
    own = Catalog(tmp_path / "carried", tmp_path / "installed")
    manifest = put_manifest(own.installed)

    import_model(own, "net", put_files(tmp_path / "source"))

    assert manifest.is_file()
    assert own.locate("net").place == "installed"


def test_import_repairs_a_file_that_was_changed(catalog: Catalog, tmp_path: Path) -> None:
    folder = import_model(catalog, "net", put_files(tmp_path / "from"))
    (folder / "net.onnx").write_bytes(b"broken")
    import_model(catalog, "net", tmp_path / "from")
    assert all(not check.fault for check in check_model(catalog, catalog.manifest("net")))


def test_a_wrong_file_is_refused_and_nothing_is_installed(catalog: Catalog, tmp_path: Path) -> None:
    source = put_files(tmp_path / "from", "net.xml", "net.bin")
    (source / "net.bin").write_bytes(b"truncated")
    with pytest.raises(ManifestError, match=r"net\.bin: this is not net\.bin, got 9 bytes, expected 2560 bytes") as no:
        import_model(catalog, "net", source)
    assert "nothing was installed" in str(no.value)
    assert not catalog.installed.exists()


def test_a_folder_without_the_files_says_which_are_missing(catalog: Catalog, tmp_path: Path) -> None:
    source = put_files(tmp_path / "from", "net.xml")
    with pytest.raises(ModelNotFound, match=r"missing net\.bin, expected net\.xml of 600 bytes, net\.bin of 2560"):
        import_model(catalog, "net", source)
    with pytest.raises(BadInput, match="not a folder"):
        import_model(catalog, "net", source / "net.xml")


def test_a_models_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    put_manifest(tmp_path / "carried")
    (tmp_path / "file").write_text("")
    catalog = Catalog(tmp_path / "carried", tmp_path / "file" / "models")
    with pytest.raises(UsageError, match=r"cannot be written .*set PASSERBY_MODELS"):
        import_model(catalog, "net", put_files(tmp_path / "from"))


IMPORT = """
import sys
from pathlib import Path
from edge.catalog.install import import_model
from edge.catalog.lookup import Catalog
root = Path(sys.argv[1])
import_model(Catalog(root / "carried", root / "installed"), "net", root / "from")
"""


@pytest.mark.process
@pytest.mark.parametrize("moment", range(5))
def test_a_killed_import_leaves_no_half_and_the_next_one_cleans_up(tmp_path: Path, moment: int) -> None:
    big = os.urandom(1 << 20) * 24
    put_manifest(tmp_path / "carried", artefacts=[{"kind": "onnx", "files": [a_file("net.onnx", big)]}])
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "net.onnx").write_bytes(big)
    installed = tmp_path / "installed"
    process = subprocess.Popen([sys.executable, "-c", IMPORT, str(tmp_path)], cwd=ROOT)
    while process.poll() is None and _bytes_staged(installed) < moment * len(big) // 4:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    catalog = Catalog(tmp_path / "carried", installed)
    if (installed / "net").exists():
        assert catalog.locate("net").place == "installed"
    else:
        with pytest.raises(ModelNotFound):
            catalog.locate("net")
    assert catalog.ids() == ["net"]
    import_model(catalog, "net", tmp_path / "from")
    assert sorted(path.name for path in installed.iterdir()) == [".lock", "net"]


def _bytes_staged(installed: Path) -> int:
    return sum(path.stat().st_size for path in installed.glob(".net.*/net.onnx")) if installed.exists() else -1


def test_a_folder_moved_aside_by_a_killed_installation_comes_back(catalog: Catalog, tmp_path: Path) -> None:
    folder = import_model(catalog, "net", put_files(tmp_path / "a", "net.onnx"))
    folder.rename(folder.with_name(".net.aside"))
    import_model(catalog, "net", put_files(tmp_path / "b", "net.xml", "net.bin"))
    assert sorted(path.name for path in folder.iterdir()) == ["net.bin", "net.onnx", "net.xml"]


def test_a_test_model_says_that_it_is_untrained_until_the_real_one_comes(catalog: Catalog, tmp_path: Path) -> None:
    random = tmp_path / "net.onnx"
    random.write_bytes(b"random")
    digest = hashlib.sha256(b"random").hexdigest()
    model = as_test_model(catalog.manifest("net"), "net.onnx", sha256=digest, size=6, seed=7)
    assert [artefact.kind for artefact in model.artefacts] == ["onnx"]
    install(catalog, model, {model.artefacts[0].files[0]: random}, override=True)
    assert catalog.locate("net").manifest.random_weights_seed == 7
    import_model(catalog, "net", put_files(tmp_path / "from", "net.onnx"))
    assert catalog.locate("net").manifest.random_weights_seed is None


def test_two_files_of_equal_size_are_told_apart(tmp_path: Path) -> None:
    put_manifest(
        tmp_path, artefacts=[{"kind": "onnx", "files": [a_file("one", b"1111"), a_file("two", b"2222")]}]
    )  # both under the other's name
    (tmp_path / "one").write_bytes(b"2222")
    (tmp_path / "two").write_bytes(b"1111")
    manifest = read_manifest(tmp_path / "net" / "manifest.toml")
    found = find_files(list(manifest.artefacts[0].files), tmp_path)
    assert {file.path: path.name for file, path in found.items()} == {"one": "two", "two": "one"}


@pytest.mark.process
def test_the_catalog_of_this_machine_needs_no_arrays() -> None:
    code = "import sys, edge.catalog.fetch; assert not {'numpy', 'cv2', 'typer', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_catalog_of_this_machine_carries_the_default_set() -> None:
    catalog = open_catalog({})
    assert catalog.model_set("best").detector in catalog.ids()
