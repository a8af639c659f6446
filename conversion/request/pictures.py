"""Pictures for calibration and for checks, and how the faces in them are found.

`edge.sensor.imaging` cuts them exactly as on the device; they are never written out.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.catalog.lookup import open_catalog
from edge.catalog.manifest import Crop, Input, Manifest
from edge.errors import BadInput, explain
from edge.sensor.attributes.views import cut_face
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.imaging import letterbox, stretch
from edge.sensor.inference.opening import KINDS, open_session
from edge.sensor.sources.picture import Picture
from edge.sensor.sources.pictures import read_pictures
from edge.sensor.types import Image
from edge.workbench.faces import FindFaces, aligned_face, find_with

Pictures = NDArray[np.uint8]
"""uint8 (N, H, W, 3) BGR, as the device cuts them."""

FINDER_TARGETS = ("openvino:CPU", "onnxruntime:CPU")
"""Targets that the network of `open_finder` runs on, best first."""
MOST_PICTURES = 64
"""More pictures do not change the 8-bit ranges of a TFLite file any further."""
NAMED_FAULTS = 3
"""Damaged pictures that a note names."""
FLAT = 2.0
"""Standard deviation of pixel values (0-255) below which a picture counts as blank."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures of a network's input size: uint8 (N, H, W, 3) BGR.

    names: of the files they came from. px: for each picture, how many px of the original one px stands for, across and
    down.
    """

    names: tuple[str, ...]
    pictures: Pictures
    px: tuple[tuple[float, float], ...]

    def __len__(self) -> int:
        return len(self.names)

    def part(self, first: int, last: int) -> PictureSet:
        """The pictures from first up to, and without, last."""
        return PictureSet(self.names[first:last], self.pictures[first:last], self.px[first:last])


class PictureSets(NamedTuple):
    """Pictures for calibration, others for checks, and notes about them for the user, one line each."""

    calibration: PictureSet
    held_out: PictureSet
    notes: tuple[str, ...] = ()


Cut = tuple[Image, tuple[float, float]]
"""A picture as the network takes it, and how many px of the original one px of it stands for (across, down)."""


def read_sets(
    address: str, manifest: Manifest, *, calibration: int, held_out: int, find_faces: FindFaces | None = None
) -> PictureSets:
    """Read pictures of a tar or folder for calibration, and others, which calibration does not use, for checks.

    A hash of their names chooses them, so the choice is the same every time whatever their order, and the faces of one
    photograph stay together. Pictures that cannot be read are left out and noted; where there are too few for both
    parts, each gets its share, and a note says so. find_faces: for attribute networks whose pictures are not aligned
    faces. Raises BadInput where there is no picture, none can be read, or all are blank.
    """
    wanted, faults = calibration + held_out, list[BadInput]()
    readable = _images(read_pictures(address), faults)
    chosen = heapq.nsmallest(wanted, _cut_all(readable, manifest, find_faces), key=lambda entry: entry[0])
    if not chosen:
        raise _none_left(address, faults, find_faces)
    names, cuts = tuple(entry[1] for entry in chosen), [entry[2] for entry in chosen]
    whole = PictureSet(names, np.stack([cut[0] for cut in cuts]), tuple(cut[1] for cut in cuts))
    _need_contents(whole.pictures, address)
    split = _between_pictures(names, min(calibration, max(1, len(whole) * calibration // wanted)))
    what = "faces" if find_faces else "pictures"
    notes = (*_note_faults(address, faults), *_note_few(f"{address}: {len(whole)} {what}", len(whole), wanted, split))
    return PictureSets(whole.part(0, split), whole.part(split, len(whole)), notes)


def open_finder(model_id: str) -> FindFaces:
    """Open a detector of the catalog as a function that finds the faces of an image, at its manifest's score.

    Raises ModelNotFound, BackendUnavailable, ManifestError.
    """
    kinds = {kind for target in FINDER_TARGETS for kind in KINDS[target.partition(":")[0]]}
    found = open_catalog().locate(model_id, kinds)
    detector = NetworkDetector(
        lambda hw: open_session(found.manifest, found.folder, FINDER_TARGETS, threads=2, input_hw=hw), found.manifest
    )
    score = found.manifest.thresholds.score if found.manifest.thresholds else 0.5
    return find_with(detector, score)


def choose_pictures(pictures: Pictures, hw: tuple[int, int], most: int = MOST_PICTURES) -> Pictures:
    """Copy at most `most` pictures, evenly spread over all of them.

    In the first copy, one corner pixel becomes black and one white: the input's range is then 0-255 whatever the
    pictures show, so its scale is 1 and its zero point 0. Raises BadInput where there are no pictures, where they have
    another size, and where they are blank.
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != (*hw, 3) or len(pictures) == 0:
        got = f"{pictures.dtype} {pictures.shape}"
        raise BadInput(explain("not pictures to calibrate on", got=got, expected=f"uint8 (1.., {hw[0]}, {hw[1]}, 3)"))
    _need_contents(pictures, "calibration")
    places = np.linspace(0, len(pictures) - 1, min(most, len(pictures))).round().astype(int)
    chosen: Pictures = pictures[places]
    chosen[0, 0, 0], chosen[0, -1, -1] = 0, 255
    return chosen


def cut_for_detector(image: Image, wanted: Input) -> Cut:
    """Fit the whole image, uint8 (H, W, 3) BGR, to a detector's input."""
    hw = wanted.height_px, wanted.width_px
    if wanted.resize == "letterbox":
        picture, scale = letterbox(image, hw)
        return picture, (1 / scale, 1 / scale)
    return stretch(image, hw), (image.shape[1] / hw[1], image.shape[0] / hw[0])


def cut_aligned(image: Image, wanted: Input, crop: Crop) -> Cut:
    """Fit an image of one aligned face, uint8 (H, W, 3) BGR, to an attribute network's input."""
    side = max(image.shape[:2])
    square = image if image.shape[0] == image.shape[1] else stretch(image, (side, side))
    margin = crop.margin if crop.align == "box" else 0.0
    return cut_face(square, aligned_face(side, margin), crop, (wanted.height_px, wanted.width_px)), (1.0, 1.0)


def _images(pictures: Iterable[Picture], faults: list[BadInput]) -> Iterator[tuple[str, Image]]:
    """Names and images of the pictures that can be read; the errors of the others are added to `faults`."""
    for picture in pictures:
        if picture.image is None:
            faults.append(picture.error or BadInput(explain("cannot be read", where=picture.name)))
        else:
            yield picture.name, picture.image


def _cut_all(
    images: Iterable[tuple[str, Image]], manifest: Manifest, find_faces: FindFaces | None
) -> Iterator[tuple[bytes, str, Cut]]:
    for name, image in images:
        for cut in _cuts(image, manifest, find_faces):
            yield hashlib.sha256(name.encode()).digest(), name, cut


def _cuts(image: Image, manifest: Manifest, find_faces: FindFaces | None) -> Iterable[Cut]:
    if manifest.crop is None:
        return [cut_for_detector(image, manifest.input)]
    if find_faces is None:
        return [cut_aligned(image, manifest.input, manifest.crop)]
    hw = manifest.input.height_px, manifest.input.width_px
    return [(cut_face(image, face, manifest.crop, hw), (1.0, 1.0)) for face in find_faces(image)]


def _none_left(address: str, faults: Sequence[BadInput], find_faces: FindFaces | None) -> BadInput:
    got = f"{len(faults)} damaged ({faults[0]})" if faults else None
    if find_faces is None:
        return BadInput(explain("no picture can be read", where=address, got=got, next_step="give others"))
    next_step = "give photographs with faces, or aligned faces without --detector"
    return BadInput(explain("no face in these pictures", where=address, got=got, next_step=next_step))


def _need_contents(pictures: Pictures, address: str) -> None:
    if max(float(picture.std()) for picture in pictures) < FLAT:
        what, got = "these pictures are blank", f"{len(pictures)} of one even colour"
        next_step = "calibrate on photographs like those the camera will take"
        raise BadInput(explain(what, where=address, got=got, next_step=next_step))


def _between_pictures(names: Sequence[str], split: int) -> int:
    """The last place up to `split`, else the first after it, that does not separate the faces of one photograph."""
    ends = [place for place in range(1, len(names)) if names[place] != names[place - 1]] + [len(names)]
    return max((place for place in ends if place <= split), default=ends[0])


def _note_faults(address: str, faults: Sequence[BadInput]) -> tuple[str, ...]:
    if not faults:
        return ()
    more = f"; and {len(faults) - NAMED_FAULTS} more" if len(faults) > NAMED_FAULTS else ""
    listed = "; ".join(str(fault) for fault in faults[:NAMED_FAULTS]) + more
    return (f"{address}: left out {len(faults)} that cannot be read: {listed}",)


def _note_few(what: str, found: int, wanted: int, calibration: int) -> tuple[str, ...]:
    if found == wanted:
        return ()
    shares = f"{calibration} calibrate and {found - calibration} check"
    return (f"{what}, fewer than the {wanted} of --count and --held-out: {shares}",)
