"""Contracts grow without breaking a subscriber: what is kept of each published field, and a message of a later version.

`contract_fields.json` holds `first` (fields of the first release) and `since` (fields that came later). A line of it is
never taken out and never changed; a new field gets a line under `since`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from edge.cli.schema import STRICT, examples, json_schema
from edge.publisher.commands import _command, _fits
from edge.publisher.events import Composer, WallClock
from edge.schemas import events
from edge.settings.settings import Settings
from edge.workbench.demo.event_lines import event_line
from edge.workbench.report.counting import distribute
from edge.workbench.report.visits import Visit, decode_event, visit_of_columns
from tests.edge.schemas.contract_fields import contract_fields, open_words

KEPT: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "contract_fields.json").read_text())
PUBLISHED = ("visit-1", "live-1", "info-1", "health-1", "cmd-1", "reply-1", "analyze-1")
SENT = {
    "visit-1": events.Visit,
    "live-1": events.Live,
    "info-1": events.Info,
    "health-1": events.Health,
    "reply-1": events.Reply,
}


def test_every_published_contract_is_kept() -> None:
    assert set(KEPT) == set(PUBLISHED)
    assert not set(PUBLISHED) & set(STRICT)


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_field_is_lost_or_changed(name: str) -> None:
    now, kept = contract_fields(name), KEPT[name]["first"] | KEPT[name]["since"]
    assert {path: now.get(path) for path in kept} == kept
    assert sorted(now) == sorted(kept), "a new field gets a line under `since` of contract_fields.json"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_field_that_came_later_is_optional(name: str) -> None:
    since = KEPT[name]["since"]
    fresh = {path for path in since if path.rpartition(".")[0] not in since}
    assert all(since[path].startswith("optional ") for path in fresh)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_set_of_words_that_may_grow_loses_none_and_says_so(name: str) -> None:
    now = open_words(name)
    for path, words in KEPT[name]["words"].items():
        assert set(words) <= set(now[path]), path
    assert "Other words may come" in json.dumps(json_schema(name)) or not now


def later(name: str, example: Any, path: str = "") -> Any:
    """The same of a later version: a new key in every object, a new word in every set that may grow."""
    if isinstance(example, dict):
        grown = {key: later(name, value, f"{path}.{key}") for key, value in example.items()}
        return grown if path == ".brackets" else grown | {"of_a_later_version": {"deep": [1]}}
    if isinstance(example, list):
        return [later(name, value, f"{path}[]") for value in example]
    return "later_word" if path in open_words(name) else example


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_subscriber_with_today_s_schema_takes_a_message_of_a_later_version(name: str) -> None:
    checker = jsonschema.Draft202012Validator(json_schema(name))
    for example in examples(name):
        grown = later(name, example)
        assert grown != example
        checker.validate(grown)


@pytest.mark.parametrize("name", SENT)
def test_we_do_not_send_what_a_later_version_would(name: str) -> None:
    for example in examples(name):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(later(name, example), SENT[name])


def test_the_report_reads_visits_of_a_later_version() -> None:
    for example in examples("visit-1"):
        grown = later("visit-1", example)
        visit = decode_event(json.dumps(grown))
        assert isinstance(visit, Visit)
        assert visit.event_id == example["event_id"]
        assert distribute([visit], visit.began.tzinfo, 1).other_taxonomies == 1  # type: ignore[arg-type]


def test_the_report_reads_columns_of_a_later_version() -> None:
    grown = later("visit-1", examples("visit-1")[0])
    inner = {f"{part}.{key}": value for part in ("gender", "age") for key, value in grown.pop(part).items()}
    visit = visit_of_columns({key: str(value) for key, value in (grown | inner).items()})
    assert (visit.dwell_s, visit.gender.label) == (6.5, "female")


@pytest.mark.parametrize("kind", ["visit", "live", "info", "health", "reply"])
def test_the_demo_prints_events_of_a_later_version(kind: str) -> None:
    for example in examples(f"{kind}-1"):
        assert event_line(f"passerby/site/device/{kind}", later(f"{kind}-1", example)).startswith(kind)


def test_the_publisher_takes_a_command_of_a_later_version() -> None:
    for example in examples("cmd-1"):
        assert _fits(json.dumps(later("cmd-1", example)).encode())
    assert _command("later_word") is None


def test_a_stored_visit_of_a_later_version_is_dated_and_keeps_what_it_says() -> None:
    clock = WallClock(1, boot=lambda: 100.0, wall=lambda: 1_000_100.0, synced=lambda: True)
    grown = later("visit-1", examples("visit-1")[0])
    dated = json.loads(Composer(Settings(), "nano@1.0.0", clock).redated(json.dumps(grown).encode(), 50))
    assert dated == grown | {"started_at": "1970-01-12T13:47:30Z", "clock_synced": True, "dated_late": True}
