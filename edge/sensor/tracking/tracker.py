"""Tracks of faces: two-stage association, and the life of a track in seconds rather than frames.

After ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022): sure
detections are matched first, faint ones may carry on a track but never begin one. Lost tracks come after those in sight
(as in the cascade of DeepSORT, Wojke et al., ICIP 2017). One sight brings a lost face back almost where it was
expected; elsewhere a face begins a track of its own, and goes on as a lost one when it was seen often enough to tell by
place, size and direction (`resumption`).
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.sensor.ports import TrackUpdate
from edge.sensor.tracking.assignment import ALONE, assign
from edge.sensor.tracking.association import Sighting, associate, hides, is_on_head
from edge.sensor.tracking.resumption import resumption_cost
from edge.sensor.tracking.tracklet import Tracklet
from edge.sensor.types import Detection, Track, TrackState
from edge.settings.settings import Tracking

MAX_TRACKS = 255
"""Most tracks alive at once; a link message counts no more people either."""
CONFIRM_SHARE = 0.48
"""A track is a face when its mean score is this share of the way from the detector's threshold to 1: what a detector
takes for a face in one frame it takes for a face in the next one too, so hits in a row prove nothing alone. With
YuNet (threshold 0.5) it asks for 0.74: the back of a head was held at up to 0.72 for seconds, true profiles reach 0.78.
"""
FRAME_S = 1.0
"""Frames further apart than this are a gap, not two sights of one face; below it, whatever `max_gap_s`, they are."""
FRAME_GAPS = 1.5
"""Where frames come at a slower pace than that, a gap is this many times the pace."""
TENTATIVE_GAP_S, TENTATIVE_FRAMES = 0.5, 5
"""A track that is not confirmed yet is given up after this time and after so many frames out of sight: a detector that
looks wide now and then finds a small face in one frame of four.
"""
FAINT_GAPS = 5
"""Faint detections alone carry a track for at most this many times `max_gap_s`: a poster's faint face must not."""
HIDDEN_GAPS = 2
"""Behind somebody's head a face cannot be seen: time there does not count, up to so many times `max_gap_s`."""
NEAR_COST = 0.6
"""So near to where it was expected, a faint detection carries a face on, and one sight brings a lost one back."""


class FaceTracker:
    """Follows faces by motion alone; implements `edge.sensor.ports.Tracker`.

    `score` (0-1) divides sure detections from faint ones. Times are seconds of the frames' clock; frames may come at
    any rate, and a time that goes back counts as no time.
    """

    def __init__(self, settings: Tracking, score: float) -> None:
        self._confirm_hits = settings.confirm_hits
        self._max_gap_s = settings.max_gap_s
        self._score = score
        self._confirm_score = score + CONFIRM_SHARE * (1.0 - score)
        self._tracks: list[Tracklet] = []
        self._next_id = 1
        self._last_at: float | None = None
        self._intervals = 0.0, 0.0

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        """Take the detections of the frame of picture_hw px captured at `at` seconds."""
        ended = self._end_overdue(at)
        self._intervals = self._intervals[1], at - self._last_at if self._last_at is not None else 0.0
        self._last_at = at
        for track in self._tracks:
            track.predict(at)
        seen, left = self._match(detections, at, picture_hw)
        for track in self._tracks:
            track.missed = track.track_id not in seen
        self._count_hidden()
        self._begin(left, at, picture_hw)
        return TrackUpdate([track.snapshot() for track in self._tracks], ended)

    def finish(self) -> Sequence[Track]:
        """End every track now; returns those that were confirmed."""
        ended = [track.snapshot(TrackState.ENDED) for track in self._tracks if track.confirmed]
        self._tracks = []
        return ended

    def _end_overdue(self, at: float) -> list[Track]:
        """Drop the tracks that were out of sight for too long; returns those that were confirmed.

        None while a face that came within its time is not known yet: that could be it.
        """
        new = [t.first_seen for t in self._tracks if not t.confirmed and t.hits < self._confirm_hits]
        until = min([at, *new])
        overdue = [t for t in self._tracks if self._is_overdue(t, until if t.confirmed else at)]
        self._tracks = [track for track in self._tracks if track not in overdue]
        for track in overdue:
            track.missed = True
            track.predict(at)
        return [track.snapshot(TrackState.ENDED) for track in overdue if track.confirmed]

    def _is_overdue(self, track: Tracklet, at: float) -> bool:
        pace = min(self._intervals)
        tentative = max(TENTATIVE_GAP_S, TENTATIVE_FRAMES * pace)
        limit = self._max_gap_s if track.confirmed else min(self._max_gap_s, tentative)
        if not track.missed:
            limit = max(limit, FRAME_S, FRAME_GAPS * pace)
        faint_for = track.last_seen - track.last_sure
        limit += min(track.hidden_s, HIDDEN_GAPS * self._max_gap_s)
        return at - track.last_seen >= limit or faint_for > FAINT_GAPS * max(self._max_gap_s, FRAME_S)

    def _match(
        self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]
    ) -> tuple[set[int], list[Sighting]]:
        """Associate in stages; returns the ids of tracks in sight and the sure sightings that begin new tracks."""
        sure = [Sighting(d) for d in detections if d.score >= self._score]
        faint = [Sighting(d) for d in detections if d.score < self._score]
        in_sight = [t for t in self._tracks if t.confirmed and not t.missed]
        lost = [t for t in self._tracks if t.confirmed and t.missed]
        tentative = [t for t in self._tracks if not t.confirmed]
        seen = self._take(in_sight, sure, at)
        seen += self._take([t for t in in_sight if t not in seen], faint, at, NEAR_COST)
        sure, faint = self._off_heads(seen, sure), self._off_heads(seen, faint)
        found = self._take(lost, sure, at, NEAR_COST)
        new = [t for t in tentative if t.hits < self._confirm_hits]
        found += self._take(tentative, sure, at)
        self._resume([t for t in new if t.hits == self._confirm_hits], picture_hw)
        found += self._take([t for t in lost if t in self._tracks and t not in found], faint, at, NEAR_COST)
        return {track.track_id for track in seen + found}, self._off_heads(found, sure)

    def _count_hidden(self) -> None:
        """Count the time in which a lost face is behind somebody's head: there it cannot be seen."""
        seen = [track for track in self._tracks if track.confirmed and not track.missed]
        for track in self._tracks:
            if track.confirmed and track.missed and any(hides(other.box, track.expected_box) for other in seen):
                track.hidden_s += max(0.0, self._intervals[1])

    def _take(
        self, tracks: Sequence[Tracklet], sightings: list[Sighting], at: float, max_cost: float = ALONE
    ) -> list[Tracklet]:
        """Carry on the tracks that find a sighting, take those sightings off the list, and return the tracks."""
        pairs = associate(tracks, sightings, max_cost)
        for track, sighting in pairs:
            track.see(sighting.detection, at, sure=sighting.detection.score >= self._score)
            track.confirmed = track.confirmed or track.is_face(self._confirm_score)
            sightings.remove(sighting)
        return [track for track, _ in pairs]

    def _resume(self, new: Sequence[Tracklet], picture_hw: tuple[int, int]) -> None:
        """Let tracks that were now seen often enough go on as the lost ones they turn out to be."""
        lost = [t for t in self._tracks if t.confirmed and t.missed and t not in new]
        costs = [[resumption_cost(old, track, picture_hw) for track in new] for old in lost]
        for row, column in assign(costs) if lost and new else ():
            new[column].go_on_as(lost[row])
            self._tracks.remove(lost[row])

    def _begin(self, sightings: Sequence[Sighting], at: float, picture_hw: tuple[int, int]) -> None:
        """Begin a tentative track on each sighting, but only one on a head."""
        begun: list[Tracklet] = []
        for sighting in sightings:
            if len(self._tracks) >= MAX_TRACKS or not self._off_heads(begun, [sighting]):
                continue
            track = Tracklet(self._next_id, sighting.detection, at, self._confirm_hits)
            track.confirmed = track.is_face(self._confirm_score)
            self._tracks.append(track)
            begun.append(track)
            self._next_id += 1
        self._resume([t for t in begun if t.hits == self._confirm_hits], picture_hw)

    def _off_heads(self, tracks: Sequence[Tracklet], sightings: Sequence[Sighting]) -> list[Sighting]:
        """The sightings that lie on no head of tracks seen in this frame."""
        score = self._confirm_score
        return [s for s in sightings if not any(is_on_head(track.box, s, score) for track in tracks)]
