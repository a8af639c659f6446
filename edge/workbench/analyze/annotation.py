"""Pictures and videos with the faces drawn in, for a person to see. Workstation only: the sensor cannot import it.

Everything is written under a temporary name beside its own and renamed when it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np

from edge.files import drop, not_written, partial_name, whole_file, write_whole
from edge.schemas.analyze import Face
from edge.sensor.types import Image
from edge.settings.settings import Zone
from edge.workbench.analyze.zone_drawing import draw_zones

Colour = tuple[int, int, int]
"""Blue, green, red, 0-255."""
Rectangle = tuple[int, int, int, int]
"""x_min, y_min, x_max, y_max px."""

COLOURS: dict[str, Colour] = {"female": (110, 120, 255), "male": (250, 180, 70), "unknown": (210, 210, 210)}
LEAST_SIDE_PX = 1200
"""Smaller pictures are magnified by a whole factor to about this side, so that words fit beside small faces."""
_INK: Colour = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PADDING_PX = 3
_FPS_LOWEST, _FPS_HIGHEST = 1.0, 240.0
_TIMED_FRAMES = 10
"""Frames that are held back until their times give the rate of the video."""


def annotate(
    image: Image, faces: Sequence[Face], captions: Sequence[Sequence[str]], zones: Sequence[Zone] = ()
) -> Image:
    """A copy of a uint8 (H, W, 3) BGR image with each face's box, landmarks and caption (lines of ASCII text).

    Where the zones let nobody count, the copy is dark.
    """
    factor = max(1, round(LEAST_SIDE_PX / max(image.shape[:2])))
    canvas = (
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC) if factor > 1 else image.copy()
    )
    draw_zones(canvas, zones, stroke=_stroke(canvas))
    boxes = [_rectangle(face, factor) for face in faces]
    for face, box in zip(faces, boxes, strict=True):
        _draw_face(canvas, face, box, factor)
    taken = list(boxes)
    for face, box, lines in zip(faces, boxes, captions, strict=True):
        taken.append(_draw_caption(canvas, box, lines, _colour(face), taken))
    return cast(Image, canvas)


def write_picture(path: Path, image: Image) -> None:
    """Write a picture in the format of its suffix. Raises UsageError when the file cannot be written."""
    ok, content = cv2.imencode(path.suffix, image)
    if not ok:
        raise not_written(str(path), "no encoder for it")
    write_whole(path, content.tobytes())


class VideoFile:
    """An MPEG-4 video under a temporary name until `finish`. Its rate is that of the first frames' times."""

    def __init__(self, path: Path) -> None:
        self._path, self._partial = path, partial_name(path)
        self._held: list[tuple[Image, float]] = []
        self._writer: cv2.VideoWriter | None = None
        self._size = 0, 0
        self._written = 0

    def add(self, image: Image, at_s: float) -> None:
        """Append the frame of `at_s` seconds; its size is the first one's, or is made so. Raises UsageError."""
        self._held.append((image, at_s))
        if self._writer is not None or len(self._held) == _TIMED_FRAMES:
            self._write_held()

    def finish(self) -> None:
        """Close the video and give it its name. Raises UsageError when it did not become whole."""
        self._write_held()
        self._close()
        if self._written:
            with whole_file(self._path):
                self._need_every_frame()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._held.clear()
        self._close()
        drop(self._partial)

    def _write_held(self) -> None:
        if self._held and self._writer is None:
            self._writer = self._open(frames_per_second([at_s for _, at_s in self._held]))
        for image, _ in self._held:
            self._write(image)
        self._held.clear()

    def _open(self, fps: float) -> cv2.VideoWriter:
        height, width = self._held[0][0].shape[:2]
        self._size = width, height
        writer = cv2.VideoWriter(str(self._partial), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), fps, self._size)
        if not writer.isOpened():
            raise not_written(str(self._path), f"a video of {width}x{height} px cannot be opened for writing")
        return writer

    def _write(self, image: Image) -> None:
        assert self._writer is not None
        fits = (image.shape[1], image.shape[0]) == self._size
        self._writer.write(image if fits else cv2.resize(image, self._size))
        self._written += 1

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def _need_every_frame(self) -> None:
        capture = cv2.VideoCapture(str(self._partial), cv2.CAP_FFMPEG)
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        if frames != self._written:
            raise not_written(str(self._path), "fewer frames than were drawn")


def frames_per_second(times_s: Sequence[float]) -> float:
    """Mean rate of frames at these times, 1 to 240 a second; 1 where they do not give one."""
    elapsed_s = times_s[-1] - times_s[0]
    rate = (len(times_s) - 1) / elapsed_s if elapsed_s > 0 else _FPS_LOWEST
    return min(max(round(rate, 3), _FPS_LOWEST), _FPS_HIGHEST)


def _colour(face: Face) -> Colour:
    return COLOURS[face.gender.label if face.gender else "unknown"]


def _rectangle(face: Face, factor: int) -> Rectangle:
    x_min, y_min, x_max, y_max = (round(side * factor) for side in face.box)
    return x_min, y_min, x_max, y_max


def _stroke(canvas: Image) -> int:
    """Width of lines in px."""
    return max(1, round(int(max(canvas.shape[:2])) / 640))


def _draw_face(canvas: Image, face: Face, box: Rectangle, factor: int) -> None:
    stroke, colour = _stroke(canvas), _colour(face)
    cv2.rectangle(canvas, box[:2], box[2:], _INK, stroke + 2, cv2.LINE_AA)
    cv2.rectangle(canvas, box[:2], box[2:], colour, stroke, cv2.LINE_AA)
    radius = max(1, round((box[2] - box[0]) / 40))
    for x, y in face.landmarks or []:
        centre = round(x * factor), round(y * factor)
        cv2.circle(canvas, centre, radius + 1, _INK, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas, centre, radius, colour, cv2.FILLED, cv2.LINE_AA)


class _Print(NamedTuple):
    """How large words are."""

    scale: float
    line_px: int
    stroke: int


def _print_for(canvas: Image) -> _Print:
    scale = max(0.45, max(canvas.shape[:2]) / 2600)
    (_, height), baseline = cv2.getTextSize("Ag", _FONT, scale, 1)
    return _Print(scale, height + baseline + 1, max(1, round(scale * 1.3)))


def _draw_caption(
    canvas: Image, box: Rectangle, lines: Sequence[str], colour: Colour, taken: Sequence[Rectangle]
) -> Rectangle:
    """Write the lines beside a box, where they hide least of the rectangles taken; returns the place."""
    print_ = _print_for(canvas)
    width = max((cv2.getTextSize(line, _FONT, print_.scale, print_.stroke)[0][0] for line in lines), default=0)
    size = width + 2 * _PADDING_PX, print_.line_px * len(lines) + _PADDING_PX
    place = min(_places(box, size, canvas.shape[:2]), key=lambda rectangle: _hidden(rectangle, taken))
    cv2.rectangle(canvas, place[:2], place[2:], colour, cv2.FILLED)
    for row, line in enumerate(lines, start=1):
        foot = place[0] + _PADDING_PX, place[1] + row * print_.line_px - print_.line_px // 4
        cv2.putText(canvas, line, foot, _FONT, print_.scale, _INK, print_.stroke, cv2.LINE_AA)
    return place


def _places(box: Rectangle, size: tuple[int, int], canvas_hw: tuple[int, ...]) -> Iterator[Rectangle]:
    """Above, below, right and left of a box, all inside the canvas; the best first."""
    (width, height), (x_min, y_min, x_max, y_max) = size, box
    for x, y in ((x_min, y_min - height), (x_min, y_max), (x_max, y_min), (x_min - width, y_min)):
        left = int(np.clip(x, 0, max(0, canvas_hw[1] - width)))
        top = int(np.clip(y, 0, max(0, canvas_hw[0] - height)))
        yield left, top, left + width, top + height


def _hidden(place: Rectangle, taken: Sequence[Rectangle]) -> int:
    """Px² of the taken rectangles that a caption at this place would cover."""
    across = [min(place[2], other[2]) - max(place[0], other[0]) for other in taken]
    down = [min(place[3], other[3]) - max(place[1], other[1]) for other in taken]
    return sum(int(max(0, width) * max(0, height)) for width, height in zip(across, down, strict=True))
