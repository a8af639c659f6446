"""Waits between tries: doubling up to a limit, each shortened by chance so that many devices do not come at once."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Jittered exponential backoff: the n-th wait lies between half of `initial_s * 2**n` and all of it."""

    def __init__(self, initial_s: float, longest_s: float, *, chance: Callable[[], float] = random.random) -> None:
        """`chance` gives numbers from 0 up to 1."""
        self._initial_s = min(initial_s, longest_s)
        self._longest_s = longest_s
        self._chance = chance
        self._next_s = self._initial_s

    def wait_s(self) -> float:
        """Seconds to wait before the next try; every call makes the following wait longer."""
        wait = self._next_s * (0.5 + 0.5 * self._chance())
        self._next_s = min(self._next_s * 2, self._longest_s)
        return wait

    def reset(self) -> None:
        """Begin again with the first wait, after a success."""
        self._next_s = self._initial_s
