"""Tracks become visits: each that lasts, with its faces."""

from __future__ import annotations

import numpy as np
import pytest

from edge.sensor.geometry import Box
from edge.sensor.types import Detection
from edge.settings.settings import Settings, Tracking
from training.evaluation.counts.tracks import as_observed, follow
from training.evaluation.counts.watching import Sight

TIMES = [index / 10 for index in range(20)]
BOX = (10.0, 20.0, 50.0, 60.0)


def test_a_track_that_lasts_is_a_visit_and_a_short_one_is_not() -> None:
    rows = [(frame, 7, *BOX) for frame in (12, 2, 3)] + [(frame, 9, *BOX) for frame in (4, 5)]
    found = as_observed(np.array(rows, np.float64), TIMES, (640, 480), 0.5)
    (visit,) = found.visits
    assert (visit.first_seen, visit.last_seen) == (0.2, 1.2)
    assert [frame for frame, sights in enumerate(found.sights) if sights] == [2, 3, 12]
    assert found.sights[3] == [Sight(0, Box(*BOX))]


def test_no_tracks_are_no_visits() -> None:
    found = as_observed(np.zeros((0, 6)), TIMES, (640, 480), 0.5)
    assert (found.visits, found.sights) == ([], [[]] * 20)


def test_a_face_that_stays_is_followed_from_its_confirmation_on() -> None:
    frames = [[Detection(Box(*BOX), 0.9)] if 3 <= frame < 15 else [] for frame in range(20)]
    rows = follow(frames, TIMES, (1280, 720), Settings(tracking=Tracking(confirm_hits=3)), 0.5)
    assert rows[:, 0].tolist() == list(range(5, 15))
    assert len(set(rows[:, 1])) == 1
    assert rows[0, 2:] == pytest.approx(BOX)


def test_no_faces_are_no_tracks() -> None:
    assert follow([[]] * 20, TIMES, (1280, 720), Settings(), 0.5).shape == (0, 6)
