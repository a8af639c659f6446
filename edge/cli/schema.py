"""`passerby schema`: print or write the contracts as JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.contracts import CONTRACTS, as_text
from edge.errors import UsageError, explain


def schema(
    name: Annotated[str | None, typer.Argument(help="Contract, such as visit-1; none lists them.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write every schema into this folder instead.")] = None,
) -> None:
    """Print a contract as JSON Schema with examples."""
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
