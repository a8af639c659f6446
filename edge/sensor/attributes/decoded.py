"""What a decoder reads from an attribute network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Probs = NDArray[np.float32]
"""float32 (..., K), the last axis sums to 1."""
Years = NDArray[np.float32]
"""float32 (N,) years."""


class Attributes(NamedTuple):
    """Answers for a batch of N faces, as the network gives them; a part that it does not give is None.

    age_probs (N, bins): 101 ages, or the classes of the manifest's taxonomy. gender_probs (N, 2): female, male.
    age_years (N,): point estimate; None for class models. They are copies: sessions write into
    their outputs again. Temperatures are not applied yet: `edge.sensor.visits.fusion` does, once,
    after the looks of a visit are pooled.
    """

    age_probs: Probs | None = None
    gender_probs: Probs | None = None
    age_years: Years | None = None
