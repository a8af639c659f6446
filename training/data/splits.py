"""Splits that no person and no near-copy crosses: pictures of one person, and near-copies, stay together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.errors import BadInput, UsageError, explain
from edge.workbench.labelled.samples import Photographs, Sample
from training.data.collection import Reading
from training.data.hashing import NEAR_COPY_BITS, Hashes, hash_pictures, near_pairs

Groups = NDArray[np.int64]
"""int64 (N,): pictures of the same number stay together."""


def hash_photographs(photographs: Photographs) -> tuple[list[Sample], Hashes, list[str]]:
    """The samples whose picture can be read, their hashes, and a line about the unreadable ones. Raises BadInput."""
    reading, samples = Reading(photographs), list[Sample]()

    def images() -> Iterable[NDArray[np.uint8]]:
        for sample, image in reading:
            samples.append(sample)
            yield image

    hashes = hash_pictures(images())
    return samples, hashes, reading.warnings


def group(samples: Sequence[Sample], hashes: Hashes | None, most_bits: int = NEAR_COPY_BITS) -> Groups:
    """Number the groups of pictures that show the same person, or are near-copies, directly or through others.

    A person's name is unique within a data set. hashes: (N, 32) for the samples; None groups by person only.
    """
    pairs = list(_same_person(samples))
    if hashes is not None:
        pairs += near_pairs(hashes, most_bits).tolist()
    return _connected(len(samples), pairs)


def split(samples: Sequence[Sample], groups: Groups, shares: Mapping[str, float], seed: int) -> dict[str, list[Sample]]:
    """Deal whole groups to named splits until each has its share of the samples.

    The same samples, in any order, and the same seed give the same splits, in the samples' order. A split exceeds its
    share by at most one group. Raises UsageError for shares that do not sum to 1, BadInput for a split that stays
    empty.
    """
    _check(shares)
    members = _members(groups)
    order = sorted(members, key=lambda number: min(_key(samples[index]) for index in members[number]))
    np.random.default_rng(seed).shuffle(order)
    chosen = _deal(order, members, shares, len(samples))
    _need_samples(chosen)
    return {name: [samples[index] for index in sorted(chosen[name])] for name in shares}


def _same_person(samples: Sequence[Sample]) -> Iterable[tuple[int, int]]:
    first: dict[tuple[str, str], int] = {}
    for index, sample in enumerate(samples):
        if sample.person is not None:
            yield first.setdefault((sample.dataset, sample.person), index), index


def _connected(count: int, pairs: Iterable[Sequence[int]]) -> Groups:
    """Union-find with path halving; a group's number is its lowest member."""
    parent = list(range(count))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for left, right in pairs:
        low, high = sorted((root(left), root(right)))
        parent[high] = low
    return np.array([root(index) for index in range(count)], np.int64)


def _members(groups: Groups) -> dict[int, list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(groups.tolist()):
        members[number].append(index)
    return members


def _key(sample: Sample) -> tuple[str, str]:
    return sample.dataset, sample.path


def _deal(
    order: Sequence[int], members: Mapping[int, list[int]], shares: Mapping[str, float], total: int
) -> dict[str, list[int]]:
    """Assign each group to the split that lacks most of its share."""
    chosen: dict[str, list[int]] = {name: [] for name in shares}
    for number in order:
        neediest = max(shares, key=lambda name: shares[name] * total - len(chosen[name]))
        chosen[neediest] += members[number]
    return chosen


def _check(shares: Mapping[str, float]) -> None:
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise UsageError(explain("shares of the splits", got=dict(shares), expected="numbers over 0 that sum to 1"))


def _need_samples(chosen: Mapping[str, Sequence[int]]) -> None:
    for name, indices in chosen.items():
        if not indices:
            got = f"{sum(map(len, chosen.values())):,} samples in too few groups"
            raise BadInput(explain(f"the split {name!r} is empty", got=got, next_step="use fewer splits or more data"))
