"""`passerby convert`: turns third-party networks into artefacts for every accelerator, and measures what each loses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import typer

from conversion.request.options import NetworkOptions, PictureOptions, with_groups
from edge.catalog.manifest_file import MANIFEST
from edge.errors import CHECK_FAILED, UsageError, explain, need_packages
from edge.schemas.vocabulary import ArtefactKind
from edge.terminal.commands import NETWORKS, Command, commands
from edge.terminal.options import AsJson
from edge.workbench.pages.printing import warn

if TYPE_CHECKING:
    from conversion.verify.report import Report

PACKAGES = ("google.protobuf", "matplotlib", "onnx", "onnxruntime", "onnxslim", "openvino")
"""What every conversion needs. This module imports none of them: a device without them can still list its commands."""
KINDS = ("onnx", "openvino-int8", "openvino-fp16", "ncs2", "tflite-int8", "coral")
INT8 = "openvino-int8"
OF_AN_IR = (INT8, "openvino-fp16")

RecipeName = Annotated[
    str | None, typer.Argument(help="Recipe by name, or path of its .toml file.", metavar="RECIPE", show_default=False)
]
ModelName = Annotated[
    str | None, typer.Option("--id", help="With --caffe or --onnx: the id of the result (default `own`).")
]
Size = Annotated[str | None, typer.Option(help="Another input size, WIDTHxHEIGHT px.")]
Artefacts = Annotated[
    list[str] | None,
    typer.Option(
        "--artefact", help=f"Repeat for each of {', '.join(KINDS)}; default: the first three (of an IR: IRs only)."
    ),
]
MaxDrop = Annotated[
    float | None, typer.Option(min=0, max=1, help="Keep layers float until int8 loses at most this share (0.01).")
]
KeepFloat = Annotated[list[str] | None, typer.Option(help="Layer to keep in float; repeat for more.")]
Out = Annotated[Path, typer.Option(help="Folder for the result: OUT/<id>.")]


@with_groups
def run(
    network: NetworkOptions,
    pictures: PictureOptions,
    recipe: RecipeName = None,
    model_id: ModelName = None,
    size: Size = None,
    artefact: Artefacts = None,
    max_drop: MaxDrop = None,
    keep_float: KeepFloat = None,
    out: Out = Path("converted"),
    as_json: AsJson = False,
) -> None:
    """Convert a network. Artefacts that pass the gate are written; exit code 1 where one misses it.

    Examples:
      passerby convert run yunet-2023mar --calibration photographs/
      passerby convert run --onnx own.onnx --like yunet-2023mar --id own

    Exit codes:
      1  an artefact missed its gate
    """
    _need_packages()
    from conversion.artefacts.job import Int8Options
    from conversion.choice import Wanted, choose, read_check
    from conversion.workflow import convert

    start, gate, int8 = choose(Wanted(network, recipe, model_id, size))
    kinds = _kinds(artefact, start.kind)
    if INT8 not in kinds and (keep_float or max_drop is not None):
        got, next_step = ", ".join(kinds), f"they apply to `--artefact {INT8}`; leave them out, or add it"
        raise UsageError(explain("--keep-float and --max-drop would have no effect", got=got, next_step=next_step))
    check, notes = read_check(start.manifest, gate, pictures)
    warn(notes)
    drop = int8.max_drop if max_drop is None else max_drop
    options = Int8Options(tuple(keep_float or int8.keep_float), drop)
    report = convert(start, kinds, check, out, int8=options, progress=_say)
    _show(report, as_json)
    _say_written(report, out / start.manifest.id)
    if not all(each.passed for each in report.artefacts):
        raise typer.Exit(CHECK_FAILED)


@with_groups
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder that `convert run` wrote, or a bundle.")],
    network: NetworkOptions,
    pictures: PictureOptions,
    recipe: Annotated[str | None, typer.Option(help="Recipe it was made with (default: the folder's name).")] = None,
    report_to: Annotated[Path | None, typer.Option("--report", help="Folder for report.json and errors.png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare artefacts with the network they were made from; exit code 1 where one misses its gate.

    Examples:
      passerby convert verify converted/yunet-2023mar --report report

    Exit codes:
      1  an artefact misses its gate
    """
    _need_packages()
    from conversion.bundle import read_written
    from conversion.choice import Wanted, choose, read_check
    from conversion.verify.report import write_report
    from conversion.workflow import check_again

    manifest = read_written(folder)
    is_own = network.caffe is not None or network.onnx is not None
    name = recipe or (None if is_own else _recipe_of(manifest.id))
    size = f"{manifest.input.width_px}x{manifest.input.height_px}"
    start, gate, _ = choose(Wanted(network, name, manifest.id if is_own else None, size))
    check, notes = read_check(start.manifest, gate, pictures)
    warn(notes)
    report = check_again(start, folder, manifest, check)
    _show(report, as_json)
    if report_to is not None:
        write_report(report, report_to)
    if not all(each.passed for each in report.artefacts):
        raise typer.Exit(CHECK_FAILED)


def _recipe_of(model_id: str) -> str:
    from conversion.request.recipe import recipe_names

    if model_id not in recipe_names():
        next_step = "repeat --caffe or --onnx, --like and --mean as given to `convert run`, or name a --recipe"
        raise UsageError(explain(f"no recipe is called {model_id}", next_step=next_step))
    return model_id


def bundle(
    folder: Annotated[Path, typer.Argument(help="Folder that `convert run` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle: OUT/<id>.")] = Path("bundles"),
) -> None:
    """Write a checked bundle, which `passerby models import ID --from OUT` installs on the device.

    Examples:
      passerby convert bundle converted/yunet-2023mar
    """
    _need_packages()
    from conversion.bundle import write_bundle

    typer.echo(str(write_bundle(folder, out)))


def recipes() -> None:
    """List the recipes.

    Examples:
      passerby convert recipes
    """
    from conversion.request.recipe import recipe_names

    for name in recipe_names():
        typer.echo(name)


def _need_packages() -> None:
    need_packages("convert", PACKAGES, extra="conversion")


def _kinds(wanted: Sequence[str] | None, start: str) -> list[ArtefactKind]:
    """The artefacts to make of what a conversion starts from. Raises UsageError for one that cannot be made."""
    possible = OF_AN_IR if start.startswith("openvino") else KINDS
    kinds = list(dict.fromkeys(wanted or possible[:3]))
    for kind in kinds:
        if kind not in possible:
            what = "unknown artefact" if kind not in KINDS else "this artefact cannot be made of an IR"
            raise UsageError(explain(what, got=kind, expected=" | ".join(possible)))
    return cast("list[ArtefactKind]", kinds)


def _say_written(report: Report, folder: Path) -> None:
    from conversion.bundle import missed_folder

    kept = [each.kind for each in report.artefacts if each.passed]
    missed = [each.kind for each in report.artefacts if not each.passed]
    keeps_old = not kept and (folder / MANIFEST).exists()
    _say(f"written to {missed_folder(folder) if keeps_old else folder}: {', '.join([*kept, 'report.json'])}")
    if keeps_old:
        _say(f"{folder} is unchanged")
    if missed:
        tries = "more pictures, --keep-float or --max-drop" if INT8 in missed else "more pictures"
        _say(f"not written, because they miss the gate: {', '.join(missed)}; try {tries}")


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from conversion.verify.report import table
    from edge.workbench.pages.printing import print_table

    print_table(table(report))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


app = commands(
    """Convert networks of Caffe, ONNX or OpenVINO for every accelerator, and prove them equal.

    Examples:
      passerby convert recipes
      passerby convert run yunet-2023mar
    """,
    Command("run", "Convert a network, measured against its source.", run),
    Command("verify", "Compare artefacts with the network they came from.", verify),
    Command("bundle", "Write what the device needs into a folder.", bundle),
    Command("recipes", "List the recipes.", recipes),
    exits={"3": "a package, an environment or a network's file is not there", "130": "ended by Ctrl-C"},
)
COMMAND = Command("convert", "Convert networks for every accelerator.", app, NETWORKS, PACKAGES, "conversion")
