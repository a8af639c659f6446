"""Checks of calibration pictures, and the choice among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.errors import BadInput, explain

Pictures = NDArray[np.uint8]
"""uint8 (N, H, W, 3) BGR."""

MOST_PICTURES = 64
"""More change the ranges of 8 bits no further."""


def choose_pictures(pictures: Pictures, hw: tuple[int, int], most: int = MOST_PICTURES) -> Pictures:
    """At most that many pictures, evenly spread over all of them, as a copy.

    In the first one two corner pixels become black and white: the input's range is then 0-255 whatever the pictures
    show, so that its scale is 1 and its zero point 0. Raises BadInput for no pictures, pictures of another size, and
    pictures that all show one grey level.
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != (*hw, 3) or len(pictures) == 0:
        got = f"{pictures.dtype} {pictures.shape}"
        raise BadInput(explain("no calibration pictures", got=got, expected=f"uint8 (1.., {hw[0]}, {hw[1]}, 3)"))
    if pictures.min() == pictures.max():
        got = f"{len(pictures)} pictures of nothing but {pictures.max()}"
        raise BadInput(explain("the calibration pictures are empty", got=got, expected="photographs"))
    places = np.linspace(0, len(pictures) - 1, min(most, len(pictures))).round().astype(int)
    chosen: Pictures = pictures[places]
    chosen[0, 0, 0], chosen[0, -1, -1] = 0, 255
    return chosen
