"""The result of an evaluation of counts, as types: the JSON that `passerby evaluate counts --json` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]


class _Record(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class DwellErrors(_Record, frozen=True, kw_only=True):
    """Absolute differences between a stay and its visit (the longest one, if it is split), seconds."""

    visits: int
    median_s: float
    p90_s: float


class GenderShares(_Record, frozen=True, kw_only=True):
    """Women among those whose gender is known: in the truth and in the visits. Null where it is known of nobody."""

    women_true: Share | None
    known_true: int
    unknown_true: int
    women: Share | None
    known: int
    unknown: int


class BracketShare(_Record, frozen=True, kw_only=True):
    """One bracket of the taxonomy: expected visits and visits in it; the last one, `unknown`, holds all others."""

    bracket: str
    expected: int
    visits: int


class CountResult(_Record, frozen=True, kw_only=True):
    """One clip, or all together.

    visits = expected - merged - missed + split + brief + ghosts.
    """

    clip: str
    frames: int
    duration_s: float
    matched_by: Literal["boxes", "time", "both"]
    people: Annotated[int, Meta(description="Persons who are in view for 1.5 s or more at a time.")]
    expected: Annotated[int, Meta(description="Times that somebody is: the visits to count.")]
    visits: int
    count_error_pct: Annotated[float | None, Meta(description="100 (visits - expected) / expected.")]
    merged: Annotated[int, Meta(description="Expected visits that were counted within somebody else's.")]
    split: Annotated[int, Meta(description="Visits beyond the first of one expected visit.")]
    missed: Annotated[int, Meta(description="Expected visits that were not seen.")]
    brief: Annotated[int, Meta(description="Visits of somebody who was in view for less than 1.5 s.")]
    ghosts: Annotated[int, Meta(description="Visits of nobody.")]
    dwell: DwellErrors | None
    idf1: Annotated[Share | None, Meta(description="Null where the truth has no boxes.")]
    gender: GenderShares | None
    brackets: list[BracketShare]


class CountVerdict(_Record, frozen=True, kw_only=True):
    """Whether all clips together meet a requirement."""

    requirement: str
    value: float | None
    met: bool


class CountEvaluation(_Record, frozen=True, kw_only=True):
    """A whole evaluation. total: all clips together, where there are several."""

    version: str
    model_set: str
    target: str
    taxonomy: str
    warnings: list[str]
    clips: list[CountResult]
    total: CountResult | None
    verdicts: list[CountVerdict]
