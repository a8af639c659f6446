"""What is observed of a clip: the faces of visits, and a long one that was cut is two of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.catalog.lookup import open_catalog
from edge.errors import BadInput
from edge.sensor.assemble import detector_score, open_networks
from edge.settings.settings import Attributes, Settings, Visits
from edge.workbench.analyze.annotation import VideoFile
from edge.workbench.faces import find_with
from tests.training.evaluation.counts.scenes import SIZE_WH
from training.evaluation.counts.watching import observe
from training.evaluation.scene.making import detector_alone, make_scene
from training.evaluation.scene.walks import Stage

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One person who comes, stops and goes."""
    pytest.importorskip("skimage", reason="skimage is not installed (passerby[demo])")
    settings = Settings()
    with detector_alone(settings) as networks:
        find = find_with(networks.detector, detector_score(settings, networks))
        scene, _ = make_scene(Stage(*SIZE_WH, 10.0, 10.0), 1, [], 4, find)
    path = tmp_path_factory.mktemp("c") / "one.mp4"
    video = VideoFile(path)
    for index, shot in enumerate(scene.shots()):
        video.add(shot.image, index / 10)
    video.finish()
    return path


def test_a_visit_has_a_face_in_every_frame_of_its_time_in_which_it_was_found(clip: Path) -> None:
    settings = Settings(attributes=Attributes(enabled=False))
    found = observe(str(clip), settings, open_networks(settings, open_catalog()), lambda: None)
    assert (len(found.times_s), found.size_wh) == (100, SIZE_WH)
    (visit,) = found.visits
    at = [time for time, sights in zip(found.times_s, found.sights, strict=True) if sights]
    assert (at[0], at[-1]) == pytest.approx((visit.first_seen, visit.last_seen))
    assert {sight.visit for sights in found.sights for sight in sights} == {0}


def test_a_visit_that_was_cut_is_two_visits_each_with_its_own_faces(clip: Path) -> None:
    settings = Settings(attributes=Attributes(enabled=False), visits=Visits(max_dwell_s=2.0, min_dwell_s=0.0))
    found = observe(str(clip), settings, open_networks(settings, open_catalog()), lambda: None)
    assert len(found.visits) >= 2
    assert len({visit.track_id for visit in found.visits}) == 1
    for number, visit in enumerate(found.visits[:2]):
        at = [
            t for t, sights in zip(found.times_s, found.sights, strict=True) if any(s.visit == number for s in sights)
        ]
        assert at
        assert visit.first_seen <= at[0] <= at[-1] <= visit.last_seen


def test_a_clip_that_is_not_there_is_refused(tmp_path: Path) -> None:
    settings = Settings(attributes=Attributes(enabled=False))
    with pytest.raises(BadInput, match="no such file"):
        observe(str(tmp_path / "absent.mp4"), settings, open_networks(settings, open_catalog()), lambda: None)
