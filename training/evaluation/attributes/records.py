"""The result of an evaluation, as types: the JSON that `passerby evaluate attributes --json` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]


class _Record(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Measure(_Record, frozen=True, kw_only=True):
    """A measure and its bootstrap interval; null where no photograph counts or there is no interval."""

    value: float | None
    low: float | None
    high: float | None
    photographs: Annotated[int, Meta(ge=0, description="Photographs that count for this measure.")]


class SliceResult(_Record, frozen=True, kw_only=True):
    """Measures over some of the photographs."""

    ages: Annotated[str, Meta(description="`all`, a span of years or a band of ads-8.")]
    gender: Literal["female", "male"] | None
    group: str | None
    name: str
    photographs: int
    measures: Annotated[
        dict[str, Measure],
        Meta(
            description="mae_years, bias_years, cs5, gender_accuracy, gender_coverage, gender_answered_accuracy, "
            "gender_ece, and for each taxonomy T: T_accuracy, T_one_off, T_interval, T_coverage, "
            "T_answered_accuracy, T_ece. "
            "Where there are subgroups, without intervals: group_mae_ratio, gender_accuracy_gap."
        ),
    ]


class ReliabilityBin(_Record, frozen=True, kw_only=True):
    """Answers of similar confidence."""

    confidence: Share
    accuracy: Share
    photographs: int


class CoveragePoint(_Record, frozen=True, kw_only=True):
    """What happens at one threshold: share of photographs that are answered, and share of those that are right."""

    threshold: Share
    coverage: Share
    accuracy: Share


class Confusion(_Record, frozen=True, kw_only=True):
    """Counts: labelled in rows, answered (whatever the threshold) in columns."""

    labels: list[str]
    counts: list[list[int]]


class ErrorAtAge(_Record, frozen=True, kw_only=True):
    """Errors in years over a few years of age."""

    from_age: int
    to_age: int
    mae_years: float
    bias_years: float
    photographs: int


class Result(_Record, frozen=True, kw_only=True):
    """One model set on one data set."""

    data_set: str
    model_set: str
    networks: list[str]
    target: str
    untrained: bool
    photographs: Annotated[int, Meta(description="Photographs that could be read.")]
    unreadable: int
    without_face: int
    min_gender_confidence: Share
    min_age_confidence: Share
    slices: list[SliceResult]
    confusion: Annotated[dict[str, Confusion], Meta(description="`gender`, and each taxonomy.")]
    reliability: dict[str, list[ReliabilityBin]]
    coverage: dict[str, list[CoveragePoint]]
    error_by_age: list[ErrorAtAge]


class Verdict(_Record, frozen=True, kw_only=True):
    """Whether a result meets a requirement; value is null, and it is not met, where no photograph counts."""

    requirement: str
    measure: str
    data_set: str
    model_set: str
    value: float | None
    met: bool


class Evaluation(_Record, frozen=True, kw_only=True):
    """A whole evaluation."""

    schema: Literal["passerby.evaluation/1"] = "passerby.evaluation/1"
    version: str
    face_choice: str
    interval: Annotated[float, Meta(description="Share of draws inside each interval.")]
    draws: int
    seed: int
    warnings: list[str]
    results: list[Result]
    verdicts: list[Verdict]
