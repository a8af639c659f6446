"""A window, as the viewer uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.sensor.types import Image

CLOSED = "closed"
"""The key that a window reports where the person closes it."""


class Window(Protocol):
    """What a person sees, and which keys they press."""

    def show(self, image: Image, words: str) -> None:
        """Show a uint8 (H, W, 3) BGR image, made smaller where the screen needs it, above a line of words."""

    def write(self, words: str) -> None:
        """Change the line of words."""

    def keys(self, wait_s: float) -> Sequence[str]:
        """Names of the keys (keysyms(n) of Tk, lower case) since the last call, `CLOSED` where the window was closed.

        Waits at most wait_s seconds for the first; the window lives during this call.
        """

    def close(self) -> None:
        """Take the window away; safe to call twice."""
