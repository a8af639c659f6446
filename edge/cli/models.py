"""`passerby models`: the networks, whether their files are right, and how to get them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from edge.catalog.fetch import fetch_model
from edge.catalog.files import FileCheck
from edge.catalog.install import check_model, import_model
from edge.catalog.lookup import Catalog, how_to_get, open_catalog
from edge.catalog.manifest import Manifest
from edge.errors import ManifestError, ModelNotFound, explain
from edge.terminal.commands import Command, commands
from edge.terminal.options import AsJson, ConfigFile, Overrides, settings_from

ModelId = Annotated[str, typer.Argument(help="Network, as `passerby models list` names it.", metavar="ID")]


def list_models(as_json: AsJson = False) -> None:
    """List the networks and the sets that use them.

    Examples:
      passerby models list
      passerby models list --json
    """
    catalog = open_catalog()
    models = [_summary(catalog, catalog.manifest(model_id)) for model_id in catalog.ids()]
    sets = {name: msgspec.to_builtins(each) for name, each in catalog.sets().items()}
    if as_json:
        _print_json({"models": models, "sets": sets})
        return
    _print_table(("network", "task", "files", "sets"), [_model_row(model) for model in models])
    _print_table(("set", "detector", "attributes"), [_set_row(name, each) for name, each in sets.items()])


def show(model_id: ModelId, as_json: AsJson = False) -> None:
    """Show a network's manifest and where its files lie.

    Examples:
      passerby models show yunet-2023mar
    """
    catalog = open_catalog()
    manifest = catalog.manifest(model_id)
    shown = msgspec.to_builtins(manifest) | {"place": _place(catalog, model_id)}
    if as_json:
        _print_json(shown)
        return
    artefacts = [f"{a.kind}: {file.path} ({file.size} bytes)" for a in manifest.artefacts for file in a.files]
    rows = [(key, _text(value)) for key, value in shown.items() if key != "artefacts" and value not in (None, {}, [])]
    _print_table(("key", "value"), [*rows, ("artefacts", "\n".join(artefacts))])


def verify(
    model_id: Annotated[
        str | None, typer.Argument(help="Network; without one, all are verified.", metavar="ID")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check size and sha256 of the files that are there.

    Examples:
      passerby models verify
      passerby models verify yunet-2023mar

    Exit codes:
      1  a file is wrong
      3  the network that was named is not installed
    """
    catalog = open_catalog()
    ids = [model_id] if model_id else catalog.ids()
    checks = {each: check_model(catalog, catalog.manifest(each)) for each in ids}
    if model_id and not checks[model_id]:
        next_step = how_to_get(catalog.manifest(model_id))
        raise ModelNotFound(explain("not installed", where=model_id, next_step=next_step))
    rows = [(each, str(check.path), _verdict(check)) for each, found in checks.items() for check in found]
    if as_json:
        _print_json([dict(zip(("model", "file", "verdict"), row, strict=True)) for row in rows])
    elif rows:
        _print_table(("network", "file", "verdict"), rows)
    else:
        typer.echo("no network is here; `passerby models list` shows what there is to import or fetch")
    if any(check.fault for found in checks.values() for check in found):
        raise typer.Exit(1)


def import_(
    model_id: ModelId,
    source: Annotated[Path, typer.Option("--from", help="Folder that holds the files, at any depth.")],
    random_weights: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="Draw the weights of a Caffe network: for speed; its answers mean nothing."),
    ] = None,
) -> None:
    """Install a network from files that you have; all are checked first.

    Examples:
      passerby models import yunet-2023mar --from ~/Downloads

    Exit codes:
      3  a file is missing in the folder
    """
    catalog = open_catalog()
    if random_weights is None:
        folder = import_model(catalog, model_id, source)
    else:
        from edge.workbench.bench.random_weights import import_random

        folder = import_random(catalog, model_id, source, random_weights)
    typer.echo(f"{model_id}: installed in {folder}")


def ensure(
    config: ConfigFile = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder that holds the files; without it they are downloaded.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Install the networks of the configured set that are not here yet; files that are right stay as they are.

    Examples:
      passerby models ensure --config /etc/passerby/passerby.toml
      passerby models ensure --set models.set=best --from /media/usb

    Exit codes:
      3  a file is missing in the folder, or cannot be downloaded
    """
    catalog = open_catalog()
    chosen = catalog.model_set(settings_from(config, overrides).models.set)
    for model_id in (chosen.detector, *chosen.attributes):
        if _place(catalog, model_id) in ("installed", "carried", "found"):
            typer.echo(f"{model_id}: is here")
            continue
        folder = import_model(catalog, model_id, source) if source else fetch_model(catalog, model_id)
        typer.echo(f"{model_id}: installed in {folder}")


def fetch(model_id: ModelId) -> None:
    """Download a network from its official address, check it, and install it.

    Examples:
      passerby models fetch yunet-2023mar

    Exit codes:
      3  the network has no address, or it cannot be downloaded
    """
    from rich.progress import Progress

    shown = sys.stderr.isatty()
    with Progress(disable=not shown, transient=True) as progress:
        tasks: dict[str, Any] = {}

        def update(name: str, done: int, size: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=size)
            progress.update(tasks[name], completed=done)

        folder = fetch_model(open_catalog(), model_id, progress=update)
    typer.echo(f"{model_id}: installed in {folder}")


def _summary(catalog: Catalog, manifest: Manifest) -> dict[str, Any]:
    users = [name for name, each in catalog.sets().items() if manifest.id in (each.detector, *each.attributes)]
    return {
        "id": manifest.id,
        "version": manifest.version,
        "task": manifest.task,
        "licence": manifest.licence,
        "description": manifest.description,
        "artefacts": [artefact.kind for artefact in manifest.artefacts],
        "untrained": manifest.random_weights_seed is not None,
        "place": _place(catalog, manifest.id),
        "sets": users,
    }


def _place(catalog: Catalog, model_id: str) -> str | None:
    """Where the files of a network lie: installed, carried, found, wrong, or None where they are not there."""
    try:
        return catalog.locate(model_id).place
    except ModelNotFound:
        return None
    except ManifestError:
        return "wrong"


def _verdict(check: FileCheck) -> str:
    return "right" if not check.fault else f"wrong: {check.fault}, expected {check.file.size} bytes"


def _model_row(model: dict[str, Any]) -> tuple[str, ...]:
    place = (model["place"] or "not installed") + (", untrained" if model["untrained"] else "")
    return model["id"], model["task"], place, ", ".join(model["sets"])


def _set_row(name: str, each: dict[str, Any]) -> tuple[str, str, str]:
    return name, each["detector"], ", ".join(each["attributes"])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _print_json(value: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    wide = None if sys.stdout.isatty() else 120
    Console(width=wide).print(table)


app = commands(
    """Networks and model sets: list, show, verify, import, fetch.

    Examples:
      passerby models list
      passerby models ensure
    """,
    Command("list", "List the networks and the sets that use them.", list_models),
    Command("show", "Show a network's manifest and where its files lie.", show),
    Command("verify", "Check size and sha256 of the files that are there.", verify),
    Command("import", "Install a network from files that you have.", import_),
    Command("ensure", "Install what the configured set needs.", ensure),
    Command("fetch", "Download a network and install it.", fetch),
)
