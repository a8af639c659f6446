"""`passerby schema`: print or write the contracts as JSON Schema."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from edge.catalog.manifest import Manifest, ModelSets
from edge.errors import UsageError, explain
from edge.schemas import analyze, events, link
from edge.schemas.published import published
from edge.settings.settings import Settings


def schema(
    name: Annotated[str | None, typer.Argument(help="Contract, such as visit-1; without one, all are listed.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write every schema into this folder instead.")] = None,
) -> None:
    """Print a contract as JSON Schema with examples.

    Examples:
      passerby schema
      passerby schema visit-1
      passerby schema --write schemas/
    """
    if write is not None:
        write_schemas(write)
    elif name is None:
        typer.echo("\n".join(CONTRACTS))
    else:
        typer.echo(as_text(name), nl=False)


def write_schemas(folder: Path) -> None:
    """Write every schema into a folder that is there. Raises UsageError where that cannot be."""
    for name in CONTRACTS:
        try:
            (folder / f"{name}.schema.json").write_text(as_text(name))
        except OSError as error:
            raise UsageError(explain(f"cannot be written to ({error.strerror})", where=str(folder))) from error


CONTRACTS: dict[str, Any] = {
    "visit-1": events.Visit,
    "live-1": events.Live,
    "aggregate-1": events.Aggregate,
    "status-1": events.Status,
    "info-1": events.Info,
    "health-1": events.Health,
    "cmd-1": events.Cmd,
    "reply-1": events.Reply,
    "analyze-1": analyze.AnalyzeLine | analyze.AnalyzeError,
    "link-sensor-1": link.SensorMessage,
    "link-publisher-1": link.PublisherMessage,
    "manifest-1": Manifest,
    "sets-1": ModelSets,
    "config-1": Settings,
}
STRICT = ("link-sensor-1", "link-publisher-1", "manifest-1", "sets-1", "config-1")
"""Contracts within the device, which know no other key; the others are what programs of others read, and stay open."""


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a contract, with its examples. Raises UsageError for an unknown name."""
    if name not in CONTRACTS:
        raise UsageError(explain("unknown schema", got=name, expected=" | ".join(CONTRACTS)))
    if name == "analyze-1":  # two untagged objects: msgspec cannot decode such a union, JSON Schema can express it
        schemas = [msgspec.json.schema(kind) for kind in (analyze.AnalyzeLine, analyze.AnalyzeError)]
        definitions = {key: value for schema in schemas for key, value in schema["$defs"].items()}
        body: dict[str, Any] = {"anyOf": [{"$ref": schema["$ref"]} for schema in schemas], "$defs": definitions}
    else:
        body = msgspec.json.schema(CONTRACTS[name])
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"passerby {name}"}
    return {**head, **(body if name in STRICT else published(body)), "examples": examples(name)}


def examples(name: str) -> list[Any]:
    """Valid instances of a contract."""
    if name == "config-1":
        defaults: Any = msgspec.json.decode(msgspec.json.encode(Settings()))
        return [defaults]
    file = resources.files("edge.schemas").joinpath("examples", f"{name}.json")
    kept: list[Any] = msgspec.json.decode(file.read_bytes())
    return kept


def as_text(name: str) -> str:
    """The schema as the JSON text kept in `edge/schemas/json/`."""
    return msgspec.json.format(msgspec.json.encode(json_schema(name)), indent=2).decode() + "\n"
