"""Animated GIF, PNG and WebP: every frame as it is shown, one at a time in memory, played once.

Transparent px are black. The frames of a file that is cut off come first, then the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice

import cv2
import numpy as np

from edge.clock import boottime
from edge.errors import BadInput, explain
from edge.sensor.sources.animation_parts import CutOff, Disposal, Part, Pixels
from edge.sensor.sources.gif_parts import gif_parts
from edge.sensor.sources.image_fault import fault_of_image
from edge.sensor.sources.image_file import check_size, need_format
from edge.sensor.sources.image_format import HEAD_BYTES, ImageFormat, image_format
from edge.sensor.sources.image_size import image_size
from edge.sensor.sources.png_parts import png_parts
from edge.sensor.sources.quiet import silence_vendors
from edge.sensor.sources.webp_parts import webp_parts
from edge.sensor.types import Frame, Image

_PARTS: Mapping[ImageFormat, Callable[[bytes], Iterator[Part]]] = {
    ImageFormat.GIF: gif_parts,
    ImageFormat.PNG: png_parts,
    ImageFormat.WEBP: webp_parts,
}

_ROWS = 64
MAX_FRAME_PIXELS = 16 * 2**20
"""Less than of a still picture: beside the frame there are its parts, what was below and the decoder's own, 0.4 GB."""
MOVING_FORMATS = frozenset(_PARTS)

Shown = tuple[Image, float]
"""A frame, uint8 (H, W, 3) BGR, and its time in seconds from the first."""


def is_animated(content: bytes, found: ImageFormat) -> bool:
    """Whether a picture has more than one frame, or breaks off after its first."""
    count = 0
    try:
        for _ in islice(_parts(content, found), 2):
            count += 1
    except ValueError:
        count += 1 if count else 0
    return count > 1


def stated_frames(content: bytes) -> int | None:
    """How many whole frames an animation has, without decoding one; None where it is none."""
    found = image_format(content[:HEAD_BYTES])
    return None if found is None else len(_shown_for(content, found)) or None


def duration_s(content: bytes, found: ImageFormat) -> float:
    """Seconds that the whole frames are shown together."""
    return sum(_shown_for(content, found))


def _shown_for(content: bytes, found: ImageFormat) -> list[float]:
    """Seconds that each whole frame is shown."""
    seconds: list[float] = []
    with suppress(ValueError):
        for part in _parts(content, found):
            seconds.append(part.shown_s)
    return seconds


def read_animation(content: bytes, where: str) -> Iterator[Shown]:
    """The frames of an animation. Raises BadInput where it is too large, and at the first one that is not whole."""
    found = need_format(content, where)
    check_size(content, found, where, MAX_FRAME_PIXELS)
    canvas = np.zeros((*image_size(content, found), 3), np.uint8)
    at_s, index = 0.0, 0
    try:
        for part in _parts(content, found):
            place, before = _place(canvas, part), None
            if part.disposal is Disposal.RESTORE:
                before = place.copy()
            _draw(place, _decode(part, found), blend=part.blend)
            yield canvas.copy(), at_s
            at_s, index = at_s + part.shown_s, index + 1
            if part.disposal is not Disposal.KEEP:
                place[:] = 0 if before is None else before
    except (ValueError, cv2.error) as error:
        damaged = f"damaged {found.value} ({getattr(error, 'err', error)})"
        what = "truncated file" if isinstance(error, CutOff) else damaged
        raise BadInput(explain(what, where=where, got=f"{index} whole frames")) from error


class AnimationSource:
    """The frames of an animation at their own times. Implements `ports.FrameSource`."""

    live = False

    def __init__(self, frames: Iterator[Shown], start_at: float) -> None:
        """Take the frames, of which the first is decoded at once. Raises BadInput."""
        self._frames: Iterator[Shown] = frames
        self._start_at = start_at
        self._index = 0
        self._first = next(frames, None)

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end. Raises BadInput at one that is not whole."""
        shown, self._first = self._first or next(self._frames, None), None
        if shown is None:
            return None
        frame = Frame(shown[0], self._index, self._start_at + shown[1])
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop reading; safe to call twice."""
        self._frames, self._first = iter(()), None


def open_animation(
    where: str, content: bytes, start_at: float | None = None, clock: Callable[[], float] = boottime
) -> AnimationSource:
    """Frames at start_at (default: now minus the duration) + their own times. Raises BadInput."""
    if start_at is None:
        start_at = clock() - duration_s(content, need_format(content, where))
    return AnimationSource(read_animation(content, where), start_at)


def _parts(content: bytes, found: ImageFormat) -> Iterator[Part]:
    reader = _PARTS.get(found)
    return iter(()) if reader is None else reader(content)


def _place(canvas: Image, part: Part) -> Image:
    place = canvas[part.top : part.top + part.height, part.left : part.left + part.width]
    if place.shape[:2] != (part.height, part.width) or place.size == 0:
        raise ValueError("a frame lies outside the picture")
    return place


def _decode(part: Part, found: ImageFormat) -> Pixels:
    """The pixels of a part, checked as those of a still picture are. Raises ValueError, cv2.error."""
    silence_vendors()
    if image_size(part.content, found) != (part.height, part.width):
        raise ValueError("a frame of another size than it says")
    fault = fault_of_image(part.content, found)
    pixels = None if fault else cv2.imdecode(np.frombuffer(part.content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (part.height, part.width):
        raise ValueError(fault or "a frame cannot be decoded")
    if part.palette is not None:
        places = pixels if pixels.ndim == 2 else pixels[..., 0]
        colours = np.take(part.palette.view(np.uint32)[:, 0], places)
        return np.asarray(colours.view(np.uint8).reshape(*places.shape, 4))
    return _bgra(pixels)


def _bgra(pixels: Pixels) -> Pixels:
    if pixels.dtype != np.uint8:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return pixels
    code = cv2.COLOR_GRAY2BGRA if pixels.ndim == 2 or pixels.shape[2] == 1 else cv2.COLOR_BGR2BGRA
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _draw(place: Image, pixels: Pixels, *, blend: bool) -> None:
    """Draw over what is there, or over black; some rows at a time, as the sums take more memory than the picture."""
    if not blend:
        place[:] = 0
    for top in range(0, len(pixels), _ROWS):
        rows, below = pixels[top : top + _ROWS], place[top : top + _ROWS]
        alpha = rows[..., 3]
        if cv2.countNonZero(cv2.inRange(alpha, 1, 254)):
            share = alpha[..., None].astype(np.uint16)
            below[:] = (rows[..., :3] * share + below * (255 - share) + 127) // 255
        else:
            cv2.copyTo(cv2.cvtColor(rows, cv2.COLOR_BGRA2BGR), alpha.copy(), below)
