"""A model set opened for evaluation, and its looks at photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Manifest
from edge.errors import ManifestError, explain
from edge.schemas.taxonomy import TAXONOMIES
from edge.schemas.vocabulary import TaxonomyName
from edge.sensor.assemble import MAX_BATCH, detector_score, make_fusion, open_networks
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.inference.opening import KINDS, open_session
from edge.sensor.types import AttributeEstimate, Image
from edge.sensor.visits.fusion import Fusion
from edge.settings.settings import Settings
from edge.workbench.analyze.pictures import Aligned, look_at
from edge.workbench.faces import nearest_centre
from edge.workbench.labelled.samples import Photographs, Sample
from training.data.collection import Reading

FACE_CHOICE = "of several faces the one whose centre is nearest the picture's centre"


@dataclass(frozen=True, slots=True)
class Subject:
    """An open subject of evaluation: attribute networks, and a detector if pictures are not aligned.

    name: of the model set or the network. attributes: manifests of the attribute networks.
    """

    name: str
    estimator: NetworkEstimator
    attributes: Sequence[Manifest]
    detector: NetworkDetector | None
    least_score: float
    settings: Settings

    @property
    def target(self) -> str:
        """The target that runs the attributes."""
        return self.estimator.target

    def fusions(self) -> dict[str, Fusion]:
        """How looks become answers, per taxonomy."""
        return {name: make_fusion(_in_taxonomy(self.settings, name), self.attributes) for name in TAXONOMIES}

    def close(self) -> None:
        """Close the networks."""
        self.estimator.close()
        if self.detector is not None:
            self.detector.close()


@dataclass(slots=True)
class Seen:
    """The looks at a set's photographs, in order: one each, or none where no face was found."""

    samples: list[Sample] = field(default_factory=list)
    looks: list[list[AttributeEstimate]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unreadable: int = 0

    @property
    def without_face(self) -> int:
        """Photographs in which the detector found no face."""
        return sum(not each for each in self.looks)


@contextmanager
def open_set(name: str, settings: Settings, catalog: Catalog) -> Iterator[Subject]:
    """Open a model set: detector and attributes.

    Raises ManifestError where it has no attribute networks, and what opening raises.
    """
    chosen = msgspec.structs.replace(settings.models, set=name)
    settings = msgspec.structs.replace(settings, models=chosen)
    networks = open_networks(settings, catalog)
    if networks.estimator is None:
        networks.detector.close()
        raise ManifestError(explain("the model set has no attribute networks", where=name))
    score = detector_score(settings, networks)
    subject = Subject(name, networks.estimator, networks.manifests[1:], networks.detector, score, settings)
    try:
        yield subject
    finally:
        subject.close()


@contextmanager
def open_network(model_id: str, settings: Settings, catalog: Catalog) -> Iterator[Subject]:
    """Open a single attribute network, for aligned pictures. Raises what locating and opening raise."""
    targets = settings.models.targets
    kinds = {kind for target in targets for kind in KINDS.get(target.partition(":")[0], ())}
    model = catalog.locate(model_id, kinds or None)
    opened = open_session(model.manifest, model.folder, targets, threads=settings.models.threads, max_batch=MAX_BATCH)
    estimator = NetworkEstimator([(model.manifest, opened.session)], max_batch=MAX_BATCH)
    subject = Subject(model_id, estimator, [model.manifest], None, 0.0, settings)
    try:
        yield subject
    finally:
        subject.close()


def look_through(
    subject: Subject,
    photographs: Photographs,
    samples: Sequence[Sample] | None = None,
    *,
    tick: Callable[[], None] = lambda: None,
) -> Seen:
    """Take one look at every photograph: aligned chips as they are, others through detector and alignment.

    Pictures that cannot be read are counted. Raises BadInput where most cannot be, ManifestError where a picture is
    not aligned and there is no detector, InferenceError.
    """
    reading, seen = Reading(photographs, samples), Seen()
    for batch in _batches(reading, MAX_BATCH):
        seen.samples += [sample for sample, _ in batch]
        seen.looks += _look(subject, batch)
        for _ in batch:
            tick()
    seen.warnings, seen.unreadable = reading.left_out, len(reading.faults)
    return seen


def _look(subject: Subject, batch: Sequence[tuple[Sample, Image]]) -> list[list[AttributeEstimate]]:
    """Aligned pictures in one batch, the others one by one; in the batch's order."""
    aligned = [index for index, (sample, _) in enumerate(batch) if sample.aligned]
    found: list[list[AttributeEstimate]] = [[] for _ in batch]
    if aligned:
        looks = look_at_aligned(subject, [batch[index][1] for index in aligned])
        for index, look in zip(aligned, looks, strict=True):
            found[index] = [look]
    for index, (sample, image) in enumerate(batch):
        if not sample.aligned:
            found[index] = look_at_face(subject, image)
    return found


def look_at_aligned(subject: Subject, images: Sequence[Image]) -> list[AttributeEstimate]:
    """Take a look at each aligned chip, at most `MAX_BATCH` of them, as `analyze --aligned` does."""
    examination = Aligned(subject.estimator, subject.attributes)
    examination.begin(images)
    return [look for (face,) in examination.finish() for look in face.looks]


def look_at_face(subject: Subject, image: Image) -> list[AttributeEstimate]:
    """Take a look at the face nearest the picture's centre; empty where the detector finds no face."""
    if subject.detector is None:
        raise ManifestError(
            explain("a network alone takes aligned pictures", where=subject.name,
                    next_step="add --aligned, or give a model set, which has a detector")
        )  # fmt: skip
    subject.detector.start(image)
    faces = [face for face in subject.detector.wait() if face.score >= subject.least_score]
    chosen = nearest_centre(faces, image)
    found = look_at(subject.estimator, image, [] if chosen is None else [chosen])
    return [look for face in found for look in face.looks]


def _batches(pairs: Iterable[tuple[Sample, Image]], most: int) -> Iterator[list[tuple[Sample, Image]]]:
    remaining = iter(pairs)
    while batch := list(islice(remaining, most)):
        yield batch


def _in_taxonomy(settings: Settings, name: str) -> Settings:
    taxonomy: TaxonomyName = msgspec.convert(name, TaxonomyName)
    return msgspec.structs.replace(settings, attributes=msgspec.structs.replace(settings.attributes, taxonomy=taxonomy))


def calibrations(manifests: Sequence[Manifest]) -> Mapping[str, Manifest]:
    """The manifest that gives `age`, and the one that gives `gender`."""
    return {word: manifest for manifest in manifests for word in manifest.gives}
