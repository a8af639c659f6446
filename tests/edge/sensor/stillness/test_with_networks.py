"""Posters and people before the networks that ship, through the very pipeline of the sensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from edge.catalog.lookup import open_catalog
from edge.sensor.assemble import Networks, make_book, make_stages, open_networks
from edge.sensor.pipeline import Pipeline
from edge.sensor.sources.fake import ScriptedSource
from edge.sensor.types import Frame, VisitSummary
from edge.settings.settings import Attributes, Settings, Visits
from edge.workbench.bench.probes import KeptVisits, Silence
from tests.edge.sensor.stillness.scenes import BAD, STEADY, Camera, person, poster

NO_LOOKS = Attributes(enabled=False)
SETTINGS = Settings(attributes=NO_LOOKS)


@pytest.fixture(scope="module")
def networks() -> Iterator[Networks]:
    opened = open_networks(SETTINGS, open_catalog({}))
    yield opened
    opened.detector.close()


def visits_of(networks: Networks, frames: Iterable[Frame], settings: Settings = SETTINGS) -> list[VisitSummary]:
    sink = KeptVisits()
    stages = make_stages(settings, networks, make_book(settings, networks), sink)
    Pipeline(stages, pulse=Silence(), stop=lambda: False).run(ScriptedSource(frames))
    return list(sink.visits)


@pytest.mark.parametrize("camera", [STEADY, BAD])
def test_a_poster_leaves_no_visit(networks: Networks, camera: Camera) -> None:
    assert visits_of(networks, poster(55, camera)) == []


def test_a_setting_makes_it_one(networks: Networks) -> None:
    settings = Settings(attributes=NO_LOOKS, visits=Visits(leave_out_static=False))
    assert [visit.dwell_s > 54 for visit in visits_of(networks, poster(55, STEADY), settings)] == [True]


def test_somebody_who_hardly_moves_is_one_visit(networks: Networks) -> None:
    assert [visit.dwell_s > 54 for visit in visits_of(networks, person(55, BAD))] == [True]
