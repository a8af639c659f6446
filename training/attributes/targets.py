"""What the network should answer, and how wrong an answer is.

Label distributions after Gao et al., "Age Estimation Using Expectation of Label Distribution Learning", IJCAI 2018;
mixing of pictures and answers after Zhang et al., "mixup", ICLR 2018.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge.sensor.types import FEMALE
from training.attributes.config import Targets
from training.data.chips import UNKNOWN, Chips
from training.networks.attributes import AGES

YOUNG_SHARE = 0.1
"""Weight of the gender of the youngest faces, which hardly show it."""
SMOOTH_YEARS = 3.0
"""Spread of the age histogram that says how rare an age is."""
RAREST = 4.0
"""A face counts at most this many times the mean."""


class Answers(NamedTuple):
    """Wanted answers for N faces.

    ages: float32 (N, 101), sums to 1. genders: float32 (N, 2) female, male. age_weights, gender_weights: float32 (N,),
    0 where the label is unknown. features: float32 (N, F), the teachers' features, mean 0 and standard deviation 1; F
    is 0 without teachers.
    """

    ages: Tensor
    genders: Tensor
    age_weights: Tensor
    gender_weights: Tensor
    features: Tensor

    def take(self, positions: Tensor) -> Answers:
        """The answers for the faces at these positions."""
        return Answers(*(column[positions] for column in self))


def answers_from_labels(chips: Chips, wanted: Targets, device: torch.device) -> Answers:
    """Answers for labelled faces; an age band spreads evenly over its years."""
    low, high = (torch.tensor(bound, device=device).float().clamp(0, AGES - 1) for bound in _years(chips))
    known_age = torch.tensor(chips.bands[:, 0] != UNKNOWN, dtype=torch.float32, device=device)
    known_gender = torch.tensor(chips.genders != UNKNOWN, dtype=torch.float32, device=device)
    female = torch.tensor(chips.genders == FEMALE, dtype=torch.float32, device=device)
    female = female * (1 - 2 * wanted.gender_smoothing) + wanted.gender_smoothing
    young = (high < wanted.gender_from_years) & (known_age > 0)
    return Answers(
        ages=_spread(low, high, wanted),
        genders=torch.stack((female, 1 - female), dim=1),
        age_weights=known_age * torch.tensor(rarity_weights(chips.ages, wanted.rarity), device=device),
        gender_weights=known_gender * torch.where(young, YOUNG_SHARE, 1.0),
        features=torch.zeros(len(chips), 0, device=device),
    )


def _years(chips: Chips) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """First and last year of each label; both are the age itself, fractions included, where it is known."""
    exact = ~np.isnan(chips.ages)
    first, last = (np.where(exact, chips.ages, bound).astype(np.float32) for bound in chips.bands.T)
    return first, last


def _spread(low: Tensor, high: Tensor, wanted: Targets) -> Tensor:
    """Probabilities of the ages 0-100, float32 (N, 101): normal beyond both ends of the band, flat inside."""
    bins = torch.arange(AGES, device=low.device, dtype=torch.float32)
    outside = (low.unsqueeze(1) - bins).clamp(min=0) + (bins - high.unsqueeze(1)).clamp(min=0)
    sigma = (wanted.age_sigma_years + wanted.age_sigma_growth * (low + high) / 2).unsqueeze(1)
    return functional.softmax(-((outside / sigma) ** 2) / 2, dim=1)


def rarity_weights(ages: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    """Weight of each face by how rare its age is: the smoothed density to -power, mean 1 over the known ages, float32
    (N,).

    After Yang et al., "Delving into Deep Imbalanced Regression", ICML 2021.
    """
    known = ~np.isnan(ages)
    weights = np.ones(len(ages), np.float32)
    if power == 0 or not known.any():
        return weights
    whole = ages[known].clip(0, AGES - 1).astype(int)
    bins = np.arange(AGES)
    kernel = np.exp(-(((bins[:, None] - bins[None]) / SMOOTH_YEARS) ** 2) / 2)
    density = (kernel / kernel.sum(1, keepdims=True)) @ np.bincount(whole, minlength=AGES)
    rare = density[whole] ** -power
    weights[known] = (rare / rare.mean()).clip(max=RAREST)
    return weights


def blend(teachers: Answers, labels: Answers, share: float) -> Answers:
    """Mix the teachers' answers (`share`) with the labels (the rest); without a label the teachers alone count."""

    def mixed(taught: Tensor, labelled: Tensor, known: Tensor) -> Tensor:
        part = torch.where(known > 0, share, 1.0).unsqueeze(1)
        return part * taught + (1 - part) * labelled

    return Answers(
        ages=mixed(teachers.ages, labels.ages, labels.age_weights),
        genders=mixed(teachers.genders, labels.genders, labels.gender_weights),
        age_weights=torch.where(labels.age_weights > 0, labels.age_weights, 1.0),
        gender_weights=torch.ones_like(labels.gender_weights),
        features=teachers.features,
    )


def doubt(answers: Answers, masked: Tensor, share: float) -> Answers:
    """Move the answers for masked faces, bool (N,), by `share` towards the batch's mean: what fits anybody."""
    part = share * masked.float().unsqueeze(1)

    def doubted(probs: Tensor, weights: Tensor) -> Tensor:
        anybody = (probs * weights.unsqueeze(1)).sum(0) / weights.sum().clamp(min=1e-6)
        return probs + part * (anybody - probs)

    ages, genders = doubted(answers.ages, answers.age_weights), doubted(answers.genders, answers.gender_weights)
    return answers._replace(ages=ages, genders=genders)


def mix(answers: Answers, order: Tensor, share: float) -> Answers:
    """Answers for pictures mixed from `share` of each face and, for the rest, of the face at `order`."""
    ages, age_weights = _mix_known(answers.ages, answers.age_weights, order, share)
    genders, gender_weights = _mix_known(answers.genders, answers.gender_weights, order, share)
    features = share * answers.features + (1 - share) * answers.features[order]
    return Answers(ages, genders, age_weights, gender_weights, features)


def _mix_known(probs: Tensor, weights: Tensor, order: Tensor, share: float) -> tuple[Tensor, Tensor]:
    mine, other = share * weights, (1 - share) * weights[order]
    total = mine + other
    part = (mine / total.clamp(min=1e-6)).unsqueeze(1)
    return part * probs + (1 - part) * probs[order], total


class Losses(NamedTuple):
    """Means over a batch: cross entropies in nats, error of the expectation in years, squared error of the teachers'
    features; `total` is minimised.
    """

    total: Tensor
    age: Tensor
    years: Tensor
    gender: Tensor
    features: Tensor


def losses(logits: tuple[Tensor, Tensor], seen: Tensor, answers: Answers, wanted: Targets) -> Losses:
    """How wrong the logits of age (N, 101) and gender (N, 2) and the guessed teachers' features (N, F) are."""
    age_logs, gender_logs = (functional.log_softmax(each.float(), dim=1) for each in logits)
    bins = torch.arange(AGES, device=age_logs.device, dtype=torch.float32)
    age = -(answers.ages * age_logs).sum(1)
    years = functional.smooth_l1_loss(age_logs.exp() @ bins, answers.ages @ bins, reduction="none")
    gender = -(answers.genders * gender_logs).sum(1)
    age, years = (_mean(each, answers.age_weights) for each in (age, years))
    gender = _mean(gender, answers.gender_weights)
    features = (seen.float() - answers.features).square().mean() if answers.features.numel() else age.new_zeros(())
    total = age + wanted.years_weight * years + wanted.gender_weight * gender + wanted.features_weight * features
    return Losses(total, age, years, gender, features)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
