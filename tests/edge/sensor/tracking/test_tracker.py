from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge.sensor.geometry import Box
from edge.sensor.ports import TrackUpdate
from edge.sensor.tracking.tracker import MAX_TRACKS, FaceTracker
from edge.sensor.types import Detection, Track, TrackState
from edge.settings.settings import Tracking

FPS = 10.0
SCORE = 0.6
PICTURE, ENDLESS = (720, 1280), (2000, 30000)


def face(x: float, y: float = 100.0, side: float = 40.0, score: float = 0.9) -> Detection:
    return Detection(Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2), score, np.zeros((5, 2), np.float32))


class Scene:
    """Feeds a tracker frame by frame and remembers which confirmed tracks ended."""

    def __init__(
        self, *, confirm_hits: int = 3, max_gap_s: float = 2.0, fps: float = FPS, picture_hw: tuple[int, int] = ENDLESS
    ) -> None:
        self.tracker = FaceTracker(Tracking(confirm_hits=confirm_hits, max_gap_s=max_gap_s), SCORE)
        self.step_s = 1 / fps
        self.picture_hw = picture_hw
        self.at = 0.0
        self.ended: list[Track] = []
        self.active: Sequence[Track] = ()

    def show(self, *detections: Detection, frames: int = 1) -> TrackUpdate:
        for _ in range(frames):
            update = self.tracker.update(detections, self.at, self.picture_hw)
            self.ended.extend(update.ended)
            self.active = update.active
            self.at += self.step_s
        return update

    def finish(self) -> list[Track]:
        self.ended.extend(self.tracker.finish())
        return self.ended


def confirmed(update: TrackUpdate) -> list[Track]:
    return [track for track in update.active if track.state is TrackState.CONFIRMED]


def test_a_track_is_confirmed_by_enough_detections_and_keeps_the_time_of_the_first() -> None:
    scene = Scene(confirm_hits=3)
    assert not confirmed(scene.show(face(100), frames=2))
    (track,) = confirmed(scene.show(face(100)))
    assert (track.first_seen, track.detected) == (0.0, True)
    assert track.last_seen == pytest.approx(0.2)


@pytest.mark.parametrize("fps", [0.1, 0.5, 1.0, 1.5])
def test_who_stays_is_seen_at_a_slow_pace_too(fps: float) -> None:
    """Hot machines and pictures of a timer: two frames show the pace, the next ones the face."""
    scene = Scene(fps=fps)
    scene.show(face(100), frames=12)
    (track,) = scene.finish()
    assert track.last_seen - track.first_seen >= 9 / fps


def test_one_long_gap_is_no_pace() -> None:
    scene = Scene()
    scene.show(face(100), frames=5)
    for _ in range(2):
        scene.at += 30
        scene.show(face(100), frames=5)
    assert len(scene.finish()) == 3


def test_a_face_seen_too_few_times_leaves_no_track() -> None:
    scene = Scene(confirm_hits=3)
    scene.show(face(100), frames=2)
    scene.show(frames=30)
    assert scene.finish() == []
    assert not scene.active


def test_what_the_detector_hardly_takes_for_a_face_is_never_confirmed_however_long_it_stays() -> None:
    scene = Scene()
    scene.show(face(100, score=SCORE + 0.1), frames=200)
    assert scene.finish() == []


def test_faint_detections_begin_no_track_but_carry_one_on() -> None:
    scene = Scene()
    scene.show(face(100, score=0.4), frames=20)
    assert not scene.active
    scene.show(face(100), frames=5)
    (track,) = scene.show(face(104, score=0.4)).active
    assert track.detected and track.score == pytest.approx(0.4)


def test_faint_detections_do_not_carry_a_track_for_ever() -> None:
    scene = Scene(max_gap_s=1.0)
    scene.show(face(100), frames=10)
    scene.show(face(100, score=0.4), frames=100)
    (track,) = scene.ended
    assert track.last_seen < 7.0


def test_a_shorter_gap_is_the_same_track_and_a_longer_one_is_another() -> None:
    for missing, expected in ((19, 1), (21, 2)):
        scene = Scene(max_gap_s=2.0)
        scene.show(face(100), frames=10)
        scene.show(frames=missing - 1)
        scene.show(face(100), frames=10)
        assert len(scene.finish()) == expected, missing


@pytest.mark.parametrize("fps", [5.0, 12.5, 30.0, 60.0])
def test_the_gap_is_counted_in_seconds_whatever_the_frame_rate(fps: float) -> None:
    for gap_s, expected in ((1.5, 1), (2.5, 2)):
        scene = Scene(max_gap_s=2.0, fps=fps)
        scene.show(face(100), frames=10)
        scene.show(frames=round(gap_s * fps))
        scene.show(face(100), frames=10)
        assert len(scene.finish()) == expected, gap_s


def test_a_sleep_between_two_frames_is_a_gap() -> None:
    scene = Scene()
    scene.show(face(100), frames=10)
    scene.at += 3600
    scene.show(face(100), frames=10)
    first, second = scene.finish()
    assert first.last_seen < 1.0 and second.first_seen > 3600


def test_with_no_gap_allowed_a_face_that_stays_is_still_one_track() -> None:
    scene = Scene(max_gap_s=0.0)
    scene.show(face(100), frames=20)
    assert len(scene.finish()) == 1


def test_a_lost_face_has_no_landmarks_and_its_predicted_box_moves_on_then_stands() -> None:
    scene = Scene(fps=10)
    for count in range(10):
        scene.show(face(100 + 8 * count))
    (soon,) = scene.show().active
    assert (soon.state, soon.detected, soon.landmarks) == (TrackState.LOST, False, None)
    assert soon.box.centre[0] == pytest.approx(180, abs=3)
    (later,) = scene.show(frames=10).active
    (latest,) = scene.show(frames=5).active
    assert later.box.centre[0] == pytest.approx(latest.box.centre[0])


def test_a_person_who_turns_away_and_sways_aside_is_one_track() -> None:
    scene = Scene()
    scene.show(face(100), frames=15)
    scene.show(frames=14)
    scene.show(face(150), frames=15)
    assert len(scene.finish()) == 1


def test_somebody_who_appears_far_from_a_lost_face_is_somebody_else() -> None:
    scene = Scene()
    scene.show(face(100), frames=15)
    scene.show(frames=10)
    scene.show(face(320), frames=15)
    assert len(scene.finish()) == 2


def test_a_face_of_another_size_is_somebody_else() -> None:
    scene = Scene()
    scene.show(face(100, side=30), frames=15)
    scene.show(frames=2)
    scene.show(face(100, side=90), frames=15)
    assert len(scene.finish()) == 2


@pytest.mark.parametrize("speed_px", [4, 8, 14])
@pytest.mark.parametrize("apart_px", [0, 10, 30])
def test_two_people_who_cross_keep_their_tracks(speed_px: int, apart_px: int) -> None:
    scene = Scene(fps=12.5)
    frames = 400 // speed_px
    for count in range(frames):
        left, right = 100 + speed_px * count, 500 - speed_px * count
        shown = [face(left, y=100), face(right, y=100 + apart_px, side=36)]
        scene.show(*(shown if abs(left - right) > 30 or apart_px == 30 else shown[:1]))
    to_the_right, to_the_left = sorted(scene.finish(), key=lambda track: -track.box.centre[0])
    assert len(scene.ended) == 2
    assert (to_the_right.track_id, to_the_left.track_id) == (1, 2)


def test_one_face_with_two_boxes_has_one_track() -> None:
    scene = Scene()
    scene.show(face(100), frames=5)
    scene.show(face(100), face(118, side=30), frames=20)
    assert len(scene.finish()) == 1


def test_two_boxes_on_one_head_in_its_first_frame_are_one_track() -> None:
    scene = Scene()
    scene.show(face(100), face(118, side=30), frames=20)
    assert len(scene.finish()) == 1


def test_a_lost_face_comes_back_faintly_only_where_it_was_expected() -> None:
    for x, expected in ((104, True), (150, False)):
        scene = Scene()
        scene.show(face(100), frames=10)
        scene.show(frames=8)
        (track,) = scene.show(face(x, score=0.4)).active
        assert track.detected is expected, x


def test_however_long_a_face_is_lost_it_is_not_looked_for_far_away() -> None:
    for x, expected in ((160, 1), (230, 2)):
        scene = Scene(max_gap_s=10.0)
        scene.show(face(100), frames=15)
        scene.show(frames=60)
        scene.show(face(x), frames=15)
        assert len(scene.finish()) == expected, x


def test_a_track_that_is_not_confirmed_is_given_up_soon() -> None:
    scene = Scene(max_gap_s=5.0)
    scene.show(face(100))
    assert len(scene.show(frames=4).active) == 1
    assert not scene.show(frames=3).active


@pytest.mark.parametrize("fps", [3, 8, 30])
def test_who_is_found_at_every_fourth_frame_only_is_somebody_at_any_rate(fps: float) -> None:
    """The frames that a detector looks at wide (`edge.sensor.detection.wide`)."""
    scene = Scene(fps=fps)
    for _ in range(6):
        scene.show(face(100, side=24))
        scene.show(frames=3)
    assert len(scene.finish()) == 1


@pytest.mark.parametrize("score", [0.9, 0.4])
def test_a_lost_track_does_not_come_back_on_the_hair_of_somebody_in_sight(score: float) -> None:
    scene = Scene()
    scene.show(face(100), face(100, y=20, side=30), frames=6)
    scene.show(face(100))
    behind = max(scene.active, key=lambda track: track.track_id).track_id
    scene.show(face(100), face(100, y=66, side=30, score=score), frames=10)
    assert [track.detected for track in scene.active if track.track_id == behind] == [False]
    assert len(scene.finish()) == 2


def test_two_faces_side_by_side_have_two_tracks() -> None:
    scene = Scene()
    scene.show(face(100), face(138), frames=20)
    assert len(scene.finish()) == 2


@pytest.mark.parametrize("apart", [60, 70, 80])
@pytest.mark.parametrize("alone_first", [1, 10])
def test_a_small_sure_face_cheek_to_cheek_with_a_large_one_is_somebody(apart: int, alone_first: int) -> None:
    for side in (-1, 1):
        scene = Scene()
        scene.show(face(200, side=116), frames=alone_first)
        scene.show(face(200, side=116), face(200 + side * apart, y=125, side=50, score=0.85), frames=20)
        assert len(scene.finish()) == 2, side


def test_cheek_to_cheek_the_order_of_the_detections_does_not_matter() -> None:
    scene = Scene()
    scene.show(face(265, y=125, side=50), face(200, side=116, score=0.85), frames=20)
    assert len(scene.finish()) == 2


@pytest.mark.parametrize(
    ("x", "y", "score"), [(265, 125, 0.75), (200, 175, 0.95), (240, 150, 0.95), (210, 20, 0.95), (160, 25, 0.95)]
)
def test_a_weak_face_beside_a_head_and_one_in_collar_cheek_or_hair_are_nobody(x: float, y: float, score: float) -> None:
    scene = Scene()
    scene.show(face(200, side=116), face(x, y=y, side=50, score=score), frames=40)
    assert len(scene.finish()) == 1


def test_a_fast_walker_at_ten_frames_a_second_is_one_track() -> None:
    scene = Scene(fps=10)
    for count in range(20):
        scene.show(face(100 + 30 * count, side=36))
    assert len(scene.finish()) == 1


def test_times_that_stand_still_or_go_back_do_no_harm() -> None:
    tracker = FaceTracker(Tracking(), SCORE)
    for at in (5.0, 5.0, 5.1, 4.0, 4.0, 5.2):
        tracker.update([face(100)], at, ENDLESS)
    (track,) = tracker.finish()
    assert track.first_seen <= track.last_seen == 5.2


def test_the_number_of_tracks_is_bounded() -> None:
    scene = Scene()
    update = scene.show(*(face(100 * count) for count in range(2 * MAX_TRACKS)))
    assert len(update.active) == MAX_TRACKS


def test_finish_ends_every_confirmed_track_and_begins_anew() -> None:
    scene = Scene()
    scene.show(face(100), face(300), frames=5)
    scene.show(face(100), face(300), face(500))
    assert [track.state for track in scene.finish()] == [TrackState.ENDED] * 2
    assert scene.tracker.finish() == []


@pytest.mark.parametrize("pause", [4, 6, 9])
@pytest.mark.parametrize("at_right", [False, True])
def test_who_comes_in_at_an_edge_is_not_who_left_there(pause: int, at_right: bool) -> None:
    scene = Scene(picture_hw=PICTURE)
    edge, inwards = (1280, -1) if at_right else (0, 1)
    for count in range(20):
        scene.show(face(edge + inwards * (400 - 20 * count)))
    scene.show(frames=pause)
    for count in range(20):
        scene.show(face(edge + inwards * (10 + 20 * count), y=104))
    assert len(scene.finish()) == 2


def test_who_leaves_through_the_bottom_is_not_who_comes_in_there() -> None:
    scene = Scene(picture_hw=PICTURE)
    for count in range(10):
        scene.show(face(600, y=500 + 20 * count))
    scene.show(frames=5)
    for count in range(10):
        scene.show(face(600, y=700 - 20 * count))
    assert len(scene.finish()) == 2


def test_who_stands_at_an_edge_and_turns_away_is_one_track() -> None:
    scene = Scene(picture_hw=PICTURE)
    scene.show(face(25), frames=10)
    scene.show(frames=12)
    scene.show(face(28), frames=10)
    assert len(scene.finish()) == 1


def test_who_walks_on_behind_a_pillar_is_one_track_and_who_walks_out_of_it_against_them_is_another() -> None:
    for speed, expected in ((20, 1), (-20, 2)):
        scene = Scene(picture_hw=PICTURE)
        for count in range(15):
            scene.show(face(200 + 20 * count))
        scene.show(frames=8)
        for count in range(15):
            scene.show(face(660 + speed * count))
        assert len(scene.finish()) == expected, speed


def test_who_begins_to_walk_out_of_sight_is_one_track() -> None:
    scene = Scene(picture_hw=PICTURE)
    scene.show(face(600), frames=15)
    scene.show(frames=7)
    for count in range(15):
        scene.show(face(690 + 16 * count))
    assert len(scene.finish()) == 1


def test_of_two_who_are_back_at_once_each_is_who_goes_on_as_before() -> None:
    """One stands, one walks past behind: both are hidden, and both places are within reach of both."""
    scene = Scene(fps=15, picture_hw=PICTURE)
    for count in range(12):
        scene.show(face(960, side=58), face(697 + 19 * count, side=48))
    scene.show(frames=6)
    for count in range(18, 30):
        scene.show(face(960, side=58), face(697 + 19 * count, side=48))
    stands, walks = sorted(scene.finish(), key=lambda track: track.box.centre[0])
    assert (stands.track_id, walks.track_id) == (1, 2)


def test_a_face_that_came_in_time_is_waited_for_until_it_is_known() -> None:
    scene = Scene(confirm_hits=5, max_gap_s=1.0)
    scene.show(face(100), frames=10)
    scene.show(frames=8)
    update = scene.show(face(140), frames=4)
    assert not scene.ended and [t.state for t in update.active] == [TrackState.LOST, TrackState.TENTATIVE]
    (track,) = scene.show(face(140)).active
    assert (track.track_id, track.first_seen, track.state) == (1, 0.0, TrackState.CONFIRMED)


def test_a_face_that_is_never_sure_keeps_no_lost_one_waiting() -> None:
    scene = Scene(max_gap_s=1.0)
    scene.show(face(100), frames=10)
    scene.show(face(400, score=SCORE + 0.1), frames=15)
    assert len(scene.ended) == 1


def test_one_sight_is_enough_to_be_back_where_one_sight_makes_a_track() -> None:
    scene = Scene(confirm_hits=1)
    scene.show(face(100), frames=10)
    scene.show(frames=10)
    (track,) = scene.show(face(140)).active
    assert (track.track_id, track.first_seen) == (1, 0.0)


@pytest.mark.parametrize(("hidden_frames", "expected"), [(30, 2), (80, 3)])
def test_time_behind_somebodys_head_is_not_time_out_of_sight_for_a_while(hidden_frames: int, expected: int) -> None:
    scene = Scene(max_gap_s=2.0)
    behind = face(100)
    for x in range(300, 150, -15):
        scene.show(behind, face(x, side=60))
    for x in range(150, 105, -15):
        scene.show(face(x, side=60))
    scene.show(face(105, side=60), frames=hidden_frames)
    for x in range(105, 150, 15):
        scene.show(face(x, side=60))
    for x in range(150, 300, 15):
        scene.show(behind, face(x, side=60))
    assert len(scene.finish()) == expected


def test_a_clock_that_goes_back_while_somebody_is_hidden_takes_no_time_from_them() -> None:
    tracker = FaceTracker(Tracking(max_gap_s=2.0), SCORE)
    behind, front = face(100), face(110, side=44)
    for count in range(10):
        tracker.update([behind, face(250, side=44)], count / 10, ENDLESS)
    for count, x in enumerate((200, 160, 130)):
        tracker.update([face(x, side=44)], 1.0 + count / 10, ENDLESS)
    for at in (1.3, -50.0, 1.4, 1.5):
        update = tracker.update([front], at, ENDLESS)
    assert len(update.active) == 2
