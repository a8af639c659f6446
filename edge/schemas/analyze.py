"""One line of `passerby analyze --json`: JSON Lines, one object an image or frame."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from edge.schemas.interval import Interval
from edge.schemas.vocabulary import OPEN, Fraction, GenderLabel, TaxonomyName

Px = Annotated[float, Meta(ge=0, description="Pixels of the original image.")]


class _Line(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class LineAge(_Line, frozen=True, kw_only=True):
    """Apparent age; `years` is given whatever the threshold, and is null for class models."""

    years: Annotated[float, Meta(ge=0, le=120)] | None
    taxonomy: Annotated[TaxonomyName, OPEN]
    bracket: str
    low: int | None
    high: int | None
    confidence: Fraction
    interval: Interval | None = None


class LineGender(_Line, frozen=True, kw_only=True):
    """Apparent gender; `p_female` is given whatever the threshold."""

    label: GenderLabel
    confidence: Fraction
    p_female: Fraction


class Face(_Line, frozen=True, kw_only=True):
    """One face. Age and gender are null where nobody asked, and of a face that is too small or not looked at yet."""

    box: Annotated[tuple[Px, Px, Px, Px], Meta(description="[x_min, y_min, x_max, y_max], clipped to the image.")]
    score: Fraction
    landmarks: Annotated[
        list[tuple[float, float]] | None,
        Meta(description="The person's own right eye, left eye, nose, right and left mouth corner, px; or null."),
    ]
    track_id: int | None
    age: LineAge | None
    gender: LineGender | None


class AnalyzeLine(_Line, frozen=True, kw_only=True):
    """One image or frame; faces by score, best first."""

    source: str
    frame: Annotated[int, Meta(ge=0)]
    time_s: Annotated[float, Meta(ge=0)]
    width: Annotated[int, Meta(ge=1)]
    height: Annotated[int, Meta(ge=1)]
    faces: list[Face]


class AnalyzeError(_Line, frozen=True, kw_only=True):
    """A source, or a member of one, that could not be read; the rest go on."""

    source: str
    error: str
