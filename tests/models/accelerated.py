"""A models folder with a detector that has files for accelerators: YuNet's own file under all names.

The scripted worker never reads them; whoever does must take what is there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from edge.catalog.files import sha256_of
from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, ModelFile
from edge.catalog.manifest_file import write_manifest
from edge.schemas.vocabulary import ArtefactKind
from tests.places import MODELS

HW = (192, 320)
CELLS = {8: 24 * 40, 16: 12 * 20, 32: 6 * 10}
OUTPUTS = {
    f"{word}_{stride}": (1, cells, numbers)
    for stride, cells in CELLS.items()
    for word, numbers in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items()
}
"""Shapes of YuNet's outputs at 320x192."""
SETS = """
schema = "passerby.sets/1"

[sets.accelerated]
version = "1.0.0"
description = "A detector alone."
detector = "accelerated"
"""


def install(folder: Path, shared: Path, *, compiled: bool = True, **changes: object) -> Catalog:
    """A catalog with the set `accelerated`, whose detector has artefacts `coral`, `ncs2` and `onnx`."""
    located = Catalog(MODELS, Path("/nowhere"), [shared / "models"]).locate("yunet-2023mar", ["onnx"])
    model = folder / "accelerated"
    model.mkdir(parents=True)
    original = located.folder / located.manifest.artefacts[0].files[0].path
    for name in ("net.onnx", "net-ncs2.onnx"):
        shutil.copyfile(original, model / name)
    (model / "net_edgetpu.tflite").write_bytes(b"edgetpu-custom-op" if compiled else b"an ordinary file")
    manifest = msgspec.structs.replace(
        located.manifest,
        id="accelerated",
        artefacts=(
            describe(model / "net_edgetpu.tflite", "coral"),
            describe(model / "net.onnx", "onnx"),
            describe(model / "net-ncs2.onnx", "ncs2"),
        ),
        **changes,
    )
    (model / "manifest.toml").write_text(write_manifest(manifest))
    (folder / "sets.toml").write_text(SETS)
    return Catalog(MODELS, folder)


def describe(file: Path, kind: ArtefactKind) -> Artefact:
    """An artefact of one file."""
    return Artefact(kind=kind, files=(ModelFile(path=file.name, sha256=sha256_of(file), size=file.stat().st_size),))
