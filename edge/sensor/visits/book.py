"""The book of open visits: a confirmed track opens one, the end of the track closes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edge.sensor.types import AttributeEstimate, Track, TrackState, VisitSummary
from edge.sensor.visits.attention import is_facing
from edge.sensor.visits.fusion import Fusion
from edge.sensor.visits.minors import Policy, profile
from edge.sensor.visits.pose import estimate_pose
from edge.sensor.visits.visit import OpenVisit
from edge.settings.settings import Attention, Attributes, Visits

RETRY_S = 0.1
"""A face that was due for a look and got none (too blurred, turned away) is due again after this time."""
PRESENT_S = 1.0
"""A face seen within this time is in front of the screen now; one that left stays open until `max_gap_s` is over."""
BRACKET_PLACES = 8
"""Most brackets of a taxonomy; in `LiveCounts.brackets` the place after them counts unknown."""


class LiveCounts(NamedTuple):
    """People in front of the screen now."""

    people: int
    watchers: int
    """People whose face is turned to the screen."""
    longest_dwell_s: float
    female: int
    male: int
    unknown: int
    """People without a gender that may be reported."""
    brackets: tuple[int, ...]
    """People by bracket index of the taxonomy, 9 places; the last one counts unknown."""


class VisitBook:
    """Opens, feeds and closes visits. Memory is bounded by the tracks alive and `attributes.samples` looks for each.

    A visit that is too short (`visits.min_dwell_s`), or a minor's under the policy `drop`, leaves no summary; `opened`
    counts all that were opened, `closed` all that were closed.
    """

    def __init__(
        self, *, visits: Visits, attributes: Attributes, attention: Attention, minors: Policy, fusion: Fusion
    ) -> None:
        self._settings = visits
        self._attributes = attributes
        self._attention = attention
        self._minors = minors
        self._fusion = fusion
        self._open: dict[int, OpenVisit] = {}
        self.opened = 0
        self.closed = 0

    def __len__(self) -> int:
        return len(self._open)

    def observe(self, tracks: Sequence[Track], at: float) -> list[VisitSummary]:
        """Count dwell and attention of the tracks at `at` seconds; returns visits that ran too long and were cut."""
        cut = []
        for track in tracks:
            if track.state is TrackState.TENTATIVE:
                continue
            visit = self._visit_of(track)
            visit.last_seen = track.last_seen
            visit.gaze.observe(is_facing(estimate_pose(track.landmarks), self._attention), at)
            if visit.dwell_s >= self._settings.max_dwell_s:
                cut.append(self._cut(visit))
        return [summary for summary in cut if summary is not None]

    def due(self, tracks: Sequence[Track], at: float) -> list[Track]:
        """The tracks whose face is due for a look now: confirmed, seen in this frame, large enough, short of looks."""
        return [track for track in tracks if self._is_due(track, at)]

    def add(self, track_id: int, estimate: AttributeEstimate, at: float) -> None:
        """Keep a look at a track's face, from the frame at `at` seconds; one of a closed visit is dropped."""
        visit = self._open.get(track_id)
        if visit is not None:
            visit.keep(estimate, at, self._attributes.samples)

    def looks_at(self, track_id: int | None) -> Sequence[AttributeEstimate]:
        """The looks that are kept of a track's face; none without an open visit."""
        visit = None if track_id is None else self._open.get(track_id)
        return tuple(visit.looks) if visit is not None else ()

    def end(self, tracks: Sequence[Track], reason: str) -> list[VisitSummary]:
        """Close the visits of tracks that ended; `reason` is one of `edge.schemas.vocabulary.EndReason`."""
        summaries = [self._close(track, reason) for track in tracks]
        return [summary for summary in summaries if summary is not None]

    def withdraw(self, tracks: Sequence[Track]) -> None:
        """Close the visits of these tracks without a summary: they were no people."""
        for track in tracks:
            self.closed += self._open.pop(track.track_id, None) is not None

    def live(self, at: float) -> LiveCounts:
        """Count the people who are in front of the screen at `at` seconds; minors under `drop` are not counted."""
        present = [visit for visit in self._open.values() if self._is_here(visit, at)]
        profiles = [(visit, profile(visit.looks, self._fusion, self._minors)) for visit in present]
        here = [(visit, fused) for visit, fused in profiles if fused is not None]
        genders = [fused.gender.label if fused.gender else "unknown" for _, fused in here]
        places = [0] * (BRACKET_PLACES + 1)
        for _, fused in here:
            places[-1 if fused.age is None or fused.age.bracket is None else fused.age.bracket] += 1
        return LiveCounts(
            people=len(here),
            watchers=sum(visit.gaze.is_on(at) for visit, _ in here),
            longest_dwell_s=max((visit.dwell_s for visit, _ in here), default=0.0),
            female=genders.count("female"),
            male=genders.count("male"),
            unknown=genders.count("unknown"),
            brackets=tuple(places),
        )

    def _visit_of(self, track: Track) -> OpenVisit:
        visit = self._open.get(track.track_id)
        if visit is None:
            gap_s = self._attention.glance_gap_s
            visit = self._open[track.track_id] = OpenVisit(track.track_id, track.first_seen, track.last_seen, gap_s)
            self.opened += 1
        return visit

    def _is_due(self, track: Track, at: float) -> bool:
        visit = self._open.get(track.track_id)
        if visit is None or not track.detected or track.box.side < self._attributes.min_face_px:
            return False
        age_s = at - visit.looked_at
        wanted = age_s >= self._attributes.refresh_s or len(visit.looks) < self._attributes.samples
        if not wanted or age_s < self._attributes.interval_s or at - visit.asked_at < RETRY_S:
            return False
        visit.asked_at = at
        return True

    def _is_here(self, visit: OpenVisit, at: float) -> bool:
        return at - visit.last_seen <= PRESENT_S

    def _cut(self, visit: OpenVisit) -> VisitSummary | None:
        """Close a visit that ran too long and open the one that follows."""
        self._open[visit.track_id] = visit.go_on(self._attention.glance_gap_s)
        self.opened += 1
        return self._sum_up(visit, "too_long")

    def _close(self, track: Track, reason: str) -> VisitSummary | None:
        visit = self._visit_of(track)
        visit.last_seen = track.last_seen
        del self._open[track.track_id]
        return self._sum_up(visit, reason)

    def _sum_up(self, visit: OpenVisit, reason: str) -> VisitSummary | None:
        """What may be sent about a closed visit; None when nothing may or when it was too short."""
        self.closed += 1
        fused = profile(visit.looks, self._fusion, self._minors)
        if fused is None or visit.dwell_s < self._settings.min_dwell_s:
            return None
        return VisitSummary(
            track_id=visit.track_id,
            first_seen=visit.first_seen,
            last_seen=visit.last_seen,
            attention_s=visit.gaze.attention_s,
            glances=visit.gaze.glances,
            gender=fused.gender,
            age=fused.age,
            samples=len(visit.looks),
            quality=visit.quality,
            end_reason=reason,
        )
