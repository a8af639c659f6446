"""What the fusion of a visit's looks gains: less scatter on clips, fewer errors on labelled photographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from edge.sensor.assemble import MAX_BATCH
from edge.sensor.geometry import Points
from edge.sensor.imaging import TEMPLATES
from edge.sensor.ports import FrameSource
from edge.sensor.tracking.tracker import FaceTracker
from edge.sensor.types import AttributeEstimate, Detection, Frame, Image, Track, TrackState
from edge.sensor.visits.fusion import Fusion
from edge.sensor.visits.quality import rate_look
from edge.workbench.faces import TEMPLATE, nearest_centre
from edge.workbench.labelled.samples import Photographs, Sample
from training.data.collection import Reading
from training.evaluation.attributes.answers import read_answers
from training.evaluation.attributes.records import SliceResult
from training.evaluation.attributes.scoring import Bootstrap, score_slices
from training.evaluation.attributes.truth import make_slices, read_truth
from training.evaluation.subject import Subject, look_at_aligned
from training.evaluation.visits.pseudo_looks import Disturbance, disturb

LOOKS = (1, 2, 4, 8)
"""Numbers of looks that are fused."""
FEWEST_LOOKS = 16
"""Looks that a track needs, so that eight can be drawn in different ways."""
DRAWS = 200


class Steadiness(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of a track from this many looks, over random choices of them.

    years_sd: standard deviation of the years; null for class models. band_flips and gender_flips: share of choices
    whose likeliest answer is not the most common one; null where the model set does not give that part. band_told and
    gender_told: shares that reach the threshold, below which an answer is `unknown`.
    """

    looks: int
    years_sd: float | None
    band_flips: float | None
    gender_flips: float | None
    band_told: float | None
    gender_told: float | None


class TrackSteadiness(msgspec.Struct, frozen=True, kw_only=True):
    """One face of a clip."""

    clip: str
    face: int
    looks: int
    steps: list[Steadiness]


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """Measures over photographs from this many pseudo-looks at each."""

    looks: int
    measures: SliceResult


def looks_of_tracks(
    subject: Subject, source: FrameSource, tick: Callable[[], None]
) -> dict[int, list[AttributeEstimate]]:
    """Take every look of sufficient quality at every confirmed face of a clip, by track. Closes the source."""
    settings = subject.settings
    tracker = FaceTracker(settings.tracking, subject.least_score)
    looks: dict[int, list[AttributeEstimate]] = {}
    for frame in _frames(source):
        for track, quality in _good_tracks(subject, tracker, frame):
            face = Detection(track.box, track.score, track.landmarks)
            subject.estimator.start(frame.image, [face], [quality])
            looks.setdefault(track.track_id, []).extend(subject.estimator.wait())
        tick()
    return looks


def steadiness(looks: Sequence[AttributeEstimate], fusion: Fusion, seed: int) -> list[Steadiness]:
    """How steady the answers of a track are from 1, 2, 4 and 8 looks drawn from it at random."""
    random = np.random.default_rng(seed)
    return [_steady(looks, fusion, count, random) for count in LOOKS if 2 * count <= len(looks)]


def pseudo_visits(
    subject: Subject, photographs: Photographs, seed: int, tick: Callable[[], None]
) -> tuple[list[Sample], list[list[AttributeEstimate]], list[str]]:
    """Take eight pseudo-looks at each photograph's face, none without a face; and lines about skipped pictures."""
    reading, samples, looks = Reading(photographs), list[Sample](), list[list[AttributeEstimate]]()
    for index, (sample, image) in enumerate(reading):
        random = np.random.default_rng((seed, index))
        samples.append(sample)
        looks.append(_pseudo_looks(subject, sample, image, random))
        tick()
    return samples, looks, reading.left_out


def gains(
    samples: Sequence[Sample], looks: Sequence[Sequence[AttributeEstimate]], fusions: Mapping[str, Fusion],
    bootstrap: Bootstrap,
) -> list[Gain]:  # fmt: skip
    """Every measure over all photographs from the first 1, 2, 4 and 8 looks."""
    truth = read_truth(samples)
    everything = make_slices(truth, [])[:1]
    found = []
    for count in LOOKS:
        answers = read_answers([each[:count] for each in looks], fusions)
        (measures,) = score_slices(truth, answers, everything, bootstrap)
        found.append(Gain(looks=count, measures=measures))
    return found


def over_tracks(tracks: Sequence[TrackSteadiness]) -> list[Steadiness]:
    """Means over faces, each face counted once."""
    found = []
    for count in LOOKS:
        steps = [step for track in tracks for step in track.steps if step.looks == count]
        if steps:
            fields = [name for name in Steadiness.__struct_fields__ if name != "looks"]
            found.append(Steadiness(looks=count, **{name: _mean([getattr(s, name) for s in steps]) for name in fields}))
    return found


def _frames(source: FrameSource) -> Iterator[Frame]:
    try:
        while (frame := source.read()) is not None:
            yield frame
    finally:
        source.close()


def _good_tracks(subject: Subject, tracker: FaceTracker, frame: Frame) -> Iterator[tuple[Track, float]]:
    assert subject.detector is not None
    subject.detector.start(frame.image)
    for track in tracker.update(subject.detector.wait(), frame.captured_at, frame.hw).active:
        if track.detected and track.state is TrackState.CONFIRMED:
            quality = rate_look(frame.image, track)
            if quality >= subject.settings.attributes.min_quality:
                yield track, quality


def _steady(looks: Sequence[AttributeEstimate], fusion: Fusion, count: int, random: np.random.Generator) -> Steadiness:
    chosen = [[looks[i] for i in random.choice(len(looks), count, replace=False)] for _ in range(DRAWS)]
    ages = [fusion.guess_age(each) for each in chosen]
    genders = [fusion.guess_gender(each) for each in chosen]
    brackets = [fusion.bracket_probs(each) for each in chosen]
    years = [age.years for age in ages if age is not None and age.years is not None]
    return Steadiness(
        looks=count,
        years_sd=float(np.std(years)) if years else None,
        band_flips=_flips([int(each.argmax()) for each in brackets if each is not None]),
        gender_flips=_flips([each.p_female >= 0.5 for each in genders if each is not None]),
        band_told=_mean([float(each.bracket is not None) for each in ages if each is not None]),
        gender_told=_mean([float(each.label != "unknown") for each in genders if each is not None]),
    )


def _flips(answers: Sequence[int]) -> float | None:
    return 1 - Counter(answers).most_common(1)[0][1] / len(answers) if answers else None


def _mean(numbers: Sequence[float | None]) -> float | None:
    told = [number for number in numbers if number is not None]
    return sum(told) / len(told) if told else None


def _pseudo_looks(
    subject: Subject, sample: Sample, image: Image, random: np.random.Generator
) -> list[AttributeEstimate]:
    landmarks = _landmarks(subject, sample, image)
    if landmarks is None:
        return []
    made = [disturb(image, landmarks, random, Disturbance()) for _ in range(max(LOOKS))]
    chips = [chip for chip, _ in made]
    batches = [chips[first : first + MAX_BATCH] for first in range(0, len(chips), MAX_BATCH)]
    looks = [look for batch in batches for look in look_at_aligned(subject, batch)]
    return [_rated(look, quality) for look, (_, quality) in zip(looks, made, strict=True)]


def _landmarks(subject: Subject, sample: Sample, image: Image) -> Points | None:
    """The template's landmarks for an aligned chip, else those of the face nearest the centre."""
    if sample.aligned or subject.detector is None:
        side, points = TEMPLATES[TEMPLATE]
        return np.asarray(points * (image.shape[1] / side), np.float32)
    subject.detector.start(image)
    faces = [face for face in subject.detector.wait() if face.score >= subject.least_score]
    chosen = nearest_centre(faces, image)
    return None if chosen is None else chosen.landmarks


def _rated(look: AttributeEstimate, quality: float) -> AttributeEstimate:
    return AttributeEstimate(look.age_probs, look.gender_probs, quality, look.age_years)
