"""The five-fold protocol of Adience: accuracy on each fold, and its mean and standard deviation over folds.

Source: Eidinger, Enbar and Hassner, IEEE TIFS 9(12), 2014; Levi and Hassner, CVPR Workshops 2015. "Exact" is the share
of faces in the right band of adience-8, "one-off" of those in the right band or one next to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.schemas.taxonomy import ADIENCE_8
from training.evaluation.attributes.answers import read_answers
from training.evaluation.attributes.measures import values
from training.evaluation.attributes.truth import read_truth
from training.evaluation.subject import Seen, Subject

MEASURES = {"exact": "adience-8_accuracy", "one_off": "adience-8_one_off", "gender": "gender_accuracy"}
"""The protocol's terms -> measures."""


class FoldScore(msgspec.Struct, frozen=True, kw_only=True):
    """One fold: shares 0-1, null where the model set does not give the part. Faces that are not found are left out."""

    fold: int
    model_set: str
    photographs: int
    without_face: int
    exact: float | None
    one_off: float | None
    gender: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and sample standard deviation over folds."""

    mean: float
    sd: float


def score_fold(fold: int, subject: Subject, seen: Seen) -> FoldScore:
    """The accuracies of one fold."""
    fusions = {ADIENCE_8.name: subject.fusions()[ADIENCE_8.name]}
    found = values(read_truth(seen.samples), read_answers(seen.looks, fusions))
    shares = {word: _share(found[name]) for word, name in MEASURES.items()}
    return FoldScore(
        fold=fold,
        model_set=subject.name,
        photographs=len(seen.samples),
        without_face=seen.without_face,
        exact=shares["exact"],
        one_off=shares["one_off"],
        gender=shares["gender"],
    )


def over_folds(scores: Sequence[FoldScore]) -> dict[str, Spread]:
    """Each accuracy over the folds that have it."""
    found = {}
    for word in MEASURES:
        shares = [share for each in scores if (share := getattr(each, word)) is not None]
        if shares:
            found[word] = Spread(mean(shares), stdev(shares) if len(shares) > 1 else 0.0)
    return found


def _share(column: NDArray[np.float64]) -> float | None:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else None
