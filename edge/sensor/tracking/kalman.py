"""Constant-velocity Kalman filter of a face's centre, in plain floats.

R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960, with the white-noise-acceleration
model of Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001, ch. 6.2.
Noise scales with the size of the face (as in DeepSORT, Wojke et al., ICIP 2017), so x and y share one covariance, kept
in sizes of the face; time is in seconds, so any frame rate will do. Two axes of two states are a few products: scalars
are ten times faster here than small arrays.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

POSITION_STD = 0.07
"""Jitter of a detected centre, in sizes of the face."""
START_SPEED_STD = 4.0
"""Spread of the unknown speed of a new face, sizes/s: a passer-by crosses four face widths a second."""
ACCELERATION_DENSITY = 8.0
"""Spectral density of the white-noise acceleration, sizes²/s³: a head may turn or a walker stop at any time."""
COAST_S = 0.6
"""A face out of sight keeps its speed for this long, then stands: people stop and turn, they do not fly on."""

_MEASURED = POSITION_STD * POSITION_STD


class Prediction(NamedTuple):
    """Where a face is expected: centre x, y in px, standard deviation of a sighting in sizes of the face."""

    x: float
    y: float
    std: float


class CentreFilter:
    """Centre (px) and velocity (px/s) of one face, as of its last detection."""

    __slots__ = ("_pp", "_pv", "_vv", "vx", "vy", "x", "y")

    def __init__(self, x: float, y: float) -> None:
        self.x, self.y = x, y
        self.vx = self.vy = 0.0
        self._pp, self._pv, self._vv = _MEASURED, 0.0, START_SPEED_STD * START_SPEED_STD

    def predict(self, elapsed_s: float) -> Prediction:
        """Expect the face `elapsed_s` seconds after its last detection; changes nothing."""
        coasted = min(elapsed_s, COAST_S)
        spread = self._grown(elapsed_s, coasted)[0] + _MEASURED
        return Prediction(self.x + self.vx * coasted, self.y + self.vy * coasted, sqrt(spread))

    def correct(self, x: float, y: float, elapsed_s: float) -> None:
        """Take a detection of the centre (px), `elapsed_s` seconds after the one before."""
        coasted = min(elapsed_s, COAST_S)
        pp, pv, vv = self._grown(elapsed_s, coasted)
        gain_p, gain_v = pp / (pp + _MEASURED), pv / (pp + _MEASURED)
        off_x, off_y = x - self.x - self.vx * coasted, y - self.y - self.vy * coasted
        self.x = x - (1.0 - gain_p) * off_x
        self.y = y - (1.0 - gain_p) * off_y
        self.vx += gain_v * off_x
        self.vy += gain_v * off_y
        self._pp, self._pv, self._vv = (1.0 - gain_p) * pp, (1.0 - gain_p) * pv, vv - gain_v * pv

    def _grown(self, elapsed_s: float, coasted_s: float) -> tuple[float, float, float]:
        """Variance of position, covariance, variance of speed after the time, in sizes² and seconds."""
        t, q = coasted_s, ACCELERATION_DENSITY * elapsed_s
        pp = self._pp + 2 * t * self._pv + t * t * self._vv + q * elapsed_s * elapsed_s / 3
        return pp, self._pv + t * self._vv + q * elapsed_s / 2, self._vv + q
