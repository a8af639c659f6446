"""A moving scene for a machine with no camera: two public-domain portraits walk up, stop and leave.

The portraits travel with other packages and are read from there: NASA's Eileen Collins with scikit-image
(`astronaut.png`), the US Navy's Grace Hopper with matplotlib (`grace_hopper.jpg`). Both are in the public domain.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceUnavailable, explain
from edge.sensor.types import Frame, Image

WIDTH_PX, HEIGHT_PX, FPS = 768, 432, 30.0
WALK_S = 1.8
"""Time that a person takes to walk into the picture, and out again."""
DURATION_S = 16.0
PORTRAITS = {
    "collins": ("skimage", "data/astronaut.png", (90, 0, 330, 260)),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (40, 10, 472, 480)),
}
"""Name -> package that carries the file, path inside it, and the part that is shown (x_min, y_min, x_max, y_max) px."""


class Walk(NamedTuple):
    """One person's way through the scene."""

    portrait: str
    enters_at_s: float
    leaves_at_s: float
    centre_px: float
    height_px: int
    from_left: bool

    def x_px(self, at_s: float) -> float:
        """Centre of the person at a time: walks in, stands with a slight sway, walks out on the other side."""
        off_left, off_right = -self.height_px, WIDTH_PX + self.height_px
        start, end = (off_left, off_right) if self.from_left else (off_right, off_left)
        inward = _ease((at_s - self.enters_at_s) / WALK_S)
        outward = _ease((at_s - self.leaves_at_s) / WALK_S)
        sway = 6 * math.sin(1.7 * at_s)
        return start + (self.centre_px - start) * inward + (end - self.centre_px) * outward + sway


WALKS = (
    Walk("collins", 0.5, 7.0, 250, 230, from_left=True),
    Walk("hopper", 4.0, 12.0, 540, 300, from_left=False),
)


class DemoScene:
    """The scene at 30 frames a second, for `DURATION_S`. Raises SourceUnavailable where a portrait is missing."""

    live = False

    def __init__(self, walks: Sequence[Walk] = WALKS, *, start_at: float) -> None:
        """`start_at`: time of the first frame in seconds."""
        self._actors = [(walk, *_cut_out(walk.portrait, walk.height_px)) for walk in walks]
        self._backdrop = _backdrop()
        self._index = 0
        self._start_at = start_at

    def read(self) -> Frame | None:
        """Draw the next frame."""
        at_s = self._index / FPS
        if at_s >= DURATION_S:
            return None
        image = self._backdrop.copy()
        for walk, picture, opacity in self._actors:
            _paste(image, picture, opacity, round(walk.x_px(at_s)))
        frame = Frame(image, self._index, self._start_at + at_s)
        self._index += 1
        return frame

    def close(self) -> None:
        """Nothing to release."""


def _ease(share: float) -> float:
    clipped = min(max(share, 0.0), 1.0)
    return clipped * clipped * (3 - 2 * clipped)


def _backdrop() -> Image:
    """A grey wall and a floor, so that the scene is not a black screen."""
    rows = np.linspace(150, 205, HEIGHT_PX, dtype=np.float32)[:, None, None]
    rows[int(HEIGHT_PX * 0.8) :] = 110
    return cast(Image, np.broadcast_to(rows, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.uint8))


def _cut_out(name: str, height_px: int) -> tuple[Image, NDArray[np.float32]]:
    """A portrait of the given height and its opacity float32 (H, W, 1) 0-1 with soft sides."""
    picture = read_portrait(name)
    width_px = round(height_px * picture.shape[1] / picture.shape[0])
    picture = cast(Image, cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_AREA))
    opacity = np.zeros((height_px, width_px), np.float32)
    cv2.ellipse(opacity, (width_px // 2, height_px // 2), (width_px * 2 // 5, height_px * 9 // 20), 0, 0, 360, 1.0, -1)
    opacity[height_px // 2 :, width_px // 10 : -width_px // 10] = 1.0
    return picture, cv2.GaussianBlur(opacity, (0, 0), width_px / 40)[:, :, None]


def read_portrait(name: str) -> Image:
    """A portrait, uint8 (H, W, 3) BGR, cut to the part that is shown. Raises SourceUnavailable where it is missing."""
    package, path, (x_min, y_min, x_max, y_max) = PORTRAITS[name]
    image = cast(Image, cv2.imread(str(_carried(package, path))))
    return image[y_min:y_max, x_min:x_max]


def _carried(package: str, path: str) -> Path:
    found = importlib.util.find_spec(package)
    file = Path(found.origin).parent / path if found and found.origin else None
    if file is None or not file.is_file():
        message = explain(
            f"the demo's portrait {path} is not there",
            expected=f"the package {package} with its sample pictures",
            next_step="install passerby[demo], or give --source",
        )
        raise SourceUnavailable(message)
    return file


def _paste(image: Image, picture: Image, opacity: NDArray[np.float32], centre_px: int) -> None:
    """Lay a picture over the image's lower edge, cut at the image's sides."""
    height, width = picture.shape[:2]
    left = centre_px - width // 2
    x_min, x_max = max(left, 0), min(left + width, WIDTH_PX)
    if x_min >= x_max:
        return
    part = slice(x_min - left, x_max - left)
    under = image[HEIGHT_PX - height :, x_min:x_max]
    under[:] = (picture[:, part] * opacity[:, part] + under * (1 - opacity[:, part])).astype(np.uint8)
