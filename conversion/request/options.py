"""Groups of command-line options that several commands share.

Imports no runtime: a device without one can still list its commands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """A network: the user's own files and the network they are like, or the folder that holds a recipe's files."""

    caffe: Annotated[
        tuple[Path, Path] | None, typer.Option("--caffe", help="Your own Caffe files.", metavar="PROTOTXT CAFFEMODEL")
    ] = None
    onnx: Annotated[Path | None, typer.Option("--onnx", help="Your own ONNX file.")] = None
    like: Annotated[
        str | None,
        typer.Option(
            "--like",
            help="With --caffe or --onnx: network of the catalog, or path of a manifest.toml, with the same decoder, "
            "outputs and input.",
        ),
    ] = None
    mean: Annotated[
        Path | None, typer.Option("--mean", help="A mean.binaryproto to use in place of the manifest's mean.")
    ] = None
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder that holds the recipe's files; nothing is downloaded.")
    ] = None


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """Which pictures, how many to calibrate on and to check on, their labels, and the detector that finds the faces."""

    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration", help="Tar or folder of pictures: photographs, or aligned faces for attribute networks."
        ),
    ] = None
    count: Annotated[int, typer.Option("--count", min=1, help="Pictures to calibrate on.")] = 200
    held_out: Annotated[
        int, typer.Option("--held-out", help="Other pictures of the same tar or folder to check on, at least 1.")
    ] = 300
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="CSV with path, age, gender; adds errors in years and per cent."),
    ] = None
    detector: Annotated[
        str | None,
        typer.Option("--detector", help="Network that finds the faces where the pictures are not aligned faces."),
    ] = None


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that typer sees, in place of each parameter that is a dataclass, the options of its fields.

    The options stand where the group's parameter stands; the command receives the group as one value.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)
    }

    @wraps(command)
    def run(**words: Any) -> None:
        whole = {name: _take(kind, words) for name, kind in groups.items()}
        command(**whole, **words)

    parameters = list(_expand(inspect.signature(command), hints, groups))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _take(group: type[Any], words: dict[str, Any]) -> Any:
    """Build the group from its options, which are removed from `words`."""
    return group(**{each.name: words.pop(each.name) for each in fields(group)})


def _expand(
    signature: inspect.Signature, hints: dict[str, Any], groups: dict[str, type[Any]]
) -> Iterator[inspect.Parameter]:
    for name, parameter in signature.parameters.items():
        if name not in groups:
            yield parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        within = get_type_hints(groups[name], include_extras=True)
        for each in fields(groups[name]):
            yield inspect.Parameter(
                each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=within[each.name]
            )
