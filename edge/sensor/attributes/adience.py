"""Decoder of Levi and Hassner's two networks.

Source: Levi and Hassner, "Age and Gender Classification using Convolutional Neural Networks", CVPR Workshops 2015, and
the demo in github.com/GilLevi/AgeGenderDeepLearning, whose lists give the order.

`outputs` keys that a manifest names, one a network:

* `age` float32 (N, 8): probabilities of the classes of `adience-8`
* `gender` float32 (N, 2): probabilities of male and female, in this order

Input: BGR 0-255, the mean of each channel subtracted, 227x227 px.
"""

from __future__ import annotations

import numpy as np

from edge.sensor.attributes.decoded import Attributes
from edge.sensor.types import Tensors

CLASSES = 8


def decode(outputs: Tensors) -> Attributes:
    """Whichever of the two the network gives; gender is turned to female, male."""
    ages = genders = None
    if "age" in outputs:
        ages = np.array(outputs["age"], np.float32).reshape(-1, CLASSES)
    if "gender" in outputs:
        genders = np.array(outputs["gender"], np.float32).reshape(-1, 2)[:, ::-1]
    return Attributes(ages, genders)
