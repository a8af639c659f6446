"""Drawn faces whose age and gender can be seen: brightness says the age, a bar the gender."""

from __future__ import annotations

import numpy as np

from training.data.chips import CHIP_PX, Chips

GREY_A_YEAR = 2


def drawn_chips(count: int, seed: int) -> Chips:
    """Chips of `count` drawn faces: as grey as they are old, with a bar on top (female) or at the bottom (male)."""
    random = np.random.default_rng(seed)
    ages = random.integers(0, 100, count)
    genders = random.integers(0, 2, count)
    images = random.integers(0, 20, (count, CHIP_PX, CHIP_PX, 3)) + GREY_A_YEAR * ages[:, None, None, None]
    bar = CHIP_PX // 4
    for image, gender in zip(images, genders, strict=True):
        image[: bar if gender == 0 else None, :, 1][-bar:] = 255
    return Chips(
        images.clip(0, 255).astype(np.uint8),
        ages.astype(np.float32),
        np.stack((ages, ages), axis=1).astype(np.int64),
        genders.astype(np.int64),
        np.array(["drawn"] * count),
    )
