"""From looks and labels to a result: every measure over every slice, and what the plots show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.schemas.taxonomy import TAXONOMIES
from training.evaluation.attributes.answers import Answers, read_answers
from training.evaluation.attributes.bootstrap import Interval, intervals
from training.evaluation.attributes.gaps import with_gaps
from training.evaluation.attributes.measures import (
    Confidences,
    confidences,
    confusions,
    coverage_curve,
    reliability,
    values,
)
from training.evaluation.attributes.records import (
    Confusion,
    CoveragePoint,
    ErrorAtAge,
    Measure,
    ReliabilityBin,
    Result,
    SliceResult,
)
from training.evaluation.attributes.truth import Slice, Truth, make_slices, read_truth
from training.evaluation.subject import Seen, Subject

YEARS_A_STEP = 5
CURVE_POINTS = 200
"""Points of a coverage curve, which would otherwise have one per photograph."""
PLACES = 6
"""Decimal places in JSON."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are drawn."""

    draws: int = 1000
    seed: int = 1


def score(subject: Subject, data_set: str, seen: Seen, spans: Sequence[str], bootstrap: Bootstrap) -> Result:
    """The result of a model set on a data set. Raises UsageError for an invalid span of ages."""
    truth = read_truth(seen.samples)
    fusions = subject.fusions()
    answers = read_answers(seen.looks, fusions)
    any_fusion = next(iter(fusions.values()))
    told = confidences(truth, answers)
    return Result(
        data_set=data_set,
        model_set=subject.name,
        networks=[f"{manifest.id}@{manifest.version}" for manifest in subject.attributes],
        target=subject.target,
        untrained=any(manifest.random_weights_seed is not None for manifest in subject.attributes),
        photographs=len(seen.samples),
        unreadable=seen.unreadable,
        without_face=seen.without_face,
        min_gender_confidence=any_fusion.min_gender_confidence or any_fusion.gender.min_gender_confidence,
        min_age_confidence=any_fusion.min_age_confidence or any_fusion.age.min_age_confidence,
        slices=with_gaps(score_slices(truth, answers, make_slices(truth, spans), bootstrap)),
        confusion=_confusion(truth, answers),
        reliability={name: _reliability(each) for name, each in told.items()},
        coverage={name: _coverage(each) for name, each in told.items()},
        error_by_age=error_by_age(truth, answers),
    )


def score_slices(truth: Truth, answers: Answers, slices: Sequence[Slice], bootstrap: Bootstrap) -> list[SliceResult]:
    """Every measure over every slice, with intervals."""
    found = intervals(
        values(truth, answers),
        confidences(truth, answers),
        [each.members for each in slices],
        truth.persons,
        draws=bootstrap.draws,
        seed=bootstrap.seed,
    )
    return [_slice(each, measures) for each, measures in zip(slices, found, strict=True)]


def error_by_age(truth: Truth, answers: Answers, step: int = YEARS_A_STEP) -> list[ErrorAtAge]:
    """Mean absolute and signed error of every few years of age that occur."""
    error = answers.years - truth.age
    found = []
    for first in range(0, 101, step):
        last = first + step - 1 if first < 100 else 120
        with np.errstate(invalid="ignore"):
            here = error[(np.floor(truth.age) >= first) & (np.floor(truth.age) <= last) & ~np.isnan(error)]
        if len(here):
            mae, bias = (round(float(each.mean()), PLACES) for each in (np.abs(here), here))
            found.append(ErrorAtAge(from_age=first, to_age=last, mae_years=mae, bias_years=bias, photographs=len(here)))
    return found


def _slice(each: Slice, measures: Mapping[str, Interval]) -> SliceResult:
    return SliceResult(
        ages=each.ages,
        gender=each.gender,  # type: ignore[arg-type]
        group=each.group,
        name=each.name,
        photographs=int(each.members.sum()),
        measures={name: _measure(interval) for name, interval in measures.items()},
    )


def _measure(interval: Interval) -> Measure:
    value, low, high = (None if math.isnan(each) else round(each, PLACES) for each in interval[:3])
    return Measure(value=value, low=low, high=high, photographs=interval.photographs)


def _confusion(truth: Truth, answers: Answers) -> dict[str, Confusion]:
    labels = {name: [bracket.label for bracket in found.brackets] for name, found in TAXONOMIES.items()}
    counts = confusions(truth, answers, {name: len(each) for name, each in labels.items()})
    labels["gender"] = ["female", "male"]
    return {name: Confusion(labels=labels[name], counts=each.tolist()) for name, each in counts.items() if each.any()}


def _reliability(each: Confidences) -> list[ReliabilityBin]:
    return [
        ReliabilityBin(confidence=round(confidence, PLACES), accuracy=round(accuracy, PLACES), photographs=count)
        for confidence, accuracy, count in reliability(each)
    ]


def _coverage(each: Confidences) -> list[CoveragePoint]:
    threshold, coverage, accuracy = coverage_curve(each)
    return [
        CoveragePoint(
            threshold=round(float(threshold[index]), PLACES),
            coverage=round(float(coverage[index]), PLACES),
            accuracy=round(float(accuracy[index]), PLACES),
        )
        for index in _spread(len(threshold))
    ]


def _spread(count: int) -> NDArray[np.int64]:
    """Up to `CURVE_POINTS` positions from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, CURVE_POINTS)).astype(np.int64))
