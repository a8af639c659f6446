"""The contracts: kept schemas match the types, examples are valid, wrong instances are not."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest

from edge.cli.schema import CONTRACTS, STRICT, as_text, examples, json_schema
from edge.errors import UsageError
from tests.places import ROOT

pytestmark = pytest.mark.contract

KEPT = ROOT / "edge" / "schemas" / "json"


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_kept_schema_is_what_the_types_say(name: str) -> None:
    assert (KEPT / f"{name}.schema.json").read_text() == as_text(name), "run `make schemas`"


@pytest.mark.parametrize("name", CONTRACTS)
def test_examples_are_valid_for_the_schema(name: str) -> None:
    checker = jsonschema.Draft202012Validator(json_schema(name))
    assert examples(name)
    for example in examples(name):
        checker.validate(example)


@pytest.mark.parametrize("name", [name for name in CONTRACTS if name != "analyze-1"])
def test_examples_are_valid_for_the_types_and_survive_a_round_trip(name: str) -> None:
    for example in examples(name):
        value = msgspec.convert(example, CONTRACTS[name])
        again = json.loads(msgspec.json.encode(value))
        assert msgspec.convert(again, CONTRACTS[name]) == value


@pytest.mark.parametrize("name", STRICT)
def test_within_the_device_a_key_that_is_not_in_the_contract_is_refused(name: str) -> None:
    wrong = {**examples(name)[0], "image": "/9j/4AAQSkZJRg"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema(name)).validate(wrong)


@pytest.mark.parametrize("name", [name for name in CONTRACTS if name not in ("status-1", "cmd-1", "analyze-1")])
def test_what_we_send_has_no_key_that_is_not_in_the_contract(name: str) -> None:
    wrong = {**examples(name)[0], "image": "/9j/4AAQSkZJRg"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, CONTRACTS[name])


@pytest.mark.parametrize("name", ["link-sensor-1", "link-publisher-1"])
def test_the_link_carries_no_free_string_and_no_float(name: str) -> None:
    def leaves(schema: object) -> list[dict[str, object]]:
        if isinstance(schema, dict):
            own = [schema] if schema.get("type") in ("string", "number") else []
            return own + [leaf for key, value in schema.items() if key != "examples" for leaf in leaves(value)]
        return [leaf for value in schema for leaf in leaves(value)] if isinstance(schema, list) else []

    assert leaves(json_schema(name)) == []


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UsageError, match="visit-1"):
        json_schema("visitt")
