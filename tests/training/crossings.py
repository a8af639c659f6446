"""Near-copies between two parts of a split, counted on their own: what a split has to keep at nothing."""

from __future__ import annotations

import numpy as np

from training.data.hashing import NEAR_COPY_BITS, Hashes, near_pairs


def crossings(one: Hashes, other: Hashes) -> int:
    """Pictures of `other` that are near-copies of a picture of `one`."""
    pairs = near_pairs(np.concatenate((one, other)), NEAR_COPY_BITS)
    across = (pairs[:, 0] < len(one)) & (pairs[:, 1] >= len(one))
    return len(np.unique(pairs[across, 1]))
