"""Reads from the command line what to convert, on which pictures, and against which gate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from conversion.caffe.network import read_mean
from conversion.request.options import NetworkOptions, PictureOptions
from conversion.request.pictures import PictureSets, open_finder, read_sets
from conversion.request.recipe import Gate, Int8, read_recipe, recipe_names
from conversion.request.sources import Start, find_start, start_from
from conversion.verify.attributes import ATTRIBUTE_METRICS
from conversion.verify.comparison import Check
from conversion.verify.detection import DETECTION_METRICS
from edge.catalog.lookup import Catalog, open_catalog
from edge.catalog.manifest import Input, Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest
from edge.errors import ManifestError, UnknownModel, UsageError, explain
from edge.schemas.vocabulary import NAME_IN_WORDS, Name
from edge.sensor.types import Detection, Image
from edge.workbench.faces import FindFaces, nearest_centre
from edge.workbench.labelled.csv_file import read_labels
from edge.workbench.labelled.samples import Sample

LARGEST_SIDE_PX = 4096
OWN_ID = "own"


class Wanted(NamedTuple):
    """A network as the command line names it: a recipe, or the user's own files and the network they are like."""

    network: NetworkOptions
    recipe: str | None = None
    model_id: str | None = None
    size: str | None = None


class Chosen(NamedTuple):
    """What to convert, the gate it must pass, and how int8 is made."""

    start: Start
    gate: Gate
    int8: Int8


class Checked(NamedTuple):
    """What to compare on, and notes about the pictures for the user, one line each."""

    check: Check
    notes: tuple[str, ...]


def choose(wanted: Wanted) -> Chosen:
    """Find what to convert. Raises UsageError unless exactly one network is named, and what `find_start` raises."""
    if wanted.network.caffe and any(str(path).startswith("--") for path in wanted.network.caffe):
        got = " ".join(map(str, wanted.network.caffe))
        raise UsageError(explain("--caffe", got=got, expected="two files, PROTOTXT CAFFEMODEL"))
    named = {"RECIPE": wanted.recipe, "--caffe": wanted.network.caffe, "--onnx": wanted.network.onnx}
    if sum(each is not None for each in named.values()) != 1:
        got = " and ".join(name for name, each in named.items() if each is not None) or "nothing"
        expected = "one of RECIPE, --caffe PROTOTXT CAFFEMODEL or --onnx FILE"
        next_step = "`passerby convert recipes` lists the recipes"
        raise UsageError(explain("name one network to convert", got=got, expected=expected, next_step=next_step))
    catalog = open_catalog()
    return _by_recipe(wanted, wanted.recipe, catalog) if wanted.recipe is not None else _of_own_files(wanted, catalog)


def read_check(manifest: Manifest, gate: Gate, wanted: PictureOptions) -> Checked:
    """Read and cut the pictures.

    Raises UsageError where none are named, none are left to check on, or a flag has no effect; and what `read_sets`
    raises.
    """
    if not wanted.calibration:  # empty where the shell variable is not set
        next_step = "give --calibration TAR or FOLDER; pictures are never written out"
        raise UsageError(explain("pictures are missing: int8 and every check need some", next_step=next_step))
    if wanted.held_out < 1:
        next_step = "only pictures that calibration did not use show what int8 loses"
        raise UsageError(explain("--held-out", got=wanted.held_out, expected="1 or more", next_step=next_step))
    if manifest.crop is None:
        of = {"--labels": wanted.labels, "--detector": wanted.detector}
        _refuse(of, f"{manifest.id} is a detector: only attribute networks take labels, or need faces found first")
    samples = read_labels(wanted.labels, wanted.labels.stem) if wanted.labels else []
    labels = {sample.path: sample for sample in samples}
    find_faces = open_finder(wanted.detector) if wanted.detector else None
    if find_faces is not None and labels:
        find_faces = _labelled_face(find_faces)
    sets = read_sets(
        wanted.calibration, manifest, calibration=wanted.count, held_out=wanted.held_out, find_faces=find_faces
    )
    if not len(sets.held_out):
        got, next_step = f"{len(sets.calibration)} picture", "give at least two: one to calibrate on, one to check on"
        raise UsageError(explain("too few pictures", where=wanted.calibration, got=got, next_step=next_step))
    notes = (*sets.notes, *_unlabelled(sets, labels, wanted.labels)) if wanted.labels else sets.notes
    return Checked(Check({"calibration": sets.calibration, "held_out": sets.held_out}, gate, labels), notes)


def _by_recipe(wanted: Wanted, name: str, catalog: Catalog) -> Chosen:
    network = wanted.network
    _refuse({"--like": network.like, "--id": wanted.model_id}, "a recipe sets it; it is for --caffe and --onnx")
    if network.source is not None and not network.source.is_dir():
        what = "not a folder" if network.source.exists() else "no such folder"
        raise UsageError(explain(what, where="--from", got=network.source))
    found = read_recipe(name)
    start = find_start(found, catalog, network.source)
    if start.kind.startswith("openvino"):
        _refuse({"--mean": network.mean}, f"{found.id} starts from an IR, which already contains its mean")
    _need_measured(found.gate, start.manifest)
    return Chosen(_adapted(start, wanted), found.gate, found.int8)


def _need_measured(gate: Gate, manifest: Manifest) -> None:
    """Refuse a gate on a metric that no report has, before anything is built. Raises ManifestError."""
    known = DETECTION_METRICS if manifest.task == "detection" else ATTRIBUTE_METRICS
    for name in (*gate.least, *gate.most):
        if name not in known:
            where, expected = f"recipe {manifest.id}: gate", " | ".join(known)
            raise ManifestError(explain("not a metric that is measured", where=where, got=name, expected=expected))


def _of_own_files(wanted: Wanted, catalog: Catalog) -> Chosen:
    network, model_id = wanted.network, wanted.model_id or OWN_ID
    _refuse({"--from": network.source}, "it is the folder of a recipe's files; --caffe and --onnx name theirs")
    if network.like is None:
        next_step = "such as --like levi-hassner-age or --like yunet-2023mar; `passerby models list` shows all"
        raise UsageError(explain("--like is missing: it says which decoder reads the outputs", next_step=next_step))
    _need_name(model_id)
    manifest = _like(catalog, network.like)
    if network.caffe:
        start = start_from("caffe", network.caffe, manifest, model_id)
    elif network.onnx:
        start = start_from("onnx", (network.onnx,), manifest, model_id)
    return Chosen(_adapted(start, wanted), gate_like(manifest), Int8())


def _refuse(flags: Mapping[str, object], reason: str) -> None:
    """Refuse flags that were given and would change nothing: whoever gave them expects an effect."""
    given = [flag for flag, value in flags.items() if value is not None]
    if given:
        raise UsageError(explain(f"{' and '.join(given)} would have no effect: {reason}", next_step="leave it out"))


def _need_name(model_id: str) -> None:
    try:
        msgspec.convert(model_id, Name)
    except msgspec.ValidationError as error:
        raise UsageError(explain("--id", got=repr(model_id), expected=f"text {NAME_IN_WORDS}")) from error


def _labelled_face(find_faces: FindFaces) -> FindFaces:
    """Find only the face of a photograph that its label belongs to."""

    def find(image: Image) -> Sequence[Detection]:
        chosen = nearest_centre(find_faces(image), image)
        return [] if chosen is None else [chosen]

    return find


def _unlabelled(sets: PictureSets, labels: Mapping[str, Sample], file: Path) -> tuple[str, ...]:
    """A note on how many pictures have no label. Raises UsageError where none has one."""
    names = [*sets.calibration.names, *sets.held_out.names]
    missing = [name for name in names if name not in labels]
    if len(missing) == len(names):
        got, expected = f"such as {missing[0]}", f"paths such as {next(iter(labels), 'none: the file has no row')}"
        raise UsageError(explain("no picture has a label in this file", where=str(file), got=got, expected=expected))
    return (
        (f"{len(missing)} of {len(names)} pictures have no label in {file}, such as {missing[0]}",) if missing else ()
    )


def _like(catalog: Catalog, name: str) -> Manifest:
    path = Path(name)
    if path.name == MANIFEST:
        return read_manifest(path.resolve())
    try:
        return catalog.original(name)
    except UnknownModel as error:
        if len(path.parts) == 1 and not path.exists():
            raise
        expected = f"a network of the catalog, or the path of a {MANIFEST}"
        raise UsageError(explain("--like", got=name, expected=expected)) from error


def gate_like(manifest: Manifest) -> Gate:
    """The gate of the recipe with the manifest's id, else the task's default."""
    if manifest.id in recipe_names():
        return read_recipe(manifest.id).gate
    if manifest.task == "detection":
        return Gate(least={"recall": 0.98, "precision": 0.98})
    of_age = {"age_probs_mean": 0.006} if manifest.decoder == "adience" else {"age_years_mean": 0.5}
    return Gate(
        least={"gender_agreement": 0.98} if "gender" in manifest.gives else {},
        most=of_age if "age" in manifest.gives else {},
    )


def _adapted(start: Start, wanted: Wanted) -> Start:
    """The start with the mean and the size from the command line in place of the manifest's."""
    port = start.manifest.input
    if wanted.network.mean is not None:
        mean = read_mean(wanted.network.mean)
        port = msgspec.structs.replace(port, mean=mean[::-1] if port.colour == "RGB" else mean)
    if wanted.size is not None:
        width, height = _sides(wanted.size, port)
        if wanted.recipe is not None and not port.multiple_of_px and (width, height) != (port.width_px, port.height_px):
            expected = f"{port.width_px}x{port.height_px}, the only one that {start.manifest.id} has"
            raise UsageError(explain("--size", got=wanted.size, expected=expected))
        port = msgspec.structs.replace(port, width_px=width, height_px=height)
    beside = (wanted.network.mean,) if wanted.network.mean is not None else ()
    return Start(msgspec.structs.replace(start.manifest, input=port), start.kind, start.paths, beside)


def _sides(text: str, port: Input) -> tuple[int, int]:
    """Width and height in px. Raises UsageError."""
    step = port.multiple_of_px or 1
    found = re.fullmatch(r"(\d{1,9})x(\d{1,9})", text)
    sides = [int(side) for side in found.groups()] if found else []
    if not sides or any(side % step or not 0 < side <= LARGEST_SIDE_PX for side in sides):
        steps = f"multiples of {step} px" if step > 1 else "px"
        expected = (
            f"WIDTHxHEIGHT in {steps}, at most {LARGEST_SIDE_PX} a side, such as {port.width_px}x{port.height_px}"
        )
        raise UsageError(explain("--size", got=repr(text), expected=expected))
    return sides[0], sides[1]
