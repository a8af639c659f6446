"""`passerby convert`: a network of others becomes artefacts for every accelerator, each with its losses measured."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import typer

from edge.catalog.manifests import MANIFEST, read_manifest
from edge.cli.options import AsJson
from edge.errors import BackendUnavailable, UsageError, explain
from edge.schemas.vocabulary import ArtefactKind

if TYPE_CHECKING:
    from conversion.verify.report import Report

app = typer.Typer(
    help="Convert networks of Caffe, ONNX or OpenVINO for every accelerator, and prove them equal.",
    no_args_is_help=True,
)

PACKAGES = ("google.protobuf", "matplotlib", "onnx", "onnxruntime", "onnxslim", "openvino")
"""What every conversion needs. This module imports none of them: a device lists its commands without."""
KINDS = ("onnx", "openvino-int8", "openvino-fp16", "ncs2", "tflite-int8", "coral")
OF_AN_IR = ("openvino-int8", "openvino-fp16")

RecipeName = Annotated[
    str | None, typer.Argument(help="Recipe by name, or the path of its .toml.", metavar="RECIPE", show_default=False)
]
CaffeFiles = Annotated[
    tuple[Path, Path] | None, typer.Option("--caffe", help="Your own Caffe files.", metavar="PROTOTXT CAFFEMODEL")
]
OnnxFile = Annotated[Path | None, typer.Option("--onnx", help="Your own ONNX file.")]
Like = Annotated[
    str | None,
    typer.Option(help="With --caffe or --onnx: the network of the catalog, or the manifest.toml, whose decoder, "
                 "outputs and input fit."),
]  # fmt: skip
ModelName = Annotated[str, typer.Option("--id", help="With --caffe or --onnx: what the result is called.")]
Mean = Annotated[Path | None, typer.Option(help="With --caffe: a mean.binaryproto in place of the manifest's mean.")]
Size = Annotated[str | None, typer.Option(help="Another input size, WIDTHxHEIGHT px.")]
FromFolder = Annotated[Path | None, typer.Option("--from", help="Folder that holds the recipe's files: no download.")]
Calibration = Annotated[
    str | None, typer.Option(help="Tar or folder of pictures: photographs, or aligned faces for attribute networks.")
]
Count = Annotated[int, typer.Option(min=1, help="Pictures to calibrate on.")]
HeldOut = Annotated[int, typer.Option(min=0, help="Other pictures of the same place to check on.")]
Labels = Annotated[Path | None, typer.Option(help="CSV with path, age, gender: errors in years and per cent too.")]
DetectorId = Annotated[
    str | None, typer.Option("--detector", help="Network that finds the faces, where pictures are not aligned faces.")
]


@app.command()
def run(
    recipe: RecipeName = None,
    caffe: CaffeFiles = None,
    onnx: OnnxFile = None,
    like: Like = None,
    model_id: ModelName = "own",
    mean: Mean = None,
    size: Size = None,
    artefact: Annotated[
        list[str] | None,
        typer.Option(help=f"Once for each of {', '.join(KINDS)}; without it the first three (IR in: IRs only)."),
    ] = None,
    calibration: Calibration = None,
    count: Count = 200,
    held_out: HeldOut = 300,
    labels: Labels = None,
    detector: DetectorId = None,
    source: FromFolder = None,
    max_drop: Annotated[
        float | None, typer.Option(min=0, help="Keep layers float until int8 loses at most this share (0.01).")
    ] = None,
    keep_float: Annotated[list[str] | None, typer.Option(help="Layer that int8 leaves float; again for more.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the result: OUT/<id>.")] = Path("converted"),
    as_json: AsJson = False,
) -> None:
    """Convert a network: exit code 1 where an artefact missed its gate; those that reached it are written."""
    _need_packages()
    from conversion.artefacts.job import Int8Options
    from conversion.choosing import PicturesWanted, Wanted, choose, read_check
    from conversion.converting import convert

    start, gate, int8 = choose(Wanted(recipe, caffe, onnx, like, model_id, mean, size, source))
    kinds = _kinds(artefact, start.kind)
    pictures = PicturesWanted(calibration, count, held_out, labels, detector)
    check = read_check(start.manifest, gate, pictures)
    drop = int8.max_drop if max_drop is None else max_drop
    options = Int8Options(tuple(keep_float or int8.keep_float), drop)
    report = convert(start, kinds, check, out, int8=options, progress=_say)
    _show(report, as_json)
    _say_written(report, out / start.manifest.id)
    if not all(each.passed for each in report.artefacts):
        raise typer.Exit(1)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder that `convert run` wrote, or a bundle.")],
    recipe: Annotated[
        str | None, typer.Option(help="Recipe that it was made by; the folder's name without it.")
    ] = None,
    caffe: CaffeFiles = None,
    onnx: OnnxFile = None,
    like: Like = None,
    mean: Mean = None,
    calibration: Calibration = None,
    count: Count = 200,
    held_out: HeldOut = 300,
    labels: Labels = None,
    detector: DetectorId = None,
    source: FromFolder = None,
    report_to: Annotated[Path | None, typer.Option("--report", help="Folder for report.json and errors.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare artefacts with the network they were made from: exit code 1 where one misses its gate."""
    _need_packages()
    from conversion.choosing import PicturesWanted, Wanted, choose, read_check
    from conversion.converting import check_again
    from conversion.verify.report import write_report

    manifest = read_manifest(folder.resolve() / MANIFEST)
    name = recipe or (None if caffe or onnx else _recipe_of(manifest.id))
    size = f"{manifest.input.width_px}x{manifest.input.height_px}"
    start, gate, _ = choose(Wanted(name, caffe, onnx, like, manifest.id, mean, size, source))
    check = read_check(start.manifest, gate, PicturesWanted(calibration, count, held_out, labels, detector))
    report = check_again(start, folder, manifest, check)
    if report_to is not None:
        write_report(report, report_to)
    _show(report, as_json)
    if not all(each.passed for each in report.artefacts):
        raise typer.Exit(1)


def _recipe_of(model_id: str) -> str:
    from conversion.recipe import recipe_names

    if model_id not in recipe_names():
        next_step = "repeat --caffe or --onnx and --like as they were given to `convert run`, or name a --recipe"
        raise UsageError(explain(f"no recipe is called {model_id}", next_step=next_step))
    return model_id


@app.command()
def bundle(
    folder: Annotated[Path, typer.Argument(help="Folder that `convert run` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle: OUT/<id>.")] = Path("bundles"),
) -> None:
    """Write what the device needs, checked: `passerby models import ID --from OUT` takes it."""
    _need_packages()
    from conversion.bundle import write_bundle

    typer.echo(str(write_bundle(folder, out)))


@app.command()
def recipes() -> None:
    """List the recipes."""
    from conversion.recipe import recipe_names

    for name in recipe_names():
        typer.echo(name)


def _need_packages() -> None:
    """Raise BackendUnavailable where the workstation's packages are not installed."""
    for name in PACKAGES:
        if not _is_installed(name.partition(".")[0]):
            raise BackendUnavailable("convert", f"package {name} is missing; install passerby[conversion]")


def _is_installed(name: str) -> bool:
    return sys.modules[name] is not None if name in sys.modules else importlib.util.find_spec(name) is not None


def _kinds(wanted: Sequence[str] | None, start: str) -> list[ArtefactKind]:
    """The artefacts to make of what a conversion starts from. Raises UsageError for one that cannot be."""
    possible = OF_AN_IR if start.startswith("openvino") else KINDS
    kinds = list(dict.fromkeys(wanted or possible[:3]))
    for kind in kinds:
        if kind not in possible:
            what = "unknown artefact" if kind not in KINDS else "no such artefact can be made of an IR"
            raise UsageError(explain(what, got=kind, expected=" | ".join(possible)))
    return cast("list[ArtefactKind]", kinds)


def _say_written(report: Report, folder: Path) -> None:
    kept = [each.kind for each in report.artefacts if each.passed]
    missed = [each.kind for each in report.artefacts if not each.passed]
    _say(f"written to {folder}: {', '.join([*kept, 'report.json'])}")
    if missed:
        _say(
            f"not written, since they miss the gate: {', '.join(missed)}; try more pictures, --keep-float or --max-drop"
        )


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from conversion.verify.report import rows

    heads, cells = rows(report)
    table = Table("", *(row[0] for row in cells), box=SIMPLE, pad_edge=False)
    for measure in zip(heads[1:], *(row[1:] for row in cells), strict=True):
        table.add_row(*measure)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
