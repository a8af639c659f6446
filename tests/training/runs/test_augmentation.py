"""What is done to chips: within range, decided by the generator alone, nothing where nothing is asked."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (passerby[training])")
pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")


import torch
from msgspec.structs import replace
from skimage.data import astronaut

from training.runs.augmentation import (
    Augmentation,
    add_noise,
    augment,
    blur,
    compress,
    cover,
    move,
    put_on_masks,
    shrink,
)

NOTHING = Augmentation(
    flip=0, rotation_deg=0, scale=0, stretch=0, shift=0, small=0, blur=0, light=0, colour=0, grey=0, dark=0, noise=0,
    jpeg=0, occlusion=0, mask=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    face = torch.from_numpy(astronaut()[0:224:2, 150:374:2, ::-1].copy()).permute(2, 0, 1).float() / 255
    return face.unsqueeze(0).repeat(12, 1, 1, 1)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pictures_stay_pictures(faces: torch.Tensor) -> None:
    changed, _ = augment(faces, Augmentation(), generator(), px=112, margin=0.0)
    assert changed.shape == faces.shape
    assert changed.dtype == torch.float32
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    assert (changed - faces).abs().mean((1, 2, 3)).min() > 0.001


def test_the_generator_alone_decides(faces: torch.Tensor) -> None:
    one, same, other = (augment(faces, Augmentation(), generator(seed), px=112, margin=0.0)[0] for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_nothing_asked_is_nothing_done(faces: torch.Tensor) -> None:
    same, masked = augment(faces, NOTHING, generator(), px=112, margin=0.0)
    assert (same - faces).abs().max() < 1e-3
    assert not masked.any()


def test_chips_are_cut_to_what_the_network_sees(faces: torch.Tensor) -> None:
    inner, _ = augment(faces, NOTHING, generator(), px=104, margin=-4 / 112)
    assert (inner - faces[..., 4:-4, 4:-4]).abs().max() < 1e-3


def test_a_flip_is_a_mirror(faces: torch.Tensor) -> None:
    flipped = move(faces, replace(NOTHING, flip=1.0), generator(), px=112, margin=0.0)
    assert (flipped - faces.flip(3)).abs().max() < 1e-4


def test_blur_keeps_the_light_and_loses_detail(faces: torch.Tensor) -> None:
    blurred = blur(faces, 1.0, generator())
    assert torch.allclose(blurred.mean((2, 3)), faces.mean((2, 3)), atol=0.01)
    assert (detail(blurred) < detail(faces)).all()


def test_small_faces_lose_detail_and_no_light(faces: torch.Tensor) -> None:
    small = shrink(faces, 1.0, 20, generator())
    assert torch.allclose(small.mean((2, 3)), faces.mean((2, 3)), atol=0.01)
    assert (detail(small) < detail(faces)).all()


def test_noise_in_the_dark_is_stronger(faces: torch.Tensor) -> None:
    grey = torch.full_like(faces, 0.5)
    light = add_noise(grey, 0.02, 0.0, generator()).std()
    dark = add_noise(grey, 0.02, 1.0, generator())
    assert (dark - dark.mean((1, 2, 3), keepdim=True)).std() > 2 * light
    assert dark.mean() < 0.4


def test_jpeg_blocks_are_near_the_picture_and_not_it(faces: torch.Tensor) -> None:
    off = (compress(faces, 1.0, generator()) - faces).abs().mean((1, 2, 3))
    assert float(off.min()) > 0.002
    assert float(off.max()) < 0.05


def test_a_mask_covers_the_lower_face_only(faces: torch.Tensor) -> None:
    masks, masked = put_on_masks(faces, 1.0, generator())
    changed = (masks - faces).abs().sum(1) > 0
    assert masked.all()
    assert changed[:, 70:90, 30:80].float().mean() > 0.9
    assert not changed[:, :40].any()


def test_who_wears_a_mask_is_told(faces: torch.Tensor) -> None:
    masks, masked = put_on_masks(faces, 0.5, generator())
    assert 0 < int(masked.sum()) < len(faces)
    assert torch.equal((masks != faces).flatten(1).any(1), masked)


def test_something_is_in_front_of_a_share(faces: torch.Tensor) -> None:
    covered = (cover(faces, 0.5, generator()) != faces).flatten(1).any(1)
    assert 0 < int(covered.sum()) < len(faces)


def detail(pictures: torch.Tensor) -> torch.Tensor:
    return (pictures[..., 1:] - pictures[..., :-1]).abs().mean((1, 2, 3))
