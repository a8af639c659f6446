"""Detectors of model sets and of folders, opened for evaluation, and the faces that they find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from edge.catalog.lookup import Catalog, Located
from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest
from edge.errors import ManifestError, UsageError, explain
from edge.sensor.assemble import open_networks
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.imaging import stretch
from edge.sensor.inference.opening import KINDS, open_session
from edge.sensor.types import Detection, Image
from edge.settings.settings import Attributes, Settings

FAINTEST = 0.02
"""A curve of precision over recall needs faint answers too."""
OWN, DOUBLE, DEFAULT = "own", "double", "default"
EXPECTED = "own, double, default, or the longer side of the input in px"


@dataclass(frozen=True, slots=True)
class InputSize:
    """How large a network sees a picture.

    width_px: as `detection.width_px` of the settings. enlarged: factor by which the picture is enlarged before the
    network sees it.
    """

    word: str
    width_px: int
    enlarged: float = 1.0


@dataclass(frozen=True, slots=True)
class DetectorSubject:
    """A detector that is evaluated. score: from this score on its manifest counts a detection as a face."""

    name: str
    detector: NetworkDetector
    size: InputSize
    score: float

    def find(self, image: Image) -> list[Detection]:
        """Faces of a picture, uint8 (H, W, 3) BGR, in px of the picture, best first, faint ones included."""
        factor = self.size.enlarged
        seen = image
        if factor != 1:
            seen = stretch(image, (round(image.shape[0] * factor), round(image.shape[1] * factor)))
        self.detector.start(seen)
        return [_scaled(face, 1 / factor) for face in self.detector.wait()]


def parse_size(word: str) -> InputSize:
    """Parse a size: `own` is the picture's, `double` twice that, `default` the manifest's. Raises UsageError."""
    words = {OWN: InputSize(OWN, -1), DOUBLE: InputSize(DOUBLE, -1, 2.0), DEFAULT: InputSize(DEFAULT, 0)}
    if word in words:
        return words[word]
    if not word.isdecimal() or not 32 <= int(word) <= 4096:
        raise UsageError(explain("unknown size", where="--size", got=repr(word), expected=EXPECTED))
    return InputSize(word, int(word))


@contextmanager
def open_detector(
    name: str, size: InputSize, settings: Settings, catalog: Catalog, *, faintest: float = FAINTEST
) -> Iterator[DetectorSubject]:
    """Open the detector of a model set or of a folder with a manifest. Raises what locating and opening raise."""
    wanted = replace(
        settings,
        models=replace(settings.models, set=name),
        attributes=Attributes(enabled=False),
        detection=replace(settings.detection, width_px=size.width_px, low_score=faintest),
    )
    if is_folder(name):
        detector, manifest = _open_folder(Path(name), wanted)
    else:
        networks = open_networks(wanted, catalog)
        detector, manifest = networks.detector, networks.manifests[0]
    score = manifest.thresholds.score if manifest.thresholds else 0.5
    try:
        shown = manifest.id if is_folder(name) else name
        yield DetectorSubject(f"{shown}, {size.word}", detector, size, score)
    finally:
        detector.close()


def is_folder(name: str) -> bool:
    """Whether a name is a network's folder rather than a model set's name."""
    return (Path(name) / MANIFEST).is_file()


def need_detectors(names: Sequence[str], catalog: Catalog) -> None:
    """Raise UnknownModel for a name that is neither a model set nor a network's folder."""
    for name in names:
        if not is_folder(name):
            catalog.model_set(name)


def as_boxes(faces: Sequence[Detection]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Boxes of detections, float64 (D, 4) corners px."""
    return np.array([face.box.as_xyxy() for face in faces], np.float64).reshape(-1, 4)


def _open_folder(folder: Path, settings: Settings) -> tuple[NetworkDetector, Manifest]:
    manifest = read_manifest(folder / MANIFEST)
    if manifest.task != "detection":
        raise ManifestError(explain("not a detector", where=str(folder), got=manifest.task))
    targets = settings.models.targets
    kinds = {kind for target in targets for kind in KINDS.get(target.partition(":")[0], ())}
    artefacts = tuple(each for each in manifest.artefacts if each.kind in kinds)
    model = Located(replace(manifest, artefacts=artefacts), folder, "found")
    threads = settings.models.threads
    detector = NetworkDetector(
        lambda hw: open_session(model.manifest, folder, targets, threads=threads, input_hw=hw, max_batch=1),
        manifest,
        input_width=settings.detection.width_px,
        low_score=settings.detection.low_score,
    )
    return detector, manifest


def _scaled(face: Detection, factor: float) -> Detection:
    points = None if face.landmarks is None else face.landmarks * np.float32(factor)
    return Detection(face.box.scaled(factor), face.score, points)
