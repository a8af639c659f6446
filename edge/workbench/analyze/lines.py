"""From detections and estimates to the lines of `edge.schemas.analyze`: clipped, rounded, looks fused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from edge.schemas.analyze import AnalyzeLine, Face, LineAge, LineGender
from edge.schemas.interval import interval_of
from edge.schemas.vocabulary import GenderLabel, TaxonomyName
from edge.sensor.types import AgeGuess, AttributeEstimate, Detection, GenderGuess, Image
from edge.sensor.visits.fusion import Fusion

PX_PLACES, FRACTION_PLACES, TIME_PLACES, YEARS_PLACES = 1, 3, 3, 1
"""Decimal places of px, of scores and confidences, of seconds and of years."""
_OLDEST = 120.0
_EVEN = 0.5


class FoundFace(NamedTuple):
    """A face of an image: its detection, the track that it belongs to, and the looks at it, where there are any."""

    detection: Detection
    track_id: int | None = None
    looks: Sequence[AttributeEstimate] = ()


class LineWriter:
    """Writes lines. With `untrained` networks no label is given: unknown, confidence 0, no years, p_female 0.5."""

    def __init__(self, fusion: Fusion, *, untrained: bool = False) -> None:
        self.untrained = untrained
        self._fusion = fusion
        self._taxonomy = cast(TaxonomyName, fusion.taxonomy.name)

    def line(
        self, source: str, image: Image, found: Iterable[FoundFace], frame: int = 0, at_s: float = 0.0
    ) -> AnalyzeLine:
        """The line of one image, faces best first; faces that lie outside the image altogether are left out."""
        height, width = image.shape[:2]
        faces = [self._face(face, width, height) for face in found]
        inside = [face for face in faces if face.box[2] > face.box[0] and face.box[3] > face.box[1]]
        return AnalyzeLine(
            source=source,
            frame=frame,
            time_s=round(max(at_s, 0.0), TIME_PLACES),
            width=width,
            height=height,
            faces=sorted(inside, key=lambda face: -face.score),
        )

    def _face(self, found: FoundFace, width: int, height: int) -> Face:
        detection, looks = found.detection, found.looks
        x_min, y_min, x_max, y_max = (
            round(float(side), PX_PLACES) for side in detection.box.clipped(width, height).as_xyxy()
        )
        points = None if detection.landmarks is None else detection.landmarks.tolist()
        return Face(
            box=(x_min, y_min, x_max, y_max),
            score=_fraction(detection.score),
            landmarks=points and [(round(x, PX_PLACES), round(y, PX_PLACES)) for x, y in points],
            track_id=found.track_id,
            age=self._age(self._fusion.guess_age(looks)),
            gender=self._gender(self._fusion.guess_gender(looks)),
        )

    def _gender(self, guess: GenderGuess | None) -> LineGender | None:
        if guess is None:
            return None
        if self.untrained:
            return LineGender(label="unknown", confidence=0.0, p_female=_EVEN)
        label = cast(GenderLabel, guess.label)
        return LineGender(label=label, confidence=_fraction(guess.confidence), p_female=_fraction(guess.p_female))

    def _age(self, guess: AgeGuess | None) -> LineAge | None:
        if guess is None:
            return None
        told = guess.bracket is not None and not self.untrained
        bracket = self._fusion.taxonomy.brackets[guess.bracket] if guess.bracket is not None and told else None
        years = None if guess.years is None or self.untrained else min(max(guess.years, 0.0), _OLDEST)
        return LineAge(
            years=None if years is None else round(years, YEARS_PLACES),
            taxonomy=self._taxonomy,
            bracket=bracket.label if bracket else "unknown",
            low=bracket.low if bracket else None,
            high=bracket.high if bracket else None,
            confidence=0.0 if self.untrained else _fraction(guess.confidence),
            interval=None if self.untrained else interval_of(self._fusion.taxonomy, guess.interval),
        )


def _fraction(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), FRACTION_PLACES)
