"""As sure as right: when training ends, the last layers are scaled to fit held-out faces (Guo et al., ICML 2017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from edge.schemas.taxonomy import ADS_8, MAX_AGE, MINOR_BELOW
from edge.sensor.attributes.ages import bracket_map
from edge.sensor.types import FEMALE
from training.attributes.validation import answer
from training.data.chips import Chips
from training.evaluation.calibrate.fit import FEWEST, Labels, Probs, fit_temperature
from training.networks.attributes import AttributeNetwork, NetworkConfig

_BRACKETS = np.array(ADS_8.bracket_of_each_age())


class Temperatures(NamedTuple):
    """What the logits of age and gender were divided by; 1 where there are too few faces to tell."""

    age: float
    gender: float


def temper(network: AttributeNetwork, chips: Chips, config: NetworkConfig) -> Temperatures:
    """Divide the last layers, in place, by the temperatures that make held-out answers least surprising.

    Age by the brackets of `ads-8`, gender of those who are not children. When ages are too sure or not sure enough,
    their median lies too near the middle of life or too far from it; the accuracy of gender does not change.
    """
    ages, p_female = answer(network, chips, config)
    aged = ~np.isnan(chips.ages)
    grown = aged & (chips.genders >= 0) & (np.nan_to_num(chips.ages) >= MINOR_BELOW)
    brackets = _BRACKETS[np.nan_to_num(chips.ages).clip(0, MAX_AGE).astype(int)]
    genders = np.stack((p_female, 1 - p_female), axis=1)
    labels = np.where(chips.genders == FEMALE, 0, 1)
    found = Temperatures(
        _fit(ages[aged], brackets[aged], bracket_map(None, ADS_8)), _fit(genders[grown], labels[grown], _same)
    )
    _divide(network.age, found.age)
    _divide(network.gender, found.gender)
    return found


def _fit(probs: Probs, labels: Labels, to_classes: Callable[[Probs], Probs]) -> float:
    if len(labels) < FEWEST:
        return 1.0
    return fit_temperature(probs, labels, to_classes, "held-out faces").temperature


def _same(probs: Probs) -> Probs:
    return probs


@torch.no_grad()
def _divide(layer: nn.Linear, temperature: float) -> None:
    layer.weight /= temperature
    layer.bias /= temperature
