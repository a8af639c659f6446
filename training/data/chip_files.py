"""From data sets to files of chips: detector, alignment, and a split that no person and no near-copy crosses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from edge.assemble import detector_score, open_networks
from edge.catalog.lookup import open_catalog
from edge.config import Attributes, Settings
from edge.detection.finding import find_with
from edge.errors import UsageError, explain
from edge.geometry import Points
from edge.types import Image
from training.data.chips import Chips, FindLandmarks, join, make_chips, save_chips
from training.data.collection import Reading, need_distinct_names
from training.data.faces import nearest_centre
from training.data.held_out import HeldOut, need_places
from training.data.readers import open_photographs
from training.data.samples import Photographs
from training.data.splits import group, hash_photographs, split
from training.data.tar_csv import write_labels


@dataclass(frozen=True, slots=True)
class Wanted:
    """Addresses of data sets whose pictures are chips, and of photographs; who is held out, into which file."""

    aligned: tuple[str, ...]
    photographs: tuple[str, ...]
    held_out: HeldOut


def write_chips(wanted: Wanted, out: Path, settings: Settings) -> Iterator[str]:
    """Write the chips, and those held out; gives a line about each data set and file. Raises BadInput, UsageError."""
    need_places(out, wanted.held_out)
    sets = [open_photographs(each, aligned=True) for each in wanted.aligned]
    sets += [open_photographs(each) for each in wanted.photographs]
    if not sets:
        raise UsageError(explain("no data set given", expected="--aligned or --photographs"))
    need_distinct_names(sets)
    find = _finder(settings) if wanted.photographs else lambda image: None
    kept: dict[str, list[Chips]] = {"train": [], "held_out": []}
    for photographs in sets:
        for name, reading in _split(photographs, wanted):
            if name == "held_out" and wanted.held_out.file is not None:
                labels = wanted.held_out.file.with_name(f"{wanted.held_out.file.stem}-{photographs.name}.csv")
                write_labels(labels, reading.samples)
                yield f"{labels}: labels of who is held out, as `passerby evaluate attributes --labels` reads them"
            chips, without = make_chips(reading, find)
            kept[name].append(chips)
            yield from reading.warnings
            yield f"{photographs.name}: {len(chips):,} faces for {name}, {without} photographs without a face"
    for path, parts in ((out, kept["train"]), (wanted.held_out.file, kept["held_out"])):
        if path is not None:
            save_chips(join(parts), path)
            yield f"{path}: {sum(map(len, parts)):,} chips"


def _split(photographs: Photographs, wanted: Wanted) -> Sequence[tuple[str, Reading]]:
    if wanted.held_out.file is None:
        return [("train", Reading(photographs))]
    samples, hashes, _ = hash_photographs(photographs)
    shares = {"train": 1 - wanted.held_out.share, "held_out": wanted.held_out.share}
    parts = split(samples, group(samples, hashes), shares, wanted.held_out.seed)
    return [(name, Reading(photographs, part)) for name, part in parts.items()]


def _finder(settings: Settings) -> FindLandmarks:
    networks = open_networks(replace(settings, attributes=Attributes(enabled=False)), open_catalog())
    find_faces = find_with(networks.detector, detector_score(settings, networks))

    def find(image: Image) -> Points | None:
        face = nearest_centre(find_faces(image), image)
        return None if face is None else face.landmarks

    return find
