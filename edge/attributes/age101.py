"""Decoder of networks that answer with a distribution over the ages 0-100, as ours do.

Source: Rothe, Timofte and Van Gool, "DEX: Deep EXpectation of apparent age from a single image", ICCV Workshops 2015:
the expectation of the distribution is the estimate in years.

`outputs` keys that a manifest names; a network may give one of the two:

* `age` float32 (N, 101): probabilities of the whole ages 0-100
* `gender` float32 (N, 2): probabilities of female and male
"""

from __future__ import annotations

import numpy as np

from edge.attributes.decoded import Attributes
from edge.taxonomy import MAX_AGE
from edge.types import Tensors


def decode(outputs: Tensors) -> Attributes:
    """The distributions as they come; years are the expectation."""
    ages = genders = years = None
    if "age" in outputs:
        ages = np.array(outputs["age"], np.float32).reshape(-1, MAX_AGE + 1)
        years = np.asarray(ages @ np.arange(MAX_AGE + 1, dtype=np.float32) / ages.sum(axis=1), np.float32)
    if "gender" in outputs:
        genders = np.array(outputs["gender"], np.float32).reshape(-1, 2)
    return Attributes(ages, genders, years)
