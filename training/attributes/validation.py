"""How good a network is on held-out faces, in a few numbers; `passerby evaluate attributes` has all of them."""

from __future__ import annotations

import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray
from torch.nn import functional

from edge.sensor.attributes.age101 import median_years
from edge.sensor.types import FEMALE
from training.data.chips import Chips
from training.networks.attributes import AttributeNetwork, NetworkConfig
from training.networks.pictures import to_input

BATCH = 512


class Validation(Struct, frozen=True):
    """Mean absolute error in years, correct genders in percent; NaN (null in the log) where no label is known."""

    mae_years: float
    mae_years_18_75: float
    gender_percent: float
    gender_percent_18_75: float
    gender_percent_3_up: float
    child_band_percent: float
    bias_18_25: float
    bias_66_up: float

    def __str__(self) -> str:
        return (
            f"error {self.mae_years:.2f} years, gender right {self.gender_percent:.1f} %; "
            f"18 to 75 years old: {self.mae_years_18_75:.2f} years, {self.gender_percent_18_75:.1f} %"
        )


def validate(network: AttributeNetwork, chips: Chips, config: NetworkConfig) -> Validation:
    """Estimate every chip once, undisturbed."""
    ages, p_female = answer(network, chips, config)
    years = median_years(ages)
    error = years - chips.ages
    right = (p_female > 0.5) == (chips.genders == FEMALE)
    known = chips.genders >= 0
    age = chips.ages
    child = ages[:, :13].sum(1)
    return Validation(
        mae_years=_mean(np.abs(error), age >= 0),
        mae_years_18_75=_mean(np.abs(error), _between(age, 18, 75)),
        gender_percent=100 * _mean(right, known),
        gender_percent_18_75=100 * _mean(right, known & _between(age, 18, 75)),
        gender_percent_3_up=100 * _mean(right, known & (age >= 3)),
        child_band_percent=100 * _mean(child > 0.5, age < 13),
        bias_18_25=_mean(error, _between(age, 18, 25)),
        bias_66_up=_mean(error, age >= 66),
    )


@torch.no_grad()
def answer(
    network: AttributeNetwork, chips: Chips, config: NetworkConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of the ages 0-100, float32 (N, 101), and of female, float32 (N,), for every chip."""
    device = next(network.parameters()).device
    ages, genders = [], []
    for start in range(0, len(chips), BATCH):
        images = torch.from_numpy(chips.images[start : start + BATCH]).to(device)
        age, gender = network(to_input(images.permute(0, 3, 1, 2).float() / 255, config.input_px, config.margin))
        ages.append(functional.softmax(age.float(), 1).cpu())
        genders.append(functional.softmax(gender.float(), 1)[:, FEMALE].cpu())
    return torch.cat(ages).numpy(), torch.cat(genders).numpy()


def _between(ages: NDArray[np.float32], low: int, high: int) -> NDArray[np.bool_]:
    return (ages >= low) & (ages <= high)


def _mean(values: NDArray[np.generic], where: NDArray[np.bool_]) -> float:
    return float(np.asarray(values, np.float64)[where].mean()) if where.any() else float("nan")
