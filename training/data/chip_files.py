"""From data sets to files of chips: detector, alignment, and a split that no person and no near-copy crosses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from edge.catalog.lookup import open_catalog
from edge.errors import BadInput, UsageError, explain
from edge.sensor.assemble import detector_score, open_networks
from edge.sensor.geometry import Points
from edge.sensor.types import Image
from edge.settings.settings import Attributes, Settings
from edge.workbench.faces import find_with, nearest_centre
from edge.workbench.labelled.csv_file import write_labels
from training.data.chips import Chips, FindLandmarks, join, make_chips, save_chips
from training.data.collection import Reading, need_distinct_names
from training.data.held_out import HeldOut, Parts, deal, need_places
from training.data.readers import open_photographs


@dataclass(frozen=True, slots=True)
class Wanted:
    """Addresses of data sets whose pictures are chips, and of data sets of photographs; what is held out, and where."""

    aligned: tuple[str, ...]
    photographs: tuple[str, ...]
    held_out: HeldOut


def write_chips(wanted: Wanted, out: Path, settings: Settings) -> Iterator[str]:
    """Write the chips and those held out; yields a line about each data set and file. Raises BadInput, UsageError."""
    need_places(out, wanted.held_out)
    sets = [open_photographs(each, aligned=True) for each in wanted.aligned]
    sets += [open_photographs(each) for each in wanted.photographs]
    if not sets:
        raise UsageError(explain("no data set given", expected="--aligned or --photographs"))
    need_distinct_names(sets)
    find = _finder(settings) if wanted.photographs else lambda image: None
    dealt, left_out = deal(sets, wanted.held_out)
    yield from left_out
    kept: dict[str, list[Chips]] = {"train": [], "held_out": []}
    for photographs, parts in zip(sets, dealt, strict=True):
        for name, samples in parts.items():
            reading = Reading(photographs, samples)
            chips, without = make_chips(reading, find)
            kept[name].append(chips)
            yield from reading.warnings
            yield f"{photographs.name}: {len(chips):,} faces for {name}, {without} photographs without a face"
        yield from _write_labels(photographs.name, parts, wanted.held_out)
    files = ((out, kept["train"]), (wanted.held_out.file, kept["held_out"]))
    for path, whole in [(path, _join(chips, path)) for path, chips in files if path is not None]:
        save_chips(whole, path)
        yield f"{path}: {len(whole):,} chips"


def _write_labels(name: str, parts: Parts, held_out: HeldOut) -> Iterator[str]:
    samples = parts.get("held_out")
    if samples and held_out.file is not None:
        path = held_out.file.with_name(f"{held_out.file.stem}-{name}.csv")
        write_labels(path, samples)
        yield f"{path}: labels of the held-out samples, as `passerby evaluate attributes --labels` reads them"


def _join(parts: Sequence[Chips], path: Path) -> Chips:
    whole = join(parts)
    if not len(whole):
        raise BadInput(explain("no face for this file in any photograph", where=str(path)))
    return whole


def _finder(settings: Settings) -> FindLandmarks:
    networks = open_networks(replace(settings, attributes=Attributes(enabled=False)), open_catalog())
    find_faces = find_with(networks.detector, detector_score(settings, networks))

    def find(image: Image) -> Points | None:
        face = nearest_centre(find_faces(image), image)
        return None if face is None else face.landmarks

    return find
