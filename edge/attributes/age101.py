"""Decoder of networks that answer with a distribution over the ages 0-100, as ours do.

Source: Rothe, Timofte and Van Gool, "DEX: Deep EXpectation of apparent age from a single image", ICCV Workshops 2015:
the expectation of the distribution is the estimate in years.

`outputs` keys that a manifest names; a network may give one of the two:

* `age` float32 (N, 101): logits of the whole ages 0-100
* `gender` float32 (N, 2): logits of female and male

Logits, since an int8 network gives 256 levels: of probabilities around 0.05 a dozen would be left.
"""

from __future__ import annotations

import numpy as np

from edge.attributes.decoded import Attributes, Probs
from edge.taxonomy import MAX_AGE
from edge.types import Tensor, Tensors


def decode(outputs: Tensors) -> Attributes:
    """The distributions; years are the expectation."""
    ages = genders = years = None
    if "age" in outputs:
        ages = _softmax(outputs["age"], MAX_AGE + 1)
        years = np.asarray(ages @ np.arange(MAX_AGE + 1, dtype=np.float32), np.float32)
    if "gender" in outputs:
        genders = _softmax(outputs["gender"], 2)
    return Attributes(ages, genders, years)


def _softmax(logits: Tensor, classes: int) -> Probs:
    """float32 (N, classes), rows sum to 1."""
    rows = np.asarray(logits, np.float32).reshape(-1, classes)
    odds = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)
