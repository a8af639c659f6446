"""From data sets to files of scenes: labels, teachers, and a split that no person and no near-copy crosses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.catalog.lookup import open_catalog
from edge.config import Settings
from edge.errors import BadInput, UsageError, explain
from training.data.box_readers import open_boxed
from training.data.boxes import BoxedPhotographs, LabelledFace
from training.data.collection import Collection, need_distinct_names
from training.data.held_out import HeldOut, need_places
from training.data.readers import open_photographs
from training.data.samples import Sample
from training.data.scenes import SceneFile, save_scenes
from training.data.splits import group, hash_photographs, split
from training.data.storage import decode
from training.data.teachers import Teacher, open_teachers, teach

TEACHERS = ("best", "yunet-n", "retail")
"""Model sets whose detectors teach where the command line names none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Addresses of data sets with boxes, and of photographs that teachers label; who is held out, into which file."""

    boxed: tuple[str, ...]
    photographs: tuple[str, ...]
    teachers: tuple[str, ...]
    held_out: HeldOut


@dataclass(frozen=True, slots=True)
class _Set:
    photographs: Collection
    labels: Mapping[str, Sequence[LabelledFace]] | None


def write_scenes(wanted: Wanted, out: Path, settings: Settings) -> Iterator[str]:
    """Write the scenes, and those held out; gives a line about each data set and file. Raises BadInput, UsageError."""
    need_places(out, wanted.held_out)
    sets = [_boxed(open_boxed(each)) for each in wanted.boxed]
    sets += [_Set(open_photographs(each), None) for each in wanted.photographs]
    if not sets:
        raise UsageError(explain("no data set given", expected="--boxes or --photographs"))
    need_distinct_names([each.photographs for each in sets])
    kept: dict[str, list[SceneFile]] = {"train": [], "held_out": []}
    with open_teachers(wanted.teachers or TEACHERS, settings, open_catalog()) as teachers:
        for each in sets:
            for name, samples in _split(each.photographs, wanted).items():
                files = [file for sample in samples if (file := _make(each, sample, teachers)) is not None]
                kept[name] += files
                yield f"{each.photographs.name}: {_count(files)} for {name}, {len(samples) - len(files)} not readable"
    for path, files in ((out, kept["train"]), (wanted.held_out.file, kept["held_out"])):
        if path is not None:
            save_scenes(files, path)
            yield f"{path}: {_count(files)}"


def _boxed(found: BoxedPhotographs) -> _Set:
    return _Set(found.photographs, found.faces)


def _split(photographs: Collection, wanted: Wanted) -> Mapping[str, Sequence[Sample]]:
    if wanted.held_out.file is None:
        return {"train": photographs.samples}
    samples, hashes, _ = hash_photographs(photographs)
    shares = {"train": 1 - wanted.held_out.share, "held_out": wanted.held_out.share}
    return split(samples, group(samples, hashes), shares, wanted.held_out.seed)


def _make(each: _Set, sample: Sample, teachers: Sequence[Teacher]) -> SceneFile | None:
    storage = each.photographs.storage
    try:
        image = decode(storage, sample.path)
    except BadInput:
        return None  # counted by the caller
    labels = None if each.labels is None else each.labels[sample.path]
    return SceneFile(
        storage.read(sample.path), teach(image, labels, teachers), labels is not None, each.photographs.name
    )


def _count(files: Sequence[SceneFile]) -> str:
    faces = [face for file in files for face in file.faces]
    return f"{len(files):,} pictures with {sum(not face.ignored for face in faces):,} faces"
