"""Compares an attribute network with its float reference, and both with labels where there are any."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conversion.verify.networks import Outputs
from conversion.verify.verdict import Share
from edge.catalog.manifest import Manifest
from edge.schemas.taxonomy import taxonomy
from edge.sensor.attributes.decoded import Attributes
from edge.sensor.attributes.estimator import DECODERS
from edge.sensor.types import FEMALE, MALE
from edge.workbench.labelled.samples import Sample

POSITIONS = {"female": FEMALE, "male": MALE}
"""Position of each gender in gender_probs."""


ATTRIBUTE_METRICS = (
    "age_probs_mean", "age_years_mean", "age_mae", "age_mae_change", "reference_age_mae",
    "gender_probs_mean", "gender_agreement", "gender_accuracy", "gender_points_lost", "reference_gender_accuracy",
)  # fmt: skip
"""Metrics that a gate may name."""


class AttributeTally:
    """Sums differences over faces. labels: by a picture's name; what a label leaves out is not compared."""

    def __init__(self, manifest: Manifest, labels: Mapping[str, Sample]) -> None:
        self._manifest, self._labels = manifest, labels
        self._sums: dict[str, list[float]] = {}

    def add(self, name: str, reference: Outputs, artefact: Outputs) -> None:
        """Add one face's outputs."""
        decode = DECODERS[self._manifest.decoder]
        wanted, given = decode(reference), decode(artefact)
        self._compare_age(wanted, given)
        if wanted.gender_probs is not None and given.gender_probs is not None:
            self._note("gender_probs_mean", float(np.abs(given.gender_probs - wanted.gender_probs).mean()))
            self._note("gender_agreement", float(given.gender_probs.argmax() == wanted.gender_probs.argmax()))
        if name in self._labels:
            self._compare_label(self._labels[name], wanted, "reference_")
            self._compare_label(self._labels[name], given, "")

    def shares(self) -> dict[str, Share]:
        """Faces whose gender changed, out of all that have one."""
        agreed = self._sums.get("gender_agreement", [])
        return {"gender_agreement": Share(len(agreed) - round(sum(agreed)), len(agreed))}

    def metrics(self) -> dict[str, float]:
        """Means over all faces; with labels also the change in errors, positive where the artefact is worse."""
        means = {key: float(np.mean(values)) for key, values in self._sums.items()}
        if "age_mae" in means:
            means["age_mae_change"] = means["age_mae"] - means["reference_age_mae"]
        if "gender_accuracy" in means:
            points = 100 * (means["reference_gender_accuracy"] - means["gender_accuracy"])
            means["gender_points_lost"] = points
        return means

    def _compare_age(self, wanted: Attributes, given: Attributes) -> None:
        if wanted.age_probs is not None and given.age_probs is not None:
            self._note("age_probs_mean", float(np.abs(given.age_probs - wanted.age_probs).mean()))
        before, after = self._years(wanted), self._years(given)
        if before is not None and after is not None:
            self._note("age_years_mean", abs(after - before))

    def _compare_label(self, label: Sample, found: Attributes, prefix: str) -> None:
        years = self._years(found)
        if years is not None and label.age is not None:
            self._note(f"{prefix}age_mae", abs(years - label.age))
        if found.gender_probs is not None and label.gender is not None:
            self._note(f"{prefix}gender_accuracy", float(found.gender_probs.argmax() == POSITIONS[label.gender]))

    def _years(self, found: Attributes) -> float | None:
        """The network's age in years; for a network of classes, the mean of its brackets' middles by probability."""
        if found.age_years is not None:
            return float(found.age_years[0])
        if found.age_probs is None or self._manifest.taxonomy is None:
            return None
        middles = [(bracket.low + bracket.high) / 2 for bracket in taxonomy(self._manifest.taxonomy).brackets]
        return float(found.age_probs[0] @ np.array(middles, np.float32))

    def _note(self, key: str, value: float) -> None:
        self._sums.setdefault(key, []).append(value)
