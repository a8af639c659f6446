"""Live and health messages, from what the sensor counts: rounded and clipped to what the link can carry."""

from __future__ import annotations

from typing import cast

from edge.schemas.link import MAX_FPS_TENTHS, MAX_REOPENS, HealthMessage, LiveMessage
from edge.schemas.vocabulary import SensorState, Target, TaxonomyName
from edge.sensor.cooling import Governor
from edge.sensor.inference.accelerators.device import Accelerator
from edge.sensor.pipeline import Counters
from edge.sensor.visits.book import LiveCounts


def live_message(counts: LiveCounts, taxonomy: TaxonomyName, target: Target) -> LiveMessage:
    """The people in front of the screen now; `taxonomy` says what the brackets of `counts` refer to."""
    return LiveMessage(
        watchers=counts.watchers,
        longest_dwell_halves=min(round(counts.longest_dwell_s * 2), 2 * 86_400),
        female=counts.female,
        male=counts.male,
        unknown=counts.unknown,
        taxonomy=taxonomy,
        brackets=cast(tuple[int, int, int, int, int, int, int, int, int], counts.brackets),
        target=target,
    )


def health_message(
    state: SensorState,
    counters: Counters,
    governor: Governor,
    accelerator: Accelerator | None,
    *,
    target: Target,
    fallbacks: int,
    uptime_s: float,
    dropped_frames: int,
    lost_visits: int,
    reopens: int,
    resident_mb: int,
) -> HealthMessage:
    """How the sensor is, after `uptime_s` seconds and `reopens` attempts to open the camera again.

    `fallbacks` says how often a preferred target could not run; `resident_mb` is memory in MB (10**6 bytes).
    """
    celsius = governor.temperature_c
    return HealthMessage(
        state=state,
        uptime_s=int(uptime_s),
        frames=counters.frames,
        dropped_frames=dropped_frames,
        fps_tenths=min(round(counters.frames / max(uptime_s, 0.1) * 10), MAX_FPS_TENTHS),
        visits=counters.visits,
        lost_visits=lost_visits,
        camera_reopens=min(reopens, MAX_REOPENS),
        target=target,
        fallbacks=min(fallbacks, 99),
        accelerator=accelerator.state if accelerator else "none",
        accelerator_fault=accelerator.fault if accelerator else "none",
        rss_mb=min(resident_mb, 32_767),
        temperature_c=min(max(round(celsius), 0), 125) if celsius is not None else -1,
        cooling=governor.cooling,
        static_faces=min(counters.static_faces, 255),
    )
