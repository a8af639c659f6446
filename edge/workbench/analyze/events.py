"""Visits as the events that a publisher would send of them: the same message, the same composer, no outbox."""

from __future__ import annotations

import uuid

import msgspec

from edge.publisher.events import Composer, WallClock
from edge.publisher.types import Stamp
from edge.sensor.assemble import Networks
from edge.sensor.uplink.coarsening import coarsen_visit
from edge.settings.settings import Settings
from edge.workbench.analyze.listening import Visited


class EventWriter:
    """Writes `passerby.visit/1` events. `seq` counts them from 1 over all sources, in one life of a boot_id."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        publish = msgspec.structs.replace(settings.publish, events=("visit",))
        told = msgspec.structs.replace(settings, publish=publish)
        clock = WallClock(settings.privacy.time_resolution_s)
        self._composer = Composer(told, f"{networks.name}@{networks.model_set.version}", clock)
        self._taxonomy, self._networks = settings.attributes.taxonomy, networks
        self._boot_id = uuid.uuid4().hex
        self._seq = 0

    def event(self, visit: Visited) -> bytes | None:
        """The event as JSON; None for a visit that the settings keep back, or that does not fit its contract."""
        message = coarsen_visit(
            visit.summary,
            session=0,
            counter=self._seq + 1,
            taxonomy=self._taxonomy,
            target=self._networks.target,
            historical=visit.historical,
        )
        render = self._composer.visit(message)
        payload = render(Stamp(str(uuid.uuid4()), self._boot_id, self._seq + 1)) if render else None
        self._seq += payload is not None
        return payload
