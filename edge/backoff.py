"""Waits between tries: they double up to a bound, with jitter so that many devices do not try at the same moment."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Next waits for one thing that is tried again and again."""

    def __init__(self, initial_s: float, longest_s: float, *, jitter: Callable[[], float] = random.random) -> None:
        """`jitter` gives numbers from 0 to 1: a wait is between half and the whole of its doubling bound."""
        self._initial_s = initial_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._bound_s = initial_s

    def next_wait_s(self) -> float:
        """Seconds to wait before the next try; the bound of the one after it doubles."""
        wait_s = self._bound_s * (0.5 + 0.5 * self._jitter())
        self._bound_s = min(self._longest_s, self._bound_s * 2.0)
        return wait_s

    def reset(self) -> None:
        """Begin again with the first wait: a try has worked."""
        self._bound_s = self._initial_s
