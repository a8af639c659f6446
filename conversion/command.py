"""`passerby convert`: a network of others becomes artefacts for every accelerator, each with its losses measured."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast, get_args

import msgspec
import typer

from conversion.bundle import write_bundle
from conversion.calibration import FindFaces, read_sets
from conversion.recipe import Gate, Int8, read_recipe, recipe_names
from conversion.sources import Start, find_start, start_from
from conversion.verify.attributes import read_labels
from conversion.verify.report import Report, rows, write_report
from conversion.verify.verifying import Check
from edge.catalog.lookup import Catalog, open_catalog
from edge.catalog.manifests import MANIFEST, read_manifest
from edge.cli.options import AsJson
from edge.errors import UsageError, explain
from edge.manifest import Manifest
from edge.schemas.vocabulary import ArtefactKind

app = typer.Typer(
    help="Convert networks of Caffe, ONNX or OpenVINO for every accelerator, and prove them equal.",
    no_args_is_help=True,
)

KINDS = ("onnx", "openvino-int8", "openvino-fp16", "ncs2", "tflite-int8", "coral")

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
        list[str] | None, typer.Option(help=f"Once for each of {', '.join(KINDS)}; without it the first three.")
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
    from conversion.artefacts.job import Int8Options
    from conversion.converting import convert

    kinds = _kinds(artefact)
    start, gate, int8 = _choose(recipe, caffe, onnx, like, model_id, mean, size, source)
    check = _check(start.manifest, gate, calibration, count, held_out, labels, detector)
    drop = int8.max_drop if max_drop is None else max_drop
    options = Int8Options(tuple(keep_float or int8.keep_float), drop)
    report = convert(start, kinds, check, out, int8=options, progress=_say)
    _show(report, as_json)
    if not all(each.passed for each in report.artefacts):
        raise typer.Exit(1)
    _say(f"written to {out / start.manifest.id}")


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
    from conversion.converting import check_again

    manifest = read_manifest(folder.resolve() / MANIFEST)
    name = recipe or (None if caffe or onnx else manifest.id)
    size = f"{manifest.input.width_px}x{manifest.input.height_px}"
    start, gate, _ = _choose(name, caffe, onnx, like, manifest.id, mean, size, source)
    check = _check(start.manifest, gate, calibration, count, held_out, labels, detector)
    report = check_again(start, folder, manifest, check)
    if report_to is not None:
        report_to.mkdir(parents=True, exist_ok=True)
        write_report(report, report_to)
    _show(report, as_json)
    if not all(each.passed for each in report.artefacts):
        raise typer.Exit(1)


@app.command()
def bundle(
    folder: Annotated[Path, typer.Argument(help="Folder that `convert run` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle: OUT/<id>.")] = Path("bundles"),
) -> None:
    """Write what the device needs, checked: `passerby models import ID --from OUT` takes it."""
    typer.echo(str(write_bundle(folder, out)))


@app.command()
def recipes() -> None:
    """List the recipes."""
    for name in recipe_names():
        typer.echo(name)


def _kinds(wanted: Sequence[str] | None) -> list[ArtefactKind]:
    kinds = list(dict.fromkeys(wanted or KINDS[:3]))
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(explain("unknown artefact", got=kind, expected=" | ".join(KINDS)))
    assert set(KINDS) <= set(get_args(ArtefactKind))
    return cast("list[ArtefactKind]", kinds)


def _choose(
    recipe: str | None,
    caffe: tuple[Path, Path] | None,
    onnx: Path | None,
    like: str | None,
    model_id: str,
    mean: Path | None,
    size: str | None,
    source: Path | None,
) -> tuple[Start, Gate, Int8]:
    """What to convert, and what it must reach. Raises UsageError unless one thing is named."""
    if sum(each is not None for each in (recipe, caffe, onnx)) != 1:
        expected = "RECIPE, --caffe PROTOTXT CAFFEMODEL or --onnx FILE"
        next_step = "`passerby convert recipes` lists recipes"
        raise UsageError(explain("what to convert", expected=f"one of {expected}", next_step=next_step))
    catalog = open_catalog()
    if recipe is not None:
        found = read_recipe(recipe)
        return _resized(find_start(found, catalog, source), size, None), found.gate, found.int8
    if like is None:
        next_step = "such as --like levi-hassner-age or --like yunet-2023mar; `passerby models list` shows all"
        raise UsageError(explain("--like is missing: it says which decoder reads the outputs", next_step=next_step))
    manifest = _like(catalog, like)
    start = start_from("caffe" if caffe else "onnx", caffe or (cast(Path, onnx),), manifest, model_id)
    return _resized(start, size, mean), _gate_like(manifest), Int8()


def _like(catalog: Catalog, name: str) -> Manifest:
    path = Path(name)
    return read_manifest(path.resolve()) if path.name == MANIFEST else catalog.original(name)


def _gate_like(manifest: Manifest) -> Gate:
    """The gate of the recipe of that name, or the usual one of the task."""
    if manifest.id in recipe_names():
        return read_recipe(manifest.id).gate
    detects = manifest.task == "detection"
    return Gate(least={"recall": 0.98, "precision": 0.98} if detects else {})


def _resized(start: Start, size: str | None, mean: Path | None) -> Start:
    wanted = start.manifest.input
    if mean is not None:
        from conversion.caffe.network import read_mean

        wanted = msgspec.structs.replace(wanted, mean=read_mean(mean))
    if size is not None:
        sides = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
        step = wanted.multiple_of_px or 1
        if not sides or any(int(side) % step or not int(side) for side in sides.groups()):
            expected = f"WIDTHxHEIGHT, multiples of {step} px, such as 320x192"
            raise UsageError(explain("--size", got=size, expected=expected))
        wanted = msgspec.structs.replace(wanted, width_px=int(sides[1]), height_px=int(sides[2]))
    return Start(msgspec.structs.replace(start.manifest, input=wanted), start.kind, start.paths)


def _check(
    manifest: Manifest,
    gate: Gate,
    calibration: str | None,
    count: int,
    held_out: int,
    labels: Path | None,
    detector: str | None,
) -> Check:
    if calibration is None:
        next_step = "--calibration TAR or FOLDER; they are never written out"
        raise UsageError(explain("pictures are missing: int8 and every check need some", next_step=next_step))
    find_faces = _finder(detector) if detector else None
    first, other = read_sets(calibration, manifest, calibration=count, held_out=held_out, find_faces=find_faces)
    sets = {"calibration": first} | ({"held_out": other} if len(other) else {})
    return Check(sets, gate, read_labels(labels) if labels else {})


def _finder(model_id: str) -> FindFaces:
    from conversion.faces import open_finder

    return open_finder(model_id)


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    heads, cells = rows(report)
    table = Table(*heads, box=SIMPLE, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
