"""What a network is asked to say, on numbers that can be checked by hand."""

from __future__ import annotations

import pytest

pytest.importorskip("PIL", reason="PIL is not installed (passerby[training])")


pytest.importorskip("torch", reason="torch is not installed (passerby[training])")


import numpy as np
import torch

from edge.sensor.types import FEMALE, MALE
from training.attributes.config import Targets
from training.attributes.targets import Answers, answers_from_labels, blend, doubt, losses, mix, rarity_weights
from training.data.chips import UNKNOWN, Chips

NAN = float("nan")
CPU = torch.device("cpu")
BINS = torch.arange(101.0)


def chips(ages: list[float], bands: list[tuple[int, int]], genders: list[int]) -> Chips:
    count = len(ages)
    return Chips(
        np.zeros((count, 112, 112, 3), np.uint8),
        np.array(ages, np.float32),
        np.array(bands, np.int64),
        np.array(genders, np.int64),
        np.array([""] * count),
    )


@pytest.fixture
def answers() -> Answers:
    four = chips([30.0, NAN, NAN, 1.0], [(30, 30), (20, 29), (UNKNOWN, UNKNOWN), (1, 1)], [FEMALE, MALE, UNKNOWN, MALE])
    return answers_from_labels(four, Targets(rarity=0.0), CPU)


def test_an_age_is_spread_round_itself(answers: Answers) -> None:
    assert answers.ages.sum(1).tolist() == pytest.approx([1] * 4, abs=1e-5)
    assert int(answers.ages[0].argmax()) == 30
    assert float(answers.ages[0] @ BINS) == pytest.approx(30, abs=0.01)
    spread = float((answers.ages[0] @ (BINS - 30) ** 2) ** 0.5)
    assert spread == pytest.approx(1.0 + 0.03 * 30, rel=0.02)


def test_a_band_is_spread_evenly_over_its_years(answers: Answers) -> None:
    inside = answers.ages[1, 20:30]
    assert float(inside.max() - inside.min()) == pytest.approx(0, abs=1e-6)
    assert float(inside.sum()) > 0.7


def test_what_is_not_known_counts_nothing(answers: Answers) -> None:
    assert answers.age_weights.tolist() == [1, 1, 0, 1]
    assert answers.gender_weights.tolist() == pytest.approx([1, 1, 0, 0.1])


def test_rare_ages_count_more_and_the_mean_stays_one() -> None:
    ages = np.array([30.0] * 90 + [80.0] * 10 + [NAN] * 5, np.float32)
    weights = rarity_weights(ages, 0.5)
    assert weights[95] > 1 > weights[0]
    assert weights[:100].mean() == pytest.approx(1, abs=0.01)
    assert rarity_weights(ages, 0.0).tolist() == [1] * 105


def test_teachers_alone_answer_where_no_label_is(answers: Answers) -> None:
    taught = Answers(
        torch.full((4, 101), 1 / 101), torch.full((4, 2), 0.5), torch.ones(4), torch.ones(4), torch.zeros(4, 3)
    )
    both = blend(taught, answers, 0.8)
    assert torch.allclose(both.ages[2], taught.ages[2])
    assert torch.allclose(both.ages[0], 0.8 * taught.ages[0] + 0.2 * answers.ages[0])
    assert both.age_weights.tolist() == [1, 1, 1, 1]


def test_mixed_answers_are_between_both(answers: Answers) -> None:
    mixed = mix(answers, torch.tensor([1, 0, 3, 2]), 0.75)
    assert torch.allclose(mixed.genders[0], 0.75 * answers.genders[0] + 0.25 * answers.genders[1])


def test_an_unknown_answer_is_not_mixed_in(answers: Answers) -> None:
    mixed = mix(answers, torch.tensor([2, 1, 0, 3]), 0.75)
    assert torch.allclose(mixed.ages[0], answers.ages[0])
    assert torch.allclose(mixed.ages[2], answers.ages[0])
    assert mixed.age_weights[[0, 2]].tolist() == pytest.approx([0.75, 0.25])


def test_a_masked_face_is_answered_for_as_anybody(answers: Answers) -> None:
    masked = torch.tensor([True, False, False, False])
    wholly, partly = doubt(answers, masked, 1.0), doubt(answers, masked, 0.9)
    known = answers.gender_weights > 0
    anybody = (answers.genders * answers.gender_weights.unsqueeze(1)).sum(0) / answers.gender_weights.sum()
    assert known.tolist() == [True, True, False, True]
    assert torch.allclose(wholly.genders[0], anybody)
    assert torch.allclose(partly.genders[0], 0.9 * anybody + 0.1 * answers.genders[0])
    assert partly.ages.sum(1).tolist() == pytest.approx([1] * 4, abs=1e-5)
    assert torch.equal(wholly.ages[1:], answers.ages[1:])


def test_the_right_answer_costs_least(answers: Answers) -> None:
    right = answers.ages.clamp(min=1e-9).log(), answers.genders.log()
    wrong = right[0].flip(1), right[1].flip(1)
    nothing = torch.zeros(4, 0)
    good, bad = losses(right, nothing, answers, Targets()), losses(wrong, nothing, answers, Targets())
    assert float(good.years) == pytest.approx(0, abs=1e-3)
    assert float(good.total) < float(bad.total)
    assert float(good.gender) < float(bad.gender)


def test_a_batch_without_labels_costs_nothing() -> None:
    nobody = answers_from_labels(chips([NAN], [(UNKNOWN, UNKNOWN)], [UNKNOWN]), Targets(), CPU)
    assert float(losses((torch.zeros(1, 101), torch.zeros(1, 2)), torch.zeros(1, 0), nobody, Targets()).total) == 0


def test_what_teachers_see_counts_where_there_are_teachers(answers: Answers) -> None:
    taught = answers._replace(features=torch.randn(4, 3, generator=torch.Generator().manual_seed(1)))
    logits = torch.zeros(4, 101), torch.zeros(4, 2)
    right, wrong = (losses(logits, seen, taught, Targets()) for seen in (taught.features, -taught.features))
    assert float(right.features) == 0
    assert float(wrong.total) == pytest.approx(float(right.total + Targets().features_weight * wrong.features))
