"""What a gate on the quality of looks gains: fewer answers, fewer of them wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.schemas.taxonomy import ADS_8
from edge.sensor.types import FEMALE, MALE, AttributeEstimate
from edge.sensor.visits.fusion import Fusion
from edge.workbench.labelled.samples import Sample
from training.evaluation.attributes.answers import Answers, read_answers
from training.evaluation.attributes.truth import Truth, read_truth

GATES = tuple(step / 20 for step in range(17))
"""Least qualities, 0 to 0.8."""
FEWEST = 30
"""Looks that a share needs at least."""
HALF = 0.5
"""From this probability of female on, the likelier gender is female."""


class GateStep(Struct, frozen=True, kw_only=True):
    """Looks of at least this quality. kept: share of all looks. Shares are null where there are few looks with labels.

    gender_wrong: share whose likelier gender is not the labelled one. gender_told: share whose confidence reaches the
    threshold; gender_told_wrong: the wrong share of those. mae_years: null where no years are given.
    """

    gate: float
    looks: int
    kept: float
    mae_years: float | None
    gender_wrong: float | None
    gender_told: float | None
    gender_told_wrong: float | None


class CoverStep(Struct, frozen=True, kw_only=True):
    """Faces of one kind (`state`), seen by the detector or not.

    seen: share that the detector finds. passed: share whose look passes the gate of the settings. told: share of all
    whose gender an event with that look would report; told_wrong: share of all whose gender it would report wrongly,
    null where the genders are unknown.
    """

    source: str
    state: str
    faces: int
    seen: float
    passed: float
    told: float
    told_wrong: float | None


def gate_curve(samples: Sequence[Sample], looks: Sequence[AttributeEstimate], fusion: Fusion) -> list[GateStep]:
    """One step for each of `GATES`. looks: one of each sample, with its quality."""
    truth, answers = read_truth(samples), read_answers([[look] for look in looks], {ADS_8.name: fusion})
    quality = np.array([look.quality for look in looks], np.float64)
    return [_step(gate, quality >= gate, truth, answers) for gate in GATES]


def cover_step(
    source: str, state: str, looks: Sequence[AttributeEstimate | None], fusion: Fusion, least: float,
    females: NDArray[np.bool_] | None = None,
) -> CoverStep:  # fmt: skip
    """Score the looks at faces of one kind. looks: one per face, None where it was not found. least: the gate. females:
    bool (F,), if known.
    """
    good = [[look] if look is not None and look.quality >= least else [] for look in looks]
    answers = read_answers(good, {ADS_8.name: fusion})
    wrong = None if females is None else answers.gender_told & ((answers.p_female >= HALF) != females)
    return CoverStep(
        source=source,
        state=state,
        faces=len(looks),
        seen=_share(np.array([look is not None for look in looks], np.bool_)),
        passed=_share(answers.found),
        told=_share(answers.gender_told),
        told_wrong=None if wrong is None else _share(wrong),
    )


def _step(gate: float, chosen: NDArray[np.bool_], truth: Truth, answers: Answers) -> GateStep:
    errors = np.abs(answers.years - truth.age)[chosen]
    errors = errors[~np.isnan(errors)]
    labelled = chosen & np.isin(truth.gender, (FEMALE, MALE)) & ~np.isnan(answers.p_female)
    wrong = (answers.p_female >= HALF) != (truth.gender == FEMALE)
    told = labelled & answers.gender_told
    return GateStep(
        gate=gate,
        looks=int(chosen.sum()),
        kept=_share(chosen),
        mae_years=float(errors.mean()) if len(errors) >= FEWEST else None,
        gender_wrong=_share_of(wrong, labelled),
        gender_told=_share_of(answers.gender_told, labelled),
        gender_told_wrong=_share_of(wrong, told),
    )


def _share(chosen: NDArray[np.bool_]) -> float:
    return float(chosen.mean()) if len(chosen) else 0.0


def _share_of(what: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(what[among].mean()) if among.sum() >= FEWEST else None
