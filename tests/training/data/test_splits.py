"""Splits: near-copies and persons stay on one side, whatever was done to the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BadInput, UsageError
from edge.sensor.types import Image
from edge.workbench.labelled.samples import Sample
from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut
from tests.training.crossings import crossings
from tests.training.sets import jpeg, scene, write_files, write_set
from training.data.hashing import BITS, NEAR_COPY_BITS, hash_pictures, near_pairs
from training.data.readers import open_photographs
from training.data.splits import group, hash_photographs, split

pytestmark = pytest.mark.process

CHANGES: dict[str, Callable[[Image], Image]] = {
    "half": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "enlarged": lambda image: cv2.resize(image, None, fx=1.7, fy=1.7),
    "compressed": lambda image: cv2.imdecode(np.frombuffer(jpeg(image, 30), np.uint8), cv2.IMREAD_COLOR),
    "brighter": lambda image: np.clip(image * 1.15 + 15, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
}


def originals() -> list[Image]:
    return [portrait_of_astronaut(), portrait_of_admiral(), *(scene(seed) for seed in range(6))]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_near_its_original_and_no_other_picture_is(change: str) -> None:
    pictures = originals()
    hashes = hash_pictures([*pictures, *(CHANGES[change](picture) for picture in pictures)])
    assert near_pairs(hashes).tolist() == [[index, index + len(pictures)] for index in range(len(pictures))]


def test_no_near_copy_crosses_a_split(tmp_path: Path) -> None:
    pictures = [*originals(), *(scene(seed) for seed in range(6, 30))]
    files = {f"{index}-original.jpg": jpeg(picture) for index, picture in enumerate(pictures)}
    for name, change in CHANGES.items():
        files |= {f"{index}-{name}.jpg": jpeg(change(picture)) for index, picture in enumerate(pictures)}
    samples, hashes, _ = hash_photographs(open_photographs(str(write_files(tmp_path, files))))
    chosen = split(samples, group(samples, hashes), {"train": 0.6, "val": 0.2, "test": 0.2}, seed=3)
    numbers = {name: {sample.path.partition("-")[0] for sample in part} for name, part in chosen.items()}
    assert sum(map(len, numbers.values())) == len(pictures)
    assert {name: len(part) for name, part in chosen.items()} == {"train": 114, "val": 42, "test": 36}
    row = {sample.path: index for index, sample in enumerate(samples)}
    parts = [hashes[[row[sample.path] for sample in part]] for part in chosen.values()]
    assert [crossings(parts[0], parts[1]), crossings(parts[0], parts[2]), crossings(parts[1], parts[2])] == [0, 0, 0]


def test_copies_of_copies_stay_together() -> None:
    first = np.zeros(BITS, np.uint8)
    second, third = first.copy(), first.copy()
    second[:NEAR_COPY_BITS] = 1
    third[: 2 * NEAR_COPY_BITS] = 1
    far = 1 - first
    hashes = np.packbits(np.stack([first, far, third, second]), axis=1)
    samples = [Sample("s", str(index)) for index in range(4)]
    assert group(samples, hashes).tolist() == [0, 1, 0, 0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60), bits=st.integers(0, 60))
def test_near_pairs_are_those_that_counting_bits_finds(seed: int, count: int, bits: int) -> None:
    random = np.random.default_rng(seed)
    centres = random.integers(0, 2, (4, BITS))
    flips = random.random((count, BITS)) < random.random((count, 1)) * 0.2
    rows = centres[random.integers(0, 4, count)] ^ flips
    counted = [
        [i, j] for i in range(count) for j in range(i + 1, count) if np.count_nonzero(rows[i] != rows[j]) <= bits
    ]
    assert near_pairs(np.packbits(rows.astype(np.uint8), axis=1), bits).tolist() == counted


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), people=st.lists(st.integers(0, 8), min_size=20, max_size=80))
def test_nobody_crosses_a_split_and_the_order_does_not_matter(seed: int, people: list[int]) -> None:
    samples = [Sample("s", f"{index}.jpg", person=f"p{person}") for index, person in enumerate(people)]
    if len(set(people)) < 3:
        return
    shares = {"train": 0.7, "test": 0.3}
    chosen = split(samples, group(samples, None), shares, seed)
    train, test = ({sample.person for sample in chosen[name]} for name in shares)
    assert not train & test
    assert len(chosen["train"]) + len(chosen["test"]) == len(samples)
    turned = split(samples[::-1], group(samples[::-1], None), shares, seed)
    assert {name: set(part) for name, part in turned.items()} == {name: set(part) for name, part in chosen.items()}


def test_another_seed_gives_another_split() -> None:
    samples = [Sample("s", f"{index}.jpg") for index in range(100)]
    groups = group(samples, None)
    one, other = (split(samples, groups, {"a": 0.5, "b": 0.5}, seed)["a"] for seed in (1, 2))
    assert len(one) == len(other) == 50
    assert one != other


def test_wrong_shares_and_empty_splits_are_refused(tmp_path: Path) -> None:
    tar = write_set(tmp_path, ["1.jpg,Ada", "2.jpg,Ada"], header="path,person")
    samples = open_photographs(str(tar)).samples
    groups = group(samples, None)
    with pytest.raises(UsageError, match="sum to 1"):
        split(samples, groups, {"a": 0.5, "b": 0.2}, 1)
    with pytest.raises(BadInput, match="the split 'b' is empty, got 2 samples in too few groups"):
        split(samples, groups, {"a": 0.5, "b": 0.5}, 1)


@pytest.mark.shared
def test_near_copies_between_the_shared_sets_are_found_and_a_split_of_both_has_none(shared: Path) -> None:
    parts = [hash_photographs(open_photographs(str(shared / "data" / f"utkface-{n}.tar"))) for n in ("train", "val")]
    (_, train_hashes, _), (_, val_hashes, _) = parts
    assert 100 < crossings(train_hashes, val_hashes) < 200
    samples, hashes = parts[0][0] + parts[1][0], np.concatenate((train_hashes, val_hashes))
    chosen = split(samples, group(samples, hashes), {"train": 0.75, "val": 0.25}, seed=1)
    assert len(chosen["val"]) == pytest.approx(0.25 * len(samples), abs=10)
    row = {(sample.dataset, sample.path): index for index, sample in enumerate(samples)}
    ours = [hashes[[row[sample.dataset, sample.path] for sample in chosen[name]]] for name in ("train", "val")]
    assert crossings(ours[0], ours[1]) == 0
