"""`passerby train`: chips from data sets, training runs, their plots, and the network as a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from edge.errors import INTERRUPTED, UsageError, explain, need_packages
from edge.terminal.commands import NETWORKS, Command, commands
from edge.terminal.options import TargetList, configure_logging, settings_from, with_flags
from training.runs.configuration import LARGEST_SEED

if TYPE_CHECKING:
    from training.attributes.config import TrainingConfig

Out = Annotated[Path, typer.Option("--out", help="Folder of the run: checkpoint, log, weights.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN")]
RunOrWeights = Annotated[Path, typer.Argument(help="Folder of a run, or a weights file.", metavar="RUN")]

SplitSeed = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Decides which samples are held out.")]
RunSeed = Annotated[
    int | None,
    typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of everything random, in place of the configuration's."),
]


def data(
    sets: Annotated[list[str], typer.Argument(help="Data sets: PATH or FORM:PATH.", metavar="SET")],
    out: Annotated[Path, typer.Option("--out", help="Folder for data-report.html and its plots.")],
) -> None:
    """Count data sets by age, gender, group and picture size, and find near-copies: one page, and plots.

    Examples:
      passerby train data adience:sets/adience utkface.tar --out report
    """
    _need("matplotlib")
    from edge.terminal.progress import progress_bar
    from training.data.readers import open_all
    from training.data.report import PAGE, write_data_report

    opened = open_all(sets)
    with progress_bar(wanted=True) as progress:
        progress.begin("pictures", lambda: sum(len(each.samples) for each in opened))
        write_data_report(opened, out, progress.tick)
    typer.echo(str(out / PAGE))


def chips(
    out: Annotated[Path, typer.Option("--out", help="File to write, such as train.npz.")],
    aligned: Annotated[
        list[str] | None, typer.Option("--aligned", help="Data set whose pictures are already chips; repeat for more.")
    ] = None,
    photographs: Annotated[
        list[str] | None, typer.Option("--photographs", help="Data set of photographs, aligned by the detector.")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option("--held-out", help="Put a share into this file: no person, no near-copy is in both.")
    ] = None,
    share: Annotated[float, typer.Option("--share", min=0.01, max=0.9, help="Share that is held out.")] = 0.2,
    seed: SplitSeed = 1,
    target: TargetList = None,
) -> None:
    """Cut the faces of data sets into chips of 112 px, once, for training here or on another machine.

    Examples:
      passerby train chips --photographs set/ --out train.npz --held-out held.npz
    """
    _need("PIL")
    from training.data.chip_files import Wanted, write_chips
    from training.data.held_out import HeldOut

    wanted = Wanted(tuple(aligned or ()), tuple(photographs or ()), HeldOut(held_out, share, seed))
    for line in write_chips(wanted, out, settings_from(None, with_flags(None, models_targets=target))):
        typer.echo(line)


def attributes(
    out: Out,
    chip_files: Annotated[list[Path], typer.Option("--chips", help="File from `train chips`; repeat for more.")],
    held_out: Annotated[
        list[Path], typer.Option("--held-out", help="Chips that training never sees; repeat for more.")
    ],
    config: Annotated[
        str, typer.Option("--config", help="Name of a carried configuration, or a TOML file.")
    ] = "nano-agegender",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone", help="Another backbone: nano, mobilenet, resnet, resnet34, vgg, face or face-mobilenet."
        ),
    ] = None,
    init: Annotated[
        Path | None, typer.Option("--init", help="Initial weights, such as torchvision's for the backbone.")
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option("--teacher", help="Weights of a trained run that acts as teacher; repeat for more."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Passes over the chips, in place of the configuration's.")
    ] = None,
    seed: RunSeed = None,
    export_to: Annotated[
        Path | None,
        typer.Option("--export", help="When training ends, write the network to this folder, as `train export` does."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, or auto.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: torch's own choice.")] = 0,
) -> None:
    """Train the joint network of age and gender. Ctrl-C keeps the last whole epoch; --resume continues."""
    _need("torch", "PIL")
    from training.attributes.config import TrainingConfig
    from training.attributes.task import AttributesTask
    from training.runs.configuration import find_config
    from training.runs.progress import describe, progress_bar
    from training.runs.start import Start, train

    configure_logging(quiet=False)
    chosen = _with_flags(find_config(config, TrainingConfig), backbone, teacher, epochs, seed)
    start = Start(tuple(chip_files), tuple(held_out), out, resume=resume, init=init, device=device, threads=threads)
    with stopped_by_hand(out), progress_bar(sys.stderr.isatty()) as on_batch:
        for epoch in train(AttributesTask, chosen, start, on_batch):
            typer.echo(describe(epoch))
    if export_to is not None:
        export(out, export_to)


def scenes(
    out: Annotated[Path, typer.Option("--out", help="File to write, such as train.npz.")],
    boxes: Annotated[
        list[str] | None, typer.Option("--boxes", help="Data set with face boxes; repeat for more.")
    ] = None,
    photographs: Annotated[
        list[str] | None, typer.Option("--photographs", help="Data set of photographs, labelled by the teachers.")
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option("--teacher", help="Model set whose detector labels the photographs; repeat for more."),
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option("--held-out", help="Put a share into this file: no person, no near-copy is in both.")
    ] = None,
    share: Annotated[float, typer.Option("--share", min=0.01, max=0.9, help="Share that is held out.")] = 0.2,
    seed: SplitSeed = 1,
    target: TargetList = None,
) -> None:
    """Write pictures and all their faces into one file, once, for training a detector here or on another machine.

    Examples:
      passerby train scenes --boxes wider.tar --out train.npz --held-out held.npz
    """
    from training.data.held_out import HeldOut
    from training.data.scene_files import Wanted, write_scenes

    part = HeldOut(held_out, share, seed)
    wanted = Wanted(tuple(boxes or ()), tuple(photographs or ()), tuple(teacher or ()), part)
    for line in write_scenes(wanted, out, settings_from(None, with_flags(None, models_targets=target))):
        typer.echo(line)


def detection(
    out: Out,
    scene_files: Annotated[list[Path], typer.Option("--scenes", help="File from `train scenes`; repeat for more.")],
    held_out: Annotated[
        list[Path], typer.Option("--held-out", help="Scenes that training never sees; repeat for more.")
    ],
    config: Annotated[
        str, typer.Option("--config", help="Name of a carried configuration, or a TOML file.")
    ] = "nano-face",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    init: Annotated[Path | None, typer.Option("--init", help="Initial weights.")] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Epochs, in place of the configuration's.")
    ] = None,
    seed: RunSeed = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, or auto.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: torch's own choice.")] = 0,
) -> None:
    """Train the face detector. Ctrl-C keeps the last whole epoch; --resume continues.

    Examples:
      passerby train detection --scenes train.npz --held-out held.npz --out run
    """
    _need("torch")
    from training.detection.config import DetectionConfig
    from training.detection.task import DetectionTask
    from training.runs.configuration import DETECTION_CONFIGS, find_config
    from training.runs.progress import describe, progress_bar
    from training.runs.start import Start, train

    configure_logging(quiet=False)
    chosen = find_config(config, DetectionConfig, DETECTION_CONFIGS)
    schedule = replace(chosen.schedule, epochs=epochs or chosen.schedule.epochs)
    chosen = replace(chosen, schedule=schedule if seed is None else replace(schedule, seed=seed))
    start = Start(tuple(scene_files), tuple(held_out), out, resume=resume, init=init, device=device, threads=threads)
    with stopped_by_hand(out), progress_bar(sys.stderr.isatty()) as on_batch:
        for epoch in train(DetectionTask, chosen, start, on_batch):
            typer.echo(describe(epoch))


def plot(run: RunFolder, out: Annotated[Path, typer.Option("--out", help="PNG to write.")]) -> None:
    """Draw a run's log: its losses, and how good the network was on held-out data.

    Examples:
      passerby train plot run --out run.png
    """
    _need("torch", "matplotlib")
    from training.attributes import charts as of_attributes
    from training.attributes.task import AttributesEpoch
    from training.detection import charts as of_detection
    from training.detection.task import DetectionEpoch
    from training.runs.logs import is_detection
    from training.runs.plot import plot_log

    if is_detection(run):
        plot_log(run, DetectionEpoch, of_detection.LOSSES, of_detection.VALIDATION, out)
    else:
        plot_log(run, AttributesEpoch, of_attributes.LOSSES, of_attributes.VALIDATION, out)
    typer.echo(str(out))


def export(
    run: RunOrWeights,
    out: Annotated[Path, typer.Option("--out", help="Folder for the network: OUT/<id>.")],
    calibration: Annotated[
        list[Path] | None,
        typer.Option("--calibration", help="For a detector: held-out scenes on which its scores are calibrated."),
    ] = None,
) -> None:
    """Write a run's network as ONNX with its manifest, for the device and for `passerby convert run`.

    A detector is written twice, once for each size of its input.

    Examples:
      passerby train export run --out exported
      passerby train export run --out exported --calibration held.npz
    """
    _need("torch", "onnx", "onnxscript")
    from training.attributes.export import export_run
    from training.data.scenes import load_all
    from training.detection.export import export_detector
    from training.detection.trained import is_detector

    if is_detector(run):
        folders = export_detector(run, out, load_all(calibration) if calibration else None)
    elif calibration:
        raise UsageError(explain("takes no --calibration", where=str(run), expected="a detector's run"))
    else:
        folders = [export_run(run, out)]
    for folder in folders:
        typer.echo(f"{folder}: `passerby convert run --onnx` and `--like` make its other artefacts")


@contextmanager
def stopped_by_hand(out: Path) -> Iterator[None]:
    """End a run on Ctrl-C with a line that says how to continue."""
    from training.runs.run_folder import LAST

    try:
        yield
    except KeyboardInterrupt:
        there = (out / LAST).exists()
        next_step = (
            f"`--resume --out {out}` continues after the last whole epoch" if there else "no epoch was whole yet"
        )
        sys.stderr.write(f"passerby: stopped; {next_step}\n")
        raise typer.Exit(INTERRUPTED) from None


def _need(*packages: str) -> None:
    need_packages("train", packages, extra="training")


def _with_flags(
    config: TrainingConfig, backbone: str | None, teachers: list[Path] | None, epochs: int | None, seed: int | None
) -> TrainingConfig:
    """The configuration with the changes that the flags ask for. Raises UsageError for an unknown backbone."""
    from training.networks.attributes import with_backbone

    schedule = replace(config.schedule, epochs=epochs or config.schedule.epochs)
    if seed is not None:
        schedule = replace(schedule, seed=seed)
    network = with_backbone(config.network, backbone) if backbone else config.network
    taught = replace(config.distillation, teachers=tuple(map(str, teachers))) if teachers else config.distillation
    return replace(config, schedule=schedule, network=network, distillation=taught)


ATTRIBUTES = """

Examples:
  passerby train attributes --chips train.npz --held-out held.npz --out run
  passerby train attributes --chips c.npz --held-out h.npz --out run --resume
"""

app = commands(
    """Train networks of our own.

    Examples:
      passerby train chips --photographs set/ --out train.npz --held-out held.npz
      passerby train attributes --chips train.npz --held-out held.npz --out run
      passerby train export run --out exported
    """,
    Command("data", "Count what data sets hold: one page, and plots.", data),
    Command("chips", "Cut the faces of data sets into chips.", chips),
    Command("attributes", "Train the joint network of age and gender.", attributes, more=ATTRIBUTES),
    Command("scenes", "Put pictures and all their faces into one file.", scenes),
    Command("detection", "Train the face detector.", detection),
    Command("plot", "Draw a run's log.", plot),
    Command("export", "Write a run's network as ONNX with its manifest.", export),
    exits={
        "3": "a package of passerby[training] or a network's file is not there",
        "130": "ended by Ctrl-C; a run keeps its last whole epoch",
    },
)
COMMAND = Command("train", "Train networks of our own.", app, NETWORKS, ("torch",), "training")
