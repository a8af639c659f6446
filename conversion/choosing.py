"""What to convert, on which pictures and against which gate, from the words of the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from conversion.caffe.network import read_mean
from conversion.calibration import FindFaces, read_sets
from conversion.faces import open_finder
from conversion.recipe import Gate, Int8, read_recipe, recipe_names
from conversion.sources import Start, find_start, start_from
from conversion.verify.attributes import read_labels
from conversion.verify.verifying import Check
from edge.catalog.lookup import Catalog, open_catalog
from edge.catalog.manifests import MANIFEST, read_manifest
from edge.errors import UsageError, explain
from edge.manifest import Manifest
from edge.schemas.vocabulary import NAME_IN_WORDS

NAME = r"[a-z0-9][a-z0-9_-]{0,62}"


class Wanted(NamedTuple):
    """A network as the command line names it: a recipe, or one's own files and what they are like."""

    recipe: str | None = None
    caffe: tuple[Path, Path] | None = None
    onnx: Path | None = None
    like: str | None = None
    model_id: str = "own"
    mean: Path | None = None
    size: str | None = None
    folder: Path | None = None


class Chosen(NamedTuple):
    """What to convert, what it must reach, and how int8 is made."""

    start: Start
    gate: Gate
    int8: Int8


@dataclass(frozen=True, slots=True)
class PicturesWanted:
    """Which pictures, how many for calibration and how many others, their labels, and what finds the faces."""

    address: str | None
    count: int
    held_out: int
    labels: Path | None
    detector: str | None


def choose(wanted: Wanted) -> Chosen:
    """Find what is wanted. Raises UsageError unless one thing is named, and what finding its files raises."""
    if sum(each is not None for each in (wanted.recipe, wanted.caffe, wanted.onnx)) != 1:
        expected = "one of RECIPE, --caffe PROTOTXT CAFFEMODEL or --onnx FILE"
        next_step = "`passerby convert recipes` lists recipes"
        raise UsageError(explain("what to convert", expected=expected, next_step=next_step))
    catalog = open_catalog()
    if wanted.recipe is not None:
        found = read_recipe(wanted.recipe)
        return Chosen(_resized(find_start(found, catalog, wanted.folder), wanted), found.gate, found.int8)
    if wanted.like is None:
        next_step = "such as --like levi-hassner-age or --like yunet-2023mar; `passerby models list` shows all"
        raise UsageError(explain("--like is missing: it says which decoder reads the outputs", next_step=next_step))
    if not re.fullmatch(NAME, wanted.model_id):
        raise UsageError(explain("--id", got=repr(wanted.model_id), expected=f"text {NAME_IN_WORDS}"))
    manifest = _like(catalog, wanted.like)
    kind, files = ("caffe", wanted.caffe) if wanted.caffe else ("onnx", (cast(Path, wanted.onnx),))
    start = start_from(kind, files, manifest, wanted.model_id)  # type: ignore[arg-type]
    return Chosen(_resized(start, wanted), _gate_like(manifest), Int8())


def read_check(manifest: Manifest, gate: Gate, pictures: PicturesWanted) -> Check:
    """Read and cut the pictures. Raises UsageError where none are named, and what `read_sets` raises."""
    if pictures.address is None:
        next_step = "--calibration TAR or FOLDER; they are never written out"
        raise UsageError(explain("pictures are missing: int8 and every check need some", next_step=next_step))
    find_faces: FindFaces | None = open_finder(pictures.detector) if pictures.detector else None
    first, other = read_sets(
        pictures.address, manifest, calibration=pictures.count, held_out=pictures.held_out, find_faces=find_faces
    )
    sets = {"calibration": first} | ({"held_out": other} if len(other) else {})
    return Check(sets, gate, read_labels(pictures.labels) if pictures.labels else {})


def _like(catalog: Catalog, name: str) -> Manifest:
    path = Path(name)
    return read_manifest(path.resolve()) if path.name == MANIFEST else catalog.original(name)


def _gate_like(manifest: Manifest) -> Gate:
    """The gate of the recipe of that name, or the usual one of the task."""
    if manifest.id in recipe_names():
        return read_recipe(manifest.id).gate
    detects = manifest.task == "detection"
    return Gate(least={"recall": 0.98, "precision": 0.98} if detects else {"gender_agreement": 0.98})


def _resized(start: Start, wanted: Wanted) -> Start:
    """With the mean and the size that the command line names in place of the manifest's."""
    port = start.manifest.input
    if wanted.mean is not None:
        port = msgspec.structs.replace(port, mean=read_mean(wanted.mean))
    if wanted.size is not None:
        sides = re.fullmatch(r"(\d{1,4})x(\d{1,4})", wanted.size)
        step = port.multiple_of_px or 1
        if not sides or any(int(side) % step or not int(side) for side in sides.groups()):
            expected = f"WIDTHxHEIGHT, multiples of {step} px, such as 320x192"
            raise UsageError(explain("--size", got=wanted.size, expected=expected))
        port = msgspec.structs.replace(port, width_px=int(sides[1]), height_px=int(sides[2]))
    return Start(msgspec.structs.replace(start.manifest, input=port), start.kind, start.paths)
