"""Turns a network's files into its core, its float reference, and the manifest that its artefacts will share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import onnx

from conversion.artefacts.job import Core
from conversion.artefacts.openvino import TARGET, read_network
from conversion.caffe.convert import convert_caffe
from conversion.onnx.core import make_core, pin
from conversion.onnx.model_file import data_files, read_model
from conversion.request.sources import Start
from conversion.verify.comparison import need_readable
from conversion.verify.networks import Network, narrow
from edge.catalog.files import sha256_of
from edge.catalog.manifest import Artefact, Input, Manifest, ModelFile
from edge.catalog.manifest_file import problem_of
from edge.errors import ManifestError, explain
from edge.schemas.vocabulary import ArtefactKind
from edge.sensor.inference.openvino import import_openvino


@dataclass(frozen=True, slots=True)
class Prepared:
    """What builders and checks need. `manifest` describes the artefacts to be built: uint8 NHWC BGR in."""

    core: Core
    reference: Network
    manifest: Manifest


def prepare(start: Start, scratch: Path) -> Prepared:
    """Read the network, make its core and its reference in the scratch folder.

    Raises BadInput where the network cannot be read, rewritten or shown to be equal, or where its decoder cannot read
    its outputs; ManifestError where its manifest is not complete.
    """
    prepared = _prepare(msgspec.structs.replace(start.manifest, made_from=made_from(start)), start, scratch)
    need_readable(prepared.reference)
    return prepared


def made_from(start: Start) -> dict[str, str]:
    """Names and sha256 of all files that decide the outputs: the network's own, its weights' and its mean's."""
    data = data_files(start.paths[0]) if start.kind == "onnx" else ()
    paths = sorted((*start.paths, *data, *start.beside))
    names = [path.name for path in paths]
    return {
        path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}": sha256_of(path)
        for path in paths
    }


def _prepare(manifest: Manifest, start: Start, scratch: Path) -> Prepared:
    if start.kind == "caffe":
        return _from_caffe(manifest, start.paths, scratch)
    if start.kind == "onnx":
        return _from_onnx(manifest, read_model(start.paths[0]), start.paths[0], scratch)
    return _from_ir(manifest, start.paths[0], scratch)


def describe(kind: ArtefactKind, paths: Sequence[Path]) -> Artefact:
    """Files (the one that the runtime opens first) as an artefact of a manifest."""
    files = tuple(ModelFile(path=each.name, sha256=sha256_of(each), size=each.stat().st_size) for each in paths)
    return Artefact(kind=kind, files=files)


def taking_pictures(wanted: Input) -> Input:
    """The input after baking: the same picture as bytes, uint8 NHWC BGR 0-255."""
    return Input(
        name=wanted.name,
        width_px=wanted.width_px,
        height_px=wanted.height_px,
        multiple_of_px=wanted.multiple_of_px,
        colour="BGR",
        layout="NHWC",
        dtype="uint8",
        resize=wanted.resize,
    )


def _from_caffe(manifest: Manifest, paths: Sequence[Path], scratch: Path) -> Prepared:
    prototxt, caffemodel = sorted(paths, key=lambda path: path.suffix != ".prototxt")
    converted = convert_caffe(prototxt, caffemodel)
    if converted.heads is None:
        prepared = _from_onnx(manifest, converted.model, prototxt, scratch)
        # OpenCV recognises the two by their suffixes, and the files may have others: `deploy.prototxt.txt`.
        linked = [scratch / "reference.prototxt", scratch / "reference.caffemodel"]
        for link, path in zip(linked, (prototxt, caffemodel), strict=True):
            link.symlink_to(path.resolve())
        reference = Network(narrow(manifest, describe("caffe", linked)), scratch)
        return Prepared(prepared.core, reference, prepared.manifest)
    heads = converted.heads
    outputs = {"boxes": heads.boxes, "scores": heads.scores}
    changed = msgspec.structs.replace(manifest, decoder="ssd-heads", priors=heads.priors, outputs=outputs)
    return _from_onnx(changed, converted.model, prototxt, scratch)


def _from_onnx(manifest: Manifest, model: onnx.ModelProto, where: Path, scratch: Path) -> Prepared:
    _need_complete(manifest)
    names = manifest.tensor_names()
    core_path, reference_path = scratch / "core.onnx", scratch / "reference.onnx"
    onnx.save(make_core(model, manifest.input, names, str(where)), str(core_path))
    onnx.save(pin(model, manifest.input, names, str(where)), str(reference_path))
    fixed = msgspec.structs.replace(manifest.input, colour="BGR", mean=(0.0, 0.0, 0.0), scale=1.0)
    return Prepared(
        Core(core_path, fixed, names),
        Network(narrow(manifest, describe("onnx", [reference_path])), scratch),
        msgspec.structs.replace(manifest, input=taking_pictures(manifest.input)),
    )


def _from_ir(manifest: Manifest, path: Path, scratch: Path) -> Prepared:
    _need_complete(manifest)
    ov = import_openvino(TARGET)
    core = Core(path, manifest.input, manifest.tensor_names())
    reference_path = scratch / "reference.xml"
    ov.save_model(read_network(ov, core), reference_path, compress_to_fp16=False)
    ready = msgspec.structs.replace(manifest, input=taking_pictures(manifest.input))
    files = describe("openvino-fp16", [reference_path, reference_path.with_suffix(".bin")])
    return Prepared(core, Network(narrow(ready, files), scratch), ready)


def _need_complete(manifest: Manifest) -> None:
    problem = problem_of(manifest)
    if problem:
        raise ManifestError(explain(problem, where=manifest.id))
