"""Calibrates a model set on labelled photographs: from its looks, through `fit`, to the lines of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Calibration, Manifest
from edge.errors import BadInput, explain
from edge.schemas.taxonomy import Taxonomy
from edge.sensor.attributes.ages import bracket_map
from edge.sensor.types import AttributeEstimate
from edge.sensor.visits.fusion import mean_spread
from training.evaluation.attributes.truth import UNKNOWN, Mask, Truth, make_slices, read_truth
from training.evaluation.calibrate.fit import (
    Fit,
    Interval,
    Probs,
    Threshold,
    confidences_of,
    cool,
    fit_interval_mass,
    fit_temperature,
    least_threshold,
)
from training.evaluation.subject import Seen, Subject, calibrations


@dataclass(frozen=True, slots=True)
class Rule:
    """How thresholds are chosen: the share of reported genders and brackets that must be right, and on which ages.

    taxonomy: whose brackets count. gender_ages, age_ages: `all` or a span of ages.
    """

    taxonomy: Taxonomy
    gender_right: float = 0.97
    age_right: float = 0.5
    gender_ages: str = "13+"
    age_ages: str = "all"


@dataclass(frozen=True, slots=True)
class Part:
    """What was fitted for `gender` or `age`, and for which network; None where nothing is good enough, or not asked."""

    word: str
    manifest: Manifest
    fit: Fit
    threshold: Threshold | None
    interval: Interval | None = None


def calibrate(subject: Subject, seen: Seen, rule: Rule) -> list[Part]:
    """Fit the parts that the model set gives, on looks at labelled photographs. Raises BadInput for too few,
    UsageError.
    """
    truth, found = read_truth(seen.samples), []
    for word, manifest in sorted(calibrations(subject.attributes).items()):
        fit_part = _fit_gender if word == "gender" else _fit_age
        found.append(fit_part(manifest, seen, truth, rule))
    return found


def new_calibration(parts: Sequence[Part], manifest: Manifest) -> Calibration:
    """The calibration of a network: what was fitted for it, the rest unchanged."""
    changes: dict[str, float] = {}
    for part in parts:
        if part.manifest.id == manifest.id:
            changes[f"{part.word}_temperature"] = part.fit.temperature
            if part.threshold is not None:
                changes[f"min_{part.word}_confidence"] = part.threshold.confidence
            if part.interval is not None:
                changes["interval_mass"] = part.interval.mass
    return msgspec.structs.replace(manifest.calibration, **changes)


def toml_lines(parts: Sequence[Part], manifest: Manifest, rule: Rule, data_set: str) -> list[str]:
    """The `[calibration]` table of a network's manifest, with comments on where it comes from."""
    comments = [line for part in parts if part.manifest.id == manifest.id for line in _comments(part, rule)]
    numbers = msgspec.structs.asdict(new_calibration(parts, manifest))
    return [
        f"# {manifest.id}, fitted on {data_set}:",
        *(f"# {line}" for line in comments),
        "[calibration]",
        *(f"{name} = {value}" for name, value in numbers.items()),
    ]


def _comments(part: Part, rule: Rule) -> list[str]:
    fit, threshold, right = part.fit, part.threshold, rule.gender_right if part.word == "gender" else rule.age_right
    what = "gender" if part.word == "gender" else f"bracket of {rule.taxonomy.name}"
    ages = rule.gender_ages if part.word == "gender" else rule.age_ages
    first = (
        f"{what}, ages {ages}, {fit.photographs:,} photographs: log loss {fit.loss_before:.3f} -> {fit.loss:.3f}, "
        f"calibration error {fit.ece_before:.3f} -> {fit.ece:.3f}"
    )
    if threshold is None:
        return [first, f"{what}: no threshold makes {right:.0%} of the reported ones right; it is not changed"]
    told = f"{threshold.coverage:.1%} are reported, {threshold.accuracy:.1%} of them right"
    return [
        first,
        f"{what}: least threshold at which {right:.0%} of the reported ones are right; {told}",
        *_of_interval(part),
    ]


def _of_interval(part: Part) -> list[str]:
    found = part.interval
    if found is None:
        return []
    return [f"interval: {found.coverage:.1%} of labels lie in it, {found.brackets:.2f} brackets on average"]


def _fit_gender(manifest: Manifest, seen: Seen, truth: Truth, rule: Rule) -> Part:
    probs, kept = _stack(
        seen, lambda look: look.gender_probs, (truth.gender != UNKNOWN) & _ages(truth, rule.gender_ages)
    )
    return _part("gender", manifest, probs, truth.gender[kept], lambda each: each, rule.gender_right)


def _fit_age(manifest: Manifest, seen: Seen, truth: Truth, rule: Rule) -> Part:
    labels = truth.brackets[rule.taxonomy.name]
    probs, kept = _stack(seen, lambda look: look.age_probs, (labels != UNKNOWN) & _ages(truth, rule.age_ages))
    to_brackets = bracket_map(manifest.taxonomy, rule.taxonomy)
    part = _part("age", manifest, probs, labels[kept], to_brackets, rule.age_right)
    spreads = [mean_spread(seen.looks[index]) for index in kept]
    brackets = to_brackets(cool(probs, part.fit.temperature))
    return replace(part, interval=fit_interval_mass(list(zip(brackets, spreads, strict=True)), labels[kept]))


def _part(
    word: str, manifest: Manifest, probs: Probs, labels: NDArray[np.int64], to_classes: Callable[[Probs], Probs],
    right: float,
) -> Part:  # fmt: skip
    fit = fit_temperature(probs, labels, to_classes, f"the {word} of {manifest.id}")
    told = confidences_of(to_classes(cool(probs, fit.temperature)), labels)
    return Part(word, manifest, fit, least_threshold(told, right))


def _ages(truth: Truth, ages: str) -> Mask:
    spans = [] if ages == "all" else [ages]
    found = next((each for each in make_slices(truth, spans) if each.ages == ages), None)
    if found is None:
        raise BadInput(explain("no photograph of these ages", got=ages))
    return found.members


def _stack(
    seen: Seen, part: Callable[[AttributeEstimate], Probs | None], wanted: Mask
) -> tuple[Probs, NDArray[np.int64]]:
    """The wanted photographs' probabilities, (M, bins), and their positions; those without a face are left out."""
    found = {i: part(looks[0]) for i, looks in enumerate(seen.looks) if wanted[i] and looks}
    told = {index: probs for index, probs in found.items() if probs is not None}
    rows = np.stack(list(told.values())) if told else np.zeros((0, 1), np.float32)
    return np.asarray(rows, np.float32), np.array(list(told), np.int64)
