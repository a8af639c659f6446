"""Whether a face is static: what its looks of the last forty seconds say together, with hysteresis."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import hypot, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.sensor.stillness.motion import Motion

WINDOW_S = 40.0
"""Seconds of looks that are judged together."""
LEAST_LOOKS, MOST_LOOKS = 40, 200
"""Fewer looks in the window are not judged; more are not kept, whatever the clock does."""
MAX_SWAY, MAX_SWAY_PX = 0.004, 0.3
"""Largest sway of a static face over the window, in sides of its box or in px of the grey picture, whichever is more:
the root of its mean squared distance from its mean place. docs/evaluation.md has what posters and people did."""
MAX_SPREAD, MAX_SPREAD_PX = 0.0012, 0.03
"""Largest root mean square, over the window, of the spread of a static face's points, in sides of its box or in px of
the grey picture, whichever is more: noise moves points so far."""
FAST_STEP, FAST_STEP_PX = 0.005, 0.15
"""A step from one look to the next that is fast, in sides of the box or in px of the grey picture, whichever is more. A
face that could not be followed counts as fast."""
MAX_FAST_SHARE = 0.15
"""Largest share of fast looks in the window of a static face."""
RELEASE_LOOKS, RELEASE_OF = 4, 5
"""So many fast looks of the last five: a static face is a person again. Who walks past in front of it covers it for
less, and moves it no more than that."""
RELEASE_SWAYS = 3.0
"""So many times the largest sway of a static face away from its mean place, by slow steps: it is a person again."""


class _Look(NamedTuple):
    at: float
    motion: Motion

    @property
    def fast(self) -> bool:
        """Whether the face moved fast, or could not be followed."""
        step, least = self.motion.step, max(FAST_STEP, FAST_STEP_PX / max(1.0, self.motion.side_px))
        return step is None or hypot(*step) > least


class FaceHistory:
    """The looks of one place's face, oldest first. `static`: it is no person, as far as that can be seen."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=MOST_LOOKS)
        self.static = False

    def add(self, motion: Motion, at: float) -> None:
        """Take the look at `at` seconds and judge again."""
        self._looks.append(_Look(at, motion))
        while at - self._looks[0].at > WINDOW_S + 1e-6:
            self._looks.popleft()
        if self.static and self._is_moving():
            self.static = False
            self._looks.clear()  # what was before says nothing about somebody who moves
        elif not self.static:
            self.static = self._is_still(at)

    @property
    def sway(self) -> float:
        """Sway over the window, in sides of the box."""
        return sqrt(float(_path(self._looks).var(axis=0).sum()))

    @property
    def spread(self) -> float:
        """Root mean square of the spread over the window, in sides of the box."""
        return sqrt(sum(look.motion.spread**2 for look in self._looks) / len(self._looks))

    @property
    def fast_share(self) -> float:
        """Share of fast looks in the window, 0-1."""
        return sum(look.fast for look in self._looks) / len(self._looks)

    def _limits(self) -> tuple[float, float]:
        """Largest sway and spread of a static face of this size, in sides of the box."""
        side_px = sum(look.motion.side_px for look in self._looks) / len(self._looks)
        return max(MAX_SWAY, MAX_SWAY_PX / max(1.0, side_px)), max(MAX_SPREAD, MAX_SPREAD_PX / max(1.0, side_px))

    def _is_still(self, at: float) -> bool:
        whole = at - self._looks[0].at > WINDOW_S - 2.0 and len(self._looks) >= LEAST_LOOKS
        max_sway, max_spread = self._limits()
        return whole and self.fast_share <= MAX_FAST_SHARE and self.sway <= max_sway and self.spread <= max_spread

    def _is_moving(self) -> bool:
        lately = list(self._looks)[-RELEASE_OF:]
        if sum(look.fast for look in lately) >= RELEASE_LOOKS:
            return True
        path = _path([look for look in self._looks if not look.fast])
        return float(np.hypot(*(path[-1] - path.mean(axis=0)))) > RELEASE_SWAYS * self._limits()[0]


def _path(looks: Iterable[_Look]) -> NDArray[np.float64]:
    """Float64 (N + 1, 2): where the steps of the looks led from the first place, in sides of the box."""
    steps = [(0.0, 0.0), *(look.motion.step or (0.0, 0.0) for look in looks)]
    return np.cumsum(np.array(steps), axis=0)
