"""Fewer frames a second while the machine is hot, in steps, before the kernel slows all down, the screen's video too.

Pure: from what was read to the rate.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.machine.heat import Heat
from edge.schemas.vocabulary import Cooling
from edge.settings.settings import Thermal

FIRMWARE_LIMIT_C = 80.0
"""Where a Raspberry Pi's firmware begins to slow down; its kernel does not report it."""
MARGIN_C = 5.0
"""Below the limit, where the settings name no temperature."""


class Governor:
    """Halves the frame rate where it is too hot, and restores it when it has been cool for a while."""

    def __init__(self, settings: Thermal, fps: float, read: Callable[[], Heat], clock: Callable[[], float]) -> None:
        """fps: the full rate."""
        self._settings, self._fps, self._read, self._clock = settings, fps, read, clock
        self._check_at = float("-inf")
        self._steps = 0
        self._cool_since = clock()
        self.temperature_c: float | None = None
        self.cooling: Cooling = "unknown"
        self.check()

    @property
    def interval_s(self) -> float:
        """Least time between two frames; 0 at the full rate."""
        if self._steps == 0:
            return 0.0
        return 1.0 / max(self._fps / (1 << self._steps), self._settings.min_fps)

    def check(self) -> bool:
        """Read the temperature if it is time to; True where the rate or the state has changed."""
        now = self._clock()
        if now < self._check_at:
            return False
        self._check_at = now + self._settings.interval_s
        before = self._steps, self.cooling
        heat = self._read()
        self.temperature_c = heat.temperature_c
        self._step(heat, now)
        self.cooling = self._state(heat)
        return before != (self._steps, self.cooling)

    def _step(self, heat: Heat, now: float) -> None:
        slow_from_c = self._settings.slow_from_c or (heat.limit_c or FIRMWARE_LIMIT_C) - MARGIN_C
        temperature_c = heat.temperature_c if heat.temperature_c is not None else float("-inf")
        if heat.throttled or temperature_c >= slow_from_c:
            self._cool_since = now
            if self._fps / (1 << self._steps) > self._settings.min_fps:
                self._steps += 1
        elif temperature_c > slow_from_c - self._settings.hysteresis_c:
            self._cool_since = now
        elif self._steps and now - self._cool_since >= self._settings.recover_s:
            self._steps -= 1
            self._cool_since = now

    def _state(self, heat: Heat) -> Cooling:
        if heat.throttled:
            return "throttled"
        if self._steps:
            return "slowed"
        return "unknown" if heat.temperature_c is None else "normal"
