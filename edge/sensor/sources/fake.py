"""A source that follows a script: for tests, and for trying the product with no camera (`fake:`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from edge.errors import BadInput, CameraLost, UsageError, explain
from edge.sensor.types import Frame, Image

Step = Frame | CameraLost | BadInput
"""What one `read` does: give a frame or raise."""

_WORDS = ("lost", "bad")
_DEFAULT_SCRIPT = "100"
_SQUARE_SHARE = 8
_PACE_PX = 4


class ScriptedSource:
    """Gives the steps of a script one by one, then None. Implements `ports.FrameSource`."""

    def __init__(self, script: Iterable[Step], *, live: bool = False) -> None:
        """Take frames to give and errors to raise; the script is read step by step and may have no end."""
        self.live = live
        self._steps: Iterator[Step] | None = iter(script)

    def read(self) -> Frame | None:
        """Return the script's next frame or raise its next error; None after the last, or once closed."""
        step = next(self._steps, None) if self._steps is not None else None
        if step is None or isinstance(step, Frame):
            return step
        raise step

    def close(self) -> None:
        """End the script; safe to call twice."""
        self._steps = None


def open_fake(address: str, size_hw: tuple[int, int], fps: float, start_at: float) -> ScriptedSource:
    """Source of an address such as `fake:30,lost,20`: drawn frames, a lost camera, more frames.

    `bad` stands for an unreadable input; `fake:` alone gives 100 frames. Raises UsageError for any other word.
    """
    words = (address.removeprefix("fake:") or _DEFAULT_SCRIPT).split(",")
    for word in words:
        if not word.isdecimal() and word not in _WORDS:
            raise UsageError(explain("unknown step", where=address, got=word, expected="a number, lost or bad"))
    return ScriptedSource(_script(words, address, size_hw, fps, start_at))


def draw_scene(index: int, size_hw: tuple[int, int]) -> Image:
    """A bright square that wanders over a grey slope; uint8 (H, W, 3), the same for the same index."""
    height, width = size_hw
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.linspace(40, 120, width, dtype=np.uint8)[None, :, None]
    side = max(1, min(size_hw) // _SQUARE_SHARE)
    x = index * _PACE_PX % max(1, width - side)
    y = (height - side) // 2
    image[y : y + side, x : x + side] = 230
    return image


def _script(words: Iterable[str], where: str, size_hw: tuple[int, int], fps: float, start_at: float) -> Iterator[Step]:
    index = 0
    for word in words:
        if word == "lost":
            yield CameraLost(explain("no more frames, as the script says", where=where))
        elif word == "bad":
            yield BadInput(explain("unreadable, as the script says", where=where))
        else:
            for _ in range(int(word)):
                yield Frame(draw_scene(index, size_hw), index, start_at + index / fps)
                index += 1
