"""From data sets to files of scenes: labels, teachers, and a split that no person and no near-copy crosses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.catalog.lookup import open_catalog
from edge.errors import UsageError, explain
from edge.sensor.types import Image
from edge.settings.settings import Settings
from edge.workbench.labelled.samples import Sample
from training.data.box_readers import open_boxed
from training.data.boxes import BoxedPhotographs, LabelledFace, keep_inside
from training.data.collection import Collection, LeftOut, Reading, need_distinct_names
from training.data.held_out import HeldOut, deal, need_places
from training.data.readers import open_photographs
from training.data.scenes import SceneFile, save_scenes
from training.data.teachers import Teacher, open_teachers, teach

TEACHERS = ("best", "yunet-n", "retail")
"""Model sets whose detectors are the teachers by default."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Addresses of data sets with boxes, and of photographs that teachers label; what is held out, and where."""

    boxed: tuple[str, ...]
    photographs: tuple[str, ...]
    teachers: tuple[str, ...]
    held_out: HeldOut


@dataclass(frozen=True, slots=True)
class _Set:
    photographs: Collection
    labels: Mapping[str, Sequence[LabelledFace]] | None


def write_scenes(wanted: Wanted, out: Path, settings: Settings) -> Iterator[str]:
    """Write the scenes and those held out; yields a line about each data set and file. Raises BadInput, UsageError."""
    need_places(out, wanted.held_out)
    sets = [_boxed(open_boxed(each)) for each in wanted.boxed]
    sets += [_Set(open_photographs(each), None) for each in wanted.photographs]
    if not sets:
        raise UsageError(explain("no data set given", expected="--boxes or --photographs"))
    need_distinct_names([each.photographs for each in sets])
    kept: dict[str, list[SceneFile]] = {"train": [], "held_out": []}
    with open_teachers(wanted.teachers or TEACHERS, settings, open_catalog()) as teachers:
        dealt, left_out = deal([each.photographs for each in sets], wanted.held_out)
        yield from left_out
        for each, parts in zip(sets, dealt, strict=True):
            for name, samples in parts.items():
                reading = Reading(each.photographs, samples)
                outside = LeftOut()
                files = [_make(each, sample, image, teachers, outside) for sample, image in reading]
                kept[name] += files
                yield from (*reading.warnings, *outside.lines(each.photographs.name))
                yield f"{each.photographs.name}: {_count(files)} for {name}"
    for path, files in ((out, kept["train"]), (wanted.held_out.file, kept["held_out"])):
        if path is not None:
            save_scenes(files, path)
            yield f"{path}: {_count(files)}"


def _boxed(found: BoxedPhotographs) -> _Set:
    return _Set(found.photographs, found.faces)


def _make(each: _Set, sample: Sample, image: Image, teachers: Sequence[Teacher], outside: LeftOut) -> SceneFile:
    content = each.photographs.storage.read(sample.path)
    labels = None if each.labels is None else keep_inside(each.labels[sample.path], image, sample.path, outside)
    return SceneFile(content, teach(image, labels, teachers), labels is not None, sample.dataset)


def _count(files: Sequence[SceneFile]) -> str:
    faces = [face for file in files for face in file.faces]
    return f"{len(files):,} pictures with {sum(not face.ignored for face in faces):,} faces"
