"""How the sensor itself is: what health messages report, and when a change must not wait for the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.clock import boottime
from edge.machine.counters import resident_mb
from edge.schemas.link import HealthMessage
from edge.schemas.vocabulary import AcceleratorState, SensorState
from edge.sensor.assemble import Networks
from edge.sensor.cooling import Governor
from edge.sensor.pipeline import Counters
from edge.sensor.uplink.link_client import LinkClient
from edge.sensor.uplink.messages import health_message

_log = logging.getLogger(__name__)


def _none_dropped() -> int:
    return 0


class Vitals:
    """Counters, targets and heat of one life of the sensor."""

    def __init__(self, networks: Networks, governor: Governor, link: LinkClient, *, started: float) -> None:
        """`started`: when this life began, seconds of `boottime`."""
        self.counters = Counters()
        """The pipeline's, once there is one."""
        self.reopens = 0
        """Attempts to open a camera that was not there."""
        self.dropped: Callable[[], int] = _none_dropped
        """Frames that the source skipped."""
        self._networks, self._governor, self._link = networks, governor, link
        self._accelerators: tuple[AcceleratorState, ...] = ()
        self._started = started

    def health(self, state: SensorState) -> HealthMessage:
        """The message for now."""
        self._governor.check()
        return health_message(
            state,
            self.counters,
            self._governor,
            next(iter(self._networks.accelerators.devices), None),
            target=self._networks.target,
            fallbacks=self._networks.moves,
            uptime_s=boottime() - self._started,
            dropped_frames=self.dropped(),
            lost_visits=self._link.lost_visits,
            reopens=self.reopens,
            resident_mb=resident_mb(),
        )

    def changed(self) -> bool:
        """Whether targets or cooling have changed since the last call; visits name the new target from now on."""
        targets_changed, cooling_changed = self._targets_changed(), self._governor.check()
        if cooling_changed:
            _log.warning(
                "cooling: %s at %s degrees, at least %.2f s between frames",
                self._governor.cooling,
                self._governor.temperature_c,
                self._governor.interval_s,
            )
        return targets_changed or cooling_changed

    def _targets_changed(self) -> bool:
        """Whether an accelerator was lost or is back since the last call."""
        before, self._link.target = self._link.target, self._networks.target
        accelerators = tuple(device.state for device in self._networks.accelerators.devices)
        seen, self._accelerators = self._accelerators, accelerators
        return before != self._link.target or seen != accelerators
