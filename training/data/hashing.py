"""A perceptual hash: pictures that are copies of one another, resized, compressed or brightened, differ in few bits.

The difference hash of N. Krawetz, "Kind of Like That" (hackerfactor.com, 2013), on 16x16 differences instead of 8x8. In
64 bits all aligned faces are alike: among 8,000 chips of UTKFace, 9,132 pairs lie within 5 bits, most of them of
different people. With 256 bits the copies stand apart: 271 pairs within 20 bits, 288 within 28, 1,106 within 40, while
a chip compressed to JPEG quality 20, halved, enlarged or brightened moves by at most 34 bits (95 % by 19) and one cut
by 2 px on each side by 21 on average.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from edge.sensor.types import Image

SIDE = 16
BITS = SIDE * SIDE
Hashes = NDArray[np.uint8]
"""uint8 (N, 32): one row of packed bits per picture."""
Pairs = NDArray[np.int64]
"""int64 (P, 2): positions of two pictures, the lower first."""

NEAR_COPY_BITS = 24
"""Pictures at most this many bits apart are near-copies."""
_BGR_WEIGHTS = np.array([0.114, 0.587, 0.299], np.float32)
"""ITU-R BT.601 luma."""
_BLOCK = 2048


def perceptual_hash(image: Image) -> NDArray[np.uint8]:
    """Bits of a uint8 (H, W, 3) BGR picture, packed as uint8 (32,): is each cell brighter than its left neighbour."""
    grey = image.astype(np.float32) @ _BGR_WEIGHTS
    cells = _means(grey.shape[0], SIDE) @ grey @ _means(grey.shape[1], SIDE + 1).T
    return np.packbits(cells[:, 1:] > cells[:, :-1])


def hash_pictures(images: Iterable[Image]) -> Hashes:
    """A row per picture, in order."""
    rows = [perceptual_hash(image) for image in images]
    return np.stack(rows) if rows else np.zeros((0, BITS // 8), np.uint8)


def near_pairs(hashes: Hashes, most_bits: int = NEAR_COPY_BITS) -> Pairs:
    """All pairs of rows that differ in at most `most_bits` bits.

    Exact: a product of matrices of +1 and -1 counts the equal bits of 2,048 rows against the rest at a time; 18,821
    rows take 1.1 s on two cores.
    """
    found = list(_near_blocks(hashes, most_bits))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _near_blocks(hashes: Hashes, most_bits: int) -> Iterator[Pairs]:
    signs = np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
    for first in range(0, len(signs), _BLOCK):
        rows = signs[first : first + _BLOCK]
        likeness = rows @ signs[first:].T
        left, right = np.nonzero(likeness >= BITS - 2 * most_bits)
        ahead = left < right
        yield np.column_stack((left[ahead], right[ahead])) + first


def _means(size: int, cells: int) -> NDArray[np.float32]:
    """float32 (cells, size): rows that average a line of that many px into cells, parts of px counted."""
    edges = np.linspace(0, size, cells + 1)
    px = np.arange(size)
    inside = np.minimum(px + 1, edges[1:, None]) - np.maximum(px, edges[:-1, None])
    return np.asarray(inside.clip(0) * (cells / size), np.float32)
