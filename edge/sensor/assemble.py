"""Settings to stages: the only module that names concrete classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from edge.catalog.lookup import Catalog, Located
from edge.catalog.manifest import Calibration, Manifest, ModelSet
from edge.errors import BackendUnavailable
from edge.schemas.taxonomy import taxonomy
from edge.schemas.vocabulary import Target
from edge.sensor.attributes.ages import bracket_map
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.detection.detector import FOLLOW, NetworkDetector
from edge.sensor.detection.idle import IdleGate
from edge.sensor.detection.wide import NowAndThenWide
from edge.sensor.detection.zones import Zoned
from edge.sensor.inference.accelerators.opening import Accelerators, Command
from edge.sensor.inference.opening import KINDS, OpenedSession, open_session
from edge.sensor.pipeline import Stages
from edge.sensor.ports import Detector, InferenceSession, VisitSink
from edge.sensor.stillness.faces import StaticFaces
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.visits.book import VisitBook
from edge.sensor.visits.fusion import Fusion
from edge.sensor.visits.quality import rate_look
from edge.settings.settings import Settings

MAX_BATCH = 4
"""Most faces of one batch of looks; more wait for the next frame."""

Wrap = Callable[[InferenceSession], InferenceSession]
"""Puts something around a session, such as a recorder."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The opened networks of a model set. `fallbacks`: targets that were passed over at the start, and why."""

    name: str
    model_set: ModelSet
    detector: NetworkDetector
    estimator: NetworkEstimator | None
    manifests: tuple[Manifest, ...]
    fallbacks: tuple[BackendUnavailable, ...]
    accelerators: Accelerators

    @property
    def target(self) -> Target:
        """The target of the attributes, or of the detector where there are none; changes with an accelerator."""
        return cast(Target, self.estimator.target if self.estimator else self.detector.target)

    @property
    def moves(self) -> int:
        """How often a preferred target could not run, at the start or since."""
        return len(self.fallbacks) + self.accelerators.losses

    @property
    def untrained(self) -> bool:
        """Whether a network has random weights: its answers mean nothing."""
        return any(manifest.random_weights_seed is not None for manifest in self.manifests)


def _same(session: InferenceSession) -> InferenceSession:
    return session


def open_networks(
    settings: Settings, catalog: Catalog, *, wrap: Wrap = _same, worker_command: Command | None = None
) -> Networks:
    """Open the model set of the settings. Raises ModelNotFound, ManifestError, BackendUnavailable, InferenceError.

    worker_command: of an accelerator's worker, by target, in place of the real one.
    """
    name = catalog.set_name(settings.models.set)
    chosen = catalog.model_set(name)
    kinds = {kind for target in settings.models.targets for kind in KINDS.get(target.partition(":")[0], ())}
    names = chosen.attributes if settings.attributes.enabled else ()
    located = [catalog.locate(name, kinds or None) for name in (chosen.detector, *names)]
    fallbacks: list[BackendUnavailable] = []
    accelerators = Accelerators(settings.accelerators, worker_command)

    def opened(model: Located, input_hw: tuple[int, int] | None = None, max_batch: int = 1) -> OpenedSession:
        found = open_session(
            model.manifest,
            model.folder,
            settings.models.targets,
            threads=settings.models.threads,
            input_hw=input_hw,
            max_batch=max_batch,
            drivers=accelerators.drivers,
        )
        fallbacks.extend(found.fallbacks)
        return OpenedSession(wrap(found.session), found.input_hw, found.fallbacks)  # type: ignore[arg-type]

    # One after the other: two threads in OpenVINO's bindings at once stand still for good now and then (docs/adr/0012).
    detector = NetworkDetector(
        lambda input_hw: opened(located[0], input_hw),
        located[0].manifest,
        input_width=settings.detection.width_px,
        low_score=settings.detection.low_score,
    )
    parts = [(model.manifest, opened(model, max_batch=MAX_BATCH).session) for model in located[1:]]
    estimator = NetworkEstimator(parts, max_batch=MAX_BATCH) if parts else None
    manifests = tuple(model.manifest for model in located)
    return Networks(name, chosen, detector, estimator, manifests, tuple(fallbacks), accelerators)


def detector_score(settings: Settings, networks: Networks) -> float:
    """Score from which a face is one: the settings', or the manifest's where they say 0."""
    thresholds = networks.manifests[0].thresholds
    return settings.detection.score or (thresholds.score if thresholds else 0.5)


def make_detector(settings: Settings, networks: Networks, *, frames: bool = False) -> Detector:
    """The detector of the networks, but for faces that the zones leave out; frames: for those of one source."""
    follows = frames and settings.detection.width_px == FOLLOW
    detector: Detector = NowAndThenWide(networks.detector) if follows else networks.detector
    return Zoned(detector, settings.zones) if settings.zones else detector


def make_fusion(settings: Settings, manifests: Sequence[Manifest]) -> Fusion:
    """How looks become one guess, by the attribute networks' manifests and the settings' taxonomy."""
    by_word = {word: manifest for manifest in manifests for word in manifest.gives}
    age, gender = by_word.get("age"), by_word.get("gender")
    wanted = taxonomy(settings.attributes.taxonomy)
    return Fusion(
        wanted,
        bracket_map(age.taxonomy if age else None, wanted),
        gender=gender.calibration if gender else Calibration(),
        age=age.calibration if age else Calibration(),
        min_gender_confidence=settings.attributes.min_gender_confidence,
        min_age_confidence=settings.attributes.min_age_confidence,
    )


def make_book(settings: Settings, networks: Networks) -> VisitBook:
    """The book of visits for these settings and networks."""
    return VisitBook(
        visits=settings.visits,
        attributes=settings.attributes,
        attention=settings.attention,
        minors=settings.privacy.minors,
        fusion=replace(make_fusion(settings, networks.manifests[1:]), trained=not networks.untrained),
    )


def make_stages(settings: Settings, networks: Networks, book: VisitBook, sink: VisitSink) -> Stages:
    """Join the stages of the pipeline."""
    return Stages(
        gate=IdleGate(settings.detection, settings.zones),
        detector=make_detector(settings, networks, frames=True),
        tracker=FaceTracker(settings.tracking, detector_score(settings, networks)),
        estimator=networks.estimator,
        quality=rate_look,
        min_quality=settings.attributes.min_quality,
        max_batch=MAX_BATCH,
        visits=book,
        sink=sink,
        stillness=StaticFaces() if settings.visits.leave_out_static else None,
    )
