"""From a run to a network's folder: the float ONNX file and the manifest that describes its inputs and outputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge.catalog.manifest import Artefact, Crop, Input, Manifest, ModelFile
from edge.catalog.manifest_file import MANIFEST, write_manifest
from edge.files import write_folder
from edge.workbench.faces import TEMPLATE
from training.attributes.config import TrainingConfig
from training.attributes.trained import load_network
from training.runs.export import INPUT, export_onnx

OUTPUTS = {"age": "age", "gender": "gender"}


def export_run(run: Path, out: Path) -> Path:
    """Write `out/<id>` with `<id>.onnx` and its manifest; run: a run's folder or a weights file.

    The same weights give the same bytes. Raises BadInput if there are no weights, UsageError if `out` cannot be
    written.
    """
    network, config = load_network(run)
    side, name = config.network.input_px, f"{config.card.id}.onnx"
    content = export_onnx(network, (side, side), tuple(OUTPUTS))
    folder = out / config.card.id
    write_folder(folder, {name: content, MANIFEST: write_manifest(describe(config, name, content)).encode()})
    return folder


def describe(config: TrainingConfig, name: str, content: bytes) -> Manifest:
    """The manifest of an exported network whose ONNX file has this name and content."""
    card, network = config.card, config.network
    file = ModelFile(path=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return Manifest(
        schema="passerby.manifest/1",
        id=card.id,
        version=card.version,
        task="attributes",
        description=card.description,
        licence=card.licence,
        source=card.source,
        training_data=card.training_data,
        artefacts=(Artefact(kind="onnx", files=(file,)),),
        input=Input(name=INPUT, width_px=network.input_px, height_px=network.input_px),
        decoder="age101",
        outputs=OUTPUTS,
        crop=Crop(align="landmarks", template=TEMPLATE, margin=network.margin),
        gives=("age", "gender"),
    )
