"""When the pictures of footage were taken: the file's own times, past clocks that stand still, jump back or wrap."""

from __future__ import annotations

_JITTER_S = 1.0
"""A clock that falls back by less has lost a moment and is waited for; one that falls back further begins anew."""


class Timeline:
    """Seconds from the beginning of the footage, for each picture later than for the one before."""

    def __init__(self, interval_s: float) -> None:
        """interval_s: from a picture to the next where the times do not say."""
        self._interval_s = interval_s
        self._shift_s = self._former_shift_s = 0.0
        self._at_s: float | None = None

    def place(self, stated_s: float | None) -> float:
        """Time of the next picture. stated_s: as the file says, in seconds from its beginning, None where it does not.

        A step forward is taken as it is stated. After a break, where the clock goes back or wraps, the time goes on
        by one interval: how long the break was is not known. Where one time alone was wrong, the former clock goes on.
        """
        if self._at_s is None:
            self._at_s = max(0.0, stated_s or 0.0)
            return self._at_s
        expected_s = self._at_s + self._interval_s
        if stated_s is None:
            self._at_s = expected_s
            return expected_s
        if stated_s + self._shift_s <= self._at_s - _JITTER_S:
            self._former_shift_s, self._shift_s = self._shift_s, expected_s - stated_s
        elif 0 < stated_s + self._former_shift_s - self._at_s < _JITTER_S:
            self._shift_s = self._former_shift_s
        at_s = stated_s + self._shift_s
        self._at_s = at_s if at_s > self._at_s else expected_s
        return self._at_s
