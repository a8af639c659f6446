"""Decoder of networks that answer with a distribution over the ages 0-100, as ours do.

A distribution over whole years after Rothe, Timofte and Van Gool, "DEX: Deep EXpectation of apparent age from a single
image", ICCV Workshops 2015. The estimate in years is its median, which has the least mean absolute error; the
expectation is drawn further towards the middle of life.

`outputs` keys that a manifest names; a network may give one of the two:

* `age` float32 (N, 101): logits of the whole ages 0-100
* `gender` float32 (N, 2): logits of female and male

Logits, since an int8 network gives 256 levels: of probabilities around 0.05 a dozen would be left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.schemas.taxonomy import MAX_AGE
from edge.sensor.attributes.decoded import Attributes, Probs
from edge.sensor.types import Tensor, Tensors


def decode(outputs: Tensors) -> Attributes:
    """The distributions; years are the median."""
    ages = genders = years = None
    if "age" in outputs:
        ages = _softmax(outputs["age"], MAX_AGE + 1)
        years = median_years(ages)
    if "gender" in outputs:
        genders = _softmax(outputs["gender"], 2)
    return Attributes(ages, genders, years)


def median_years(ages: Probs) -> NDArray[np.float32]:
    """Medians of distributions (N, 101), years, float32 (N,): a whole age covers half a year to either side."""
    sums = np.cumsum(ages, axis=1, dtype=np.float64)
    whole = np.argmax(sums >= 0.5, axis=1)
    rows = np.arange(len(ages))
    share = (sums[rows, whole] - 0.5) / np.maximum(ages[rows, whole], 1e-9)
    return np.asarray(np.maximum(whole + 0.5 - share, 0.0), np.float32)


def _softmax(logits: Tensor, classes: int) -> Probs:
    """float32 (N, classes), rows sum to 1."""
    rows = np.asarray(logits, np.float32).reshape(-1, classes)
    odds = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)
