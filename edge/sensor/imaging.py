"""Pixels: resize, letterbox, align, crop, and what a gate asks of a face (sharpness, brightness).

Images are uint8 (H, W, 3) BGR. Coordinates are continuous px: the pixel in column i covers i to i + 1, so a box's
x_max and a landmark live on the same ruler whatever the scale.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.sensor.geometry import Box, Points
from edge.sensor.types import Image

Matrix = NDArray[np.float64]
"""float64 (2, 3): an affine map of x, y, 1."""
Grey = NDArray[np.uint8]
"""uint8 (H, W)."""

TEMPLATES: dict[str, tuple[int, Points]] = {
    "utkface-112": (
        112,
        np.array([(34.2, 33.0), (77.9, 33.0), (56.0, 57.4), (38.2, 77.7), (73.8, 77.7)], np.float32),
    ),
}
"""Name -> side in px of the template's square, and where the five landmarks lie in it.

The order is that of `edge.sensor.types.Detection`: the person's right eye is the left one in the image.
"""

MOTION_WIDTH_PX, MOTION_HEIGHT_PX = 64, 36
_MOST_WARPED_PX = 2**15 - 2
"""A longer side is more than OpenCV warps; of such a picture the part that is seen is cut out first."""
FACE_SIDE_PX = 48
"""Side of the grey face on which sharpness and brightness are measured."""


def rotate(image: Image, degrees: int) -> Image:
    """Turn clockwise by 0, 90, 180 or 270 degrees."""
    turns = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
    return image if degrees == 0 else cast(Image, cv2.rotate(image, turns[degrees]))


def letterbox(image: Image, hw: tuple[int, int], out: Image | None = None) -> tuple[Image, float]:
    """Fit the image into hw (height, width) px, keep its aspect and pad with black below and to the right.

    Returns the picture and the scale: px of the image times it are px of the picture. `out` is a picture of an
    earlier call to write into.
    """
    height, width = image.shape[:2]
    scale = min(hw[0] / height, hw[1] / width)
    used_height, used_width = max(1, round(height * scale)), max(1, round(width * scale))
    picture = np.empty((*hw, 3), np.uint8) if out is None else out
    picture[used_height:] = 0
    picture[:used_height, used_width:] = 0
    _resize_into(image, picture[:used_height, :used_width])
    return picture, scale


def stretch(image: Image, hw: tuple[int, int], out: Image | None = None) -> Image:
    """Resize to hw (height, width) px whatever the aspect. `out` is a picture of an earlier call to write into."""
    picture = np.empty((*hw, 3), np.uint8) if out is None else out
    _resize_into(image, picture)
    return picture


def _resize_into(image: Image, place: Image) -> None:
    """Bilinear on every second, third... row where the place is that much lower.

    From 768x432 to 320x180 it takes 0.2 ms, on all rows 0.3 ms, averaging (INTER_AREA) 2 ms, and YuNet finds the same
    faces of 90 px after each.
    """
    height, width = place.shape[:2]
    if image.shape[:2] == (height, width):
        np.copyto(place, image)
        return
    step = _row_step(image.shape[0], height)
    cv2.resize(image[step // 2 :: step], (width, height), dst=place, interpolation=cv2.INTER_LINEAR)


def _row_step(height: int, wanted: int) -> int:
    """Largest step that leaves at least the wanted rows and divides the height, so that no row is weighed less."""
    return next(step for step in range(max(1, height // wanted), 0, -1) if height % step == 0)


def align_face(
    image: Image, landmarks: Points, template: str, hw: tuple[int, int], margin: float = 0.0, down: float = 0.0
) -> Image:
    """Warp a face so that its five landmarks (float32 (5, 2) px) fall on a named template, into hw (height, width) px.

    margin: added on each side as a share of the template's side; negative cuts tighter. down: moves the frame down by
    this share. What lies outside the image repeats its edge.
    """
    side, points = TEMPLATES[template]
    return _warp(
        image, _frame_square(0.0, down * side, side, margin, hw) @ _square(fit_similarity(landmarks, points)), hw
    )


def crop_square(image: Image, box: Box, hw: tuple[int, int], margin: float = 0.0, down: float = 0.0) -> Image:
    """Cut the square round the box's centre, its side the box's longer one, into hw (height, width) px.

    margin: added on each side as a share of that side; negative cuts tighter. down: moves the square down by this
    share. What lies outside the image repeats its edge.
    """
    side = max(box.width, box.height, 1.0)
    x, y = box.centre
    return _warp(image, _frame_square(x - side / 2, y + (down - 0.5) * side, side, margin, hw), hw)


def fit_similarity(source: Points, target: Points) -> Matrix:
    """Rotation, uniform scale and shift that bring source points nearest to target points, without mirroring.

    Least squares after Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    IEEE PAMI 13(4), 1991; in the plane its solution is one complex number. source, target: float32 (N, 2) px. Source
    points that all coincide give a scale of 1.
    """
    a, b = source.astype(np.float64), target.astype(np.float64)
    a_mean, b_mean = a.mean(axis=0), b.mean(axis=0)
    p, q = (a - a_mean) @ (1, 1j), (b - b_mean) @ (1, 1j)
    spread = float((p.conj() @ p).real)
    turn = complex(p.conj() @ q) / spread if spread > 0 else 1 + 0j
    linear = np.array([(turn.real, -turn.imag), (turn.imag, turn.real)])
    return np.column_stack((linear, b_mean - linear @ a_mean))


def _square(matrix: Matrix) -> Matrix:
    """Add the row that makes maps multiply: (2, 3) to (3, 3)."""
    return np.vstack((matrix, (0.0, 0.0, 1.0)))


def _frame_square(x: float, y: float, side: float, margin: float, hw: tuple[int, int]) -> Matrix:
    """Map of the square at x, y, widened by its margin, to a picture of hw px."""
    left, top, widened = x - margin * side, y - margin * side, side * (1 + 2 * margin)
    across, down = hw[1] / widened, hw[0] / widened
    return np.array([(across, 0.0, -left * across), (0.0, down, -top * down)])


def _warp(image: Image, matrix: Matrix, hw: tuple[int, int]) -> Image:
    """Apply a map of continuous px. A face that shrinks by more than 2 is averaged first, else fine detail aliases."""
    shrink = int(1 / max(float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))), 1e-3))
    if shrink >= 2:
        image, matrix = _average(image, matrix, hw, shrink)
    elif max(image.shape[:2]) > _MOST_WARPED_PX:
        image, matrix = _cut(image, matrix, hw)
    on_centres = matrix.copy()
    on_centres[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return cast(Image, cv2.warpAffine(image, on_centres, (hw[1], hw[0]), flags=flags, borderMode=border))


def _cut(image: Image, matrix: Matrix, hw: tuple[int, int]) -> tuple[Image, Matrix]:
    """The part of the image that the map shows; returns it and its own map."""
    left, top, right, bottom = _seen_rectangle(image, matrix, hw, 1)
    back = np.array([(1.0, 0.0, left), (0.0, 1.0, top), (0.0, 0.0, 1.0)])
    return image[top:bottom, left:right], matrix @ back


def _average(image: Image, matrix: Matrix, hw: tuple[int, int], shrink: int) -> tuple[Image, Matrix]:
    """Reduce the part of the image that the map shows by a whole factor; returns it and its own map."""
    left, top, right, bottom = _seen_rectangle(image, matrix, hw, shrink)
    columns, rows = max(1, (right - left) // shrink), max(1, (bottom - top) // shrink)
    part = image[top : top + rows * shrink, left : left + columns * shrink]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    back = np.array([(part.shape[1] / columns, 0.0, left), (0.0, part.shape[0] / rows, top), (0.0, 0.0, 1.0)])
    return cast(Image, small), matrix @ back


def _seen_rectangle(image: Image, matrix: Matrix, hw: tuple[int, int], border: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in whole px of the image that the map shows, with a border of two output px."""
    corners = np.array([(0, 0, 1), (hw[1], 0, 1), (0, hw[0], 1), (hw[1], hw[0], 1)], np.float64)
    seen = corners @ cast(Matrix, cv2.invertAffineTransform(matrix)).T
    height, width = image.shape[:2]
    left, top = (np.floor(seen.min(axis=0)) - 2 * border).astype(int).clip(0, (width - 1, height - 1))
    right, bottom = (np.ceil(seen.max(axis=0)) + 2 * border).astype(int)
    return int(left), int(top), int(np.clip(right, left + 1, width)), int(np.clip(bottom, top + 1, height))


def grey_face(image: Image, box: Box) -> Grey:
    """The box's square as a grey picture of FACE_SIDE_PX a side: what sharpness and brightness are measured on."""
    return cast(Grey, cv2.cvtColor(crop_square(image, box, (FACE_SIDE_PX, FACE_SIDE_PX)), cv2.COLOR_BGR2GRAY))


def sharpness(face: Grey) -> float:
    """Variance of the Laplacian as a share of the face's own variance, 0 and up; a flat face gives 0.

    After Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000. The fixed side takes the
    size out of it, the division the contrast.
    """
    contrast = float(face.var())
    return float(cv2.Laplacian(face, cv2.CV_32F).var()) / contrast if contrast >= 1 else 0.0


def brightness(face: Grey) -> float:
    """Mean grey level, 0-255."""
    return float(face.mean())


def shrink_for_motion(image: Image) -> Grey:
    """A grey picture of MOTION_WIDTH_PX x MOTION_HEIGHT_PX; each cell is the mean of four samples.

    Samples instead of all pixels: 0.05 ms instead of 0.5 ms from 768x432, enough to see that something moves.
    """
    samples = cv2.resize(image, (2 * MOTION_WIDTH_PX, 2 * MOTION_HEIGHT_PX), interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(samples, cv2.COLOR_BGR2GRAY)
    return cast(Grey, cv2.resize(grey, (MOTION_WIDTH_PX, MOTION_HEIGHT_PX), interpolation=cv2.INTER_AREA))
