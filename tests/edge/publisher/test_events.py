"""Link messages to events: times, minors, and the schemas of what leaves the device."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.publisher.events import Composer, WallClock
from edge.publisher.types import Stamp
from edge.schemas.events import Info, Live, Visit
from edge.schemas.interval import Interval
from edge.schemas.link import LiveMessage, VisitMessage
from edge.settings import settings as config

pytestmark = pytest.mark.privacy

STAMP = Stamp("0b7e6c0e-5b0f-4a52-9a57-0e6f1a3d2c11", "4f1c0d7a52b94e7c8a31f5f3b2a6d901", 3)
NOON = 1_795_176_000.0
"""2026-11-20T12:00:00Z."""


def composer(
    *, minors: Any = "unknown", events: Any = ("visit", "live"), resolution_s: int = 1, wall: float = NOON
) -> Composer:
    settings = config.Settings(
        privacy=config.Privacy(minors=minors, time_resolution_s=resolution_s), publish=config.Publish(events=events)
    )
    clock = WallClock(resolution_s, boot=lambda: 1000.0, wall=lambda: wall, synced=lambda: True)
    return Composer(settings, "best@1.0.0", clock)


def message(**changes: Any) -> VisitMessage:
    plain = VisitMessage(
        session=1, counter=1, started_s=900, dwell_halves=13, attention_halves=6, glances=2, gender="female",
        gender_percent=93, taxonomy="ads-8", bracket=3, age_percent=71,
        interval_low=2, interval_high=3, samples=5, quality_percent=82,
        target="openvino:CPU", historical=False, end_reason="left",
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def visit(made: Composer, **changes: Any) -> Visit:
    render = made.visit(message(**changes))
    assert render is not None
    return msgspec.json.decode(render(STAMP), type=Visit)  # checks every bound of the schema


def test_a_visit_carries_place_time_and_networks() -> None:
    event = visit(composer())
    assert (event.event_id, event.boot_id, event.seq) == STAMP
    assert event.started_at == "2026-11-20T11:58:20Z"
    assert event.model_set == "best@1.0.0/openvino:CPU"
    assert (event.dwell_s, event.attention_s, event.quality, event.clock_synced) == (6.5, 3.0, 0.82, True)


def test_the_time_is_that_of_the_clock_when_it_is_stored_not_of_the_arrival() -> None:
    walls = iter([NOON, NOON + 3600])
    clock = WallClock(1, boot=lambda: 1000.0, wall=lambda: next(walls), synced=lambda: False)
    made = Composer(config.Settings(), "best@1.0.0", clock)
    assert [visit(made).started_at for _ in range(2)] == ["2026-11-20T11:58:20Z", "2026-11-20T12:58:20Z"]


@pytest.mark.parametrize(
    ("resolution_s", "expected"),
    [(1, "11:58:20"), (60, "11:58:00"), (900, "11:45:00"), (3600, "11:00:00")],
)
def test_times_are_rounded_to_the_resolution(resolution_s: int, expected: str) -> None:
    assert visit(composer(resolution_s=resolution_s)).started_at == f"2026-11-20T{expected}Z"


@pytest.mark.parametrize("started_s", [-(2**31), 2**31 - 1])
@pytest.mark.parametrize("wall", [0.0, NOON])
def test_any_time_that_the_link_allows_can_be_written(started_s: int, wall: float) -> None:
    assert visit(composer(wall=wall), started_s=started_s).started_at.endswith("Z")


@pytest.mark.parametrize(
    ("taxonomy", "bracket", "label"), [("ads-8", 0, "0-12"), ("adience-8", 1, "0-12"), ("simple-4", 0, "child")]
)
def test_children_have_no_gender_and_one_bracket(taxonomy: str, bracket: int, label: str) -> None:
    event = visit(composer(), taxonomy=taxonomy, bracket=bracket)
    assert event.gender.label == "unknown" and event.gender.confidence == 0.0
    assert (event.age.bracket, event.age.low, event.age.high) == (label, 0, 12)
    assert event.age.interval == Interval(low=0, high=12, coverage=0.8)


@pytest.mark.parametrize(
    ("run", "interval"), [((2, 3), (18, 34)), ((7, 7), (65, 100)), ((0, 7), (0, 100)), ((-1, -1), None)]
)
def test_an_interval_goes_from_its_first_bracket_to_its_last(
    run: tuple[int, int], interval: tuple[int, int] | None
) -> None:
    found = visit(composer(), bracket=-1, interval_low=run[0], interval_high=run[1]).age.interval
    assert (found and (found.low, found.high, found.coverage)) == (interval and (*interval, 0.8))


def test_who_is_a_child_by_the_interval_alone_is_treated_as_one() -> None:
    """An honest sensor never says so; one that was replaced might."""
    child = {"taxonomy": "adience-8", "bracket": -1, "interval_low": 1, "interval_high": 2}
    event = visit(composer(), **child)
    assert event.gender.label == "unknown"
    assert event.age.interval == Interval(low=0, high=12, coverage=0.8)
    assert composer(minors="drop").visit(message(**child)) is None
    kept = visit(composer(minors="band"), **child)
    assert kept.age.interval == Interval(low=4, high=12, coverage=0.8)


def test_children_keep_their_band_where_the_settings_say_so() -> None:
    event = visit(composer(minors="band"), taxonomy="adience-8", bracket=1)
    assert event.gender.label == "female" and event.age.bracket == "4-6"


def test_children_are_dropped_where_the_settings_say_so() -> None:
    made = composer(minors="drop")
    assert made.visit(message(bracket=0)) is None and made.visit(message(bracket=1)) is not None
    assert made.visit(message(bracket=-1)) is not None


def test_no_visit_leaves_where_visits_are_not_published() -> None:
    assert composer(events=("live",)).visit(message()) is None


def test_an_unknown_bracket_has_no_bounds() -> None:
    age = visit(composer(), bracket=-1).age
    assert (age.bracket, age.low, age.high) == ("unknown", None, None)


def test_live_counts_people_by_bracket() -> None:
    sent = LiveMessage(
        watchers=1, longest_dwell_halves=9, female=1, male=1, unknown=1, taxonomy="simple-4",
        brackets=(0, 1, 1, 0, 0, 0, 0, 0, 1), target="openvino:CPU",
    )  # fmt: skip
    event = msgspec.json.decode(composer().live(sent), type=Live)
    assert event.people == 3 and event.longest_dwell_s == 4.5 and event.at == "2026-11-20T12:00:00Z"
    assert event.brackets == {"child": 0, "young": 1, "adult": 1, "senior": 0, "unknown": 1}


def test_info_says_what_may_leave() -> None:
    event = msgspec.json.decode(composer(minors="band").info("fake:CPU"), type=Info)
    assert event.publish == ["visit", "live"] and event.minors == "band" and event.model_set == "best@1.0.0/fake:CPU"
