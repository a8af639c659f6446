"""What people say on the command line, and groups of options that several commands share.

Imports no runtime: a device lists its commands without.
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
    """A network: somebody's own files and what they are like, or the folder that holds a recipe's files."""

    caffe: Annotated[
        tuple[Path, Path] | None, typer.Option("--caffe", help="Your own Caffe files.", metavar="PROTOTXT CAFFEMODEL")
    ] = None
    onnx: Annotated[Path | None, typer.Option("--onnx", help="Your own ONNX file.")] = None
    like: Annotated[
        str | None,
        typer.Option(
            "--like",
            help="With --caffe or --onnx: the network of the catalog, or the manifest.toml, whose decoder, outputs "
            "and input fit.",
        ),
    ] = None
    mean: Annotated[
        Path | None, typer.Option("--mean", help="A mean.binaryproto in place of the mean that the manifest names.")
    ] = None
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder that holds the recipe's files: no download.")
    ] = None


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """Which pictures, how many for calibration and how many others, their labels, and what finds the faces."""

    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration", help="Tar or folder of pictures: photographs, or aligned faces for attribute networks."
        ),
    ] = None
    count: Annotated[int, typer.Option("--count", min=1, help="Pictures to calibrate on.")] = 200
    held_out: Annotated[
        int, typer.Option("--held-out", help="Other pictures of the same place to check on, at least 1.")
    ] = 300
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="CSV with path, age, gender: errors in years and per cent too."),
    ] = None
    detector: Annotated[
        str | None,
        typer.Option("--detector", help="Network that finds the faces, where pictures are not aligned faces."),
    ] = None


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters that are dataclasses of options become those options, for typer to read.

    The options of a group stand where the group stands; the command gets the group whole.
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
    """The group of its options, which are taken out of the words."""
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
