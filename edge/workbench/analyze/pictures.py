"""Single pictures: the faces that a detector finds, or each whole picture as one aligned face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from edge.catalog.manifest import Manifest
from edge.schemas.analyze import AnalyzeError
from edge.sensor.assemble import MAX_BATCH
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.geometry import Box
from edge.sensor.imaging import rotate, stretch
from edge.sensor.ports import AttributeEstimator, Detector
from edge.sensor.sources.picture import Picture
from edge.sensor.types import Detection, Image
from edge.workbench.analyze.lines import FoundFace, LineWriter
from edge.workbench.analyze.listening import Seen
from edge.workbench.analyze.sources import Named
from edge.workbench.faces import aligned_face


class Examination(Protocol):
    """Looks for faces in two steps: the next pictures are read while the networks run."""

    most: int
    """Pictures that it takes at a time."""

    def begin(self, images: Sequence[Image]) -> None:
        """Take uint8 (H, W, 3) BGR images, `most` of them or fewer."""

    def finish(self) -> Sequence[Sequence[FoundFace]]:
        """The faces of each of the images given to `begin`."""


class Detecting:
    """Finds faces of at least `score`, with a look of each of least_px or more. Implements `Examination`."""

    most = 1

    def __init__(self, detector: Detector, estimator: AttributeEstimator | None, score: float, least_px: float) -> None:
        self._detector, self._estimator = detector, estimator
        self._score, self._least_px = score, least_px
        self._images: Sequence[Image] = ()

    def begin(self, images: Sequence[Image]) -> None:
        """See `Examination`."""
        self._images = images
        for image in images:
            self._detector.start(image)

    def finish(self) -> Sequence[Sequence[FoundFace]]:
        """See `Examination`. Raises InferenceError."""
        return [self._finish(image) for image in self._images]

    def _finish(self, image: Image) -> Sequence[FoundFace]:
        faces = [face for face in self._detector.wait() if face.score >= self._score]
        return look_at(self._estimator, image, faces, self._least_px)


class Aligned:
    """Takes a whole picture for one face, aligned already. Implements `Examination`."""

    most = MAX_BATCH

    def __init__(self, estimator: NetworkEstimator | None, manifests: Iterable[Manifest]) -> None:
        self._estimator = estimator
        self._margin = next((m.crop.margin for m in manifests if m.crop and m.crop.align == "box"), 0.0)
        self._faces: list[FoundFace] = []

    def begin(self, images: Sequence[Image]) -> None:
        """See `Examination`."""
        self._faces = [FoundFace(Detection(Box(0.0, 0.0, image.shape[1], image.shape[0]), 1.0)) for image in images]
        if self._estimator is not None:
            squares = [_square(image) for image in images]
            faces = [(each, aligned_face(each.shape[0], self._margin)) for each in squares]
            self._estimator.start_each(faces, [1.0] * len(squares))

    def finish(self) -> Sequence[Sequence[FoundFace]]:
        """See `Examination`. Raises InferenceError."""
        if self._estimator is None:
            return [[face] for face in self._faces]
        return [[face._replace(looks=[look])] for face, look in zip(self._faces, self._estimator.wait(), strict=True)]


def look_at(
    estimator: AttributeEstimator | None, image: Image, faces: Sequence[Detection], least_px: float = 0.0
) -> list[FoundFace]:
    """One look of every face of at least least_px, as a visit needs it, in one batch; no looks without an estimator."""
    large = [face for face in faces if face.box.side >= least_px]
    if estimator is None or not large:
        return [FoundFace(face) for face in faces]
    estimator.start(image, large, [1.0] * len(large))
    looks = iter(estimator.wait())
    return [FoundFace(face, looks=[next(looks)] if face.box.side >= least_px else ()) for face in faces]


def analyze_pictures(
    pictures: Iterable[Picture],
    examination: Examination,
    writer: LineWriter,
    *,
    name: Callable[[str], Named],
    rotation_deg: int = 0,
) -> Iterator[Seen | AnalyzeError]:
    """What is seen in each picture, or why it could not be read, in the pictures' order.

    name: what lines and files call a picture. Raises what reading the pictures raises.
    """
    begun: list[Picture] = []
    for group in _groups(pictures, examination.most):
        yield from _finish(begun, examination, writer, name)
        begun = [_turned(picture, rotation_deg) for picture in group]
        examination.begin([picture.image for picture in begun if picture.image is not None])
    yield from _finish(begun, examination, writer, name)


def _groups(pictures: Iterable[Picture], most: int) -> Iterator[list[Picture]]:
    remaining = iter(pictures)
    while group := list(islice(remaining, most)):
        yield group


def _finish(
    begun: Sequence[Picture], examination: Examination, writer: LineWriter, name: Callable[[str], Named]
) -> Iterator[Seen | AnalyzeError]:
    found = iter(examination.finish() if any(picture.image is not None for picture in begun) else ())
    for picture in begun:
        named = name(picture.name)
        if picture.image is None:
            yield AnalyzeError(source=named.source, error=_error_of(picture, named))
        else:
            line = writer.line(named.source, picture.image, next(found), picture.frame, picture.at_s)
            yield Seen(line, picture.image, named.place, moving=False)


def _error_of(picture: Picture, named: Named) -> str:
    """What is wrong, under the name that lines call the picture."""
    text = str(picture.error)
    return named.source + text.removeprefix(picture.name) if text.startswith(picture.name) else text


def _turned(picture: Picture, rotation_deg: int) -> Picture:
    return picture if picture.image is None else replace(picture, image=rotate(picture.image, rotation_deg))


def _square(image: Image) -> Image:
    height, width = image.shape[:2]
    side = max(height, width)
    return image if height == width else stretch(image, (side, side))
