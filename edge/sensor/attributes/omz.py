"""Decoder of Open Model Zoo's age-gender-recognition-retail-0013.

Source: its README in github.com/openvinotoolkit/open_model_zoo.

`outputs` keys that a manifest names:

* `age` float32 (N, 1, 1, 1): years / 100
* `gender` float32 (N, 2, 1, 1): probabilities of female and male

Input: BGR 0-255, no mean, scale 1, 62x62 px.
"""

from __future__ import annotations

import numpy as np

from edge.sensor.attributes.decoded import Attributes
from edge.sensor.types import Tensors


def decode(outputs: Tensors) -> Attributes:
    """Gender as it comes, and a number of years without a distribution."""
    years = np.array(outputs["age"], np.float32).reshape(-1) * 100
    return Attributes(gender_probs=np.array(outputs["gender"], np.float32).reshape(-1, 2), age_years=years)
