"""`passerby evaluate gate`: which wrong answers the quality gate holds back, and what masks do to answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import UsageError, explain
from edge.terminal.options import ConfigFile, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, Labels, Limit, Seed

if TYPE_CHECKING:
    from edge.sensor.visits.fusion import Fusion
    from edge.terminal.progress import Progress
    from edge.workbench.labelled.samples import Photographs
    from training.data.boxes import BoxedPhotographs
    from training.evaluation.gate.scoring import CoverStep, GateStep
    from training.evaluation.subject import Subject

Pictures = Annotated[
    list[str] | None, typer.Option("--images", metavar="TAR|FOLDER", help="Photographs with ages or genders.")
]
Boxes = Annotated[
    list[str] | None,
    typer.Option("--boxes", metavar="TAR|FOLDER|TXT", help="Photographs with face boxes and what covers the faces."),
]
ModelSet = Annotated[str | None, typer.Option("--model-set", help="Model set of the catalog.")]
Retakes = Annotated[int, typer.Option("--retakes", min=1, help="Pictures made of each photograph.")]
SmallestPx = Annotated[float, typer.Option("--smallest", min=0, help="Least side of a labelled face that counts, px.")]
PlotTo = Annotated[Path | None, typer.Option("--plot", metavar="OUT", help="Draw the curves into a PNG.")]
GATES = ("quality from", "looks", "kept", "MAE", "gender wrong", "gender reported", "reported wrong")
COVERS = ("faces", "count", "seen", "passed the gate", "gender reported", "reported wrong")


def gate(
    images: Pictures = None,
    labels: Labels = None,
    boxes: Boxes = None,
    model_set: ModelSet = None,
    target: TargetList = None,
    retakes: Retakes = 4,
    smallest: SmallestPx = 24.0,
    limit: Limit = None,
    seed: Seed = 1,
    as_json: AsJson = False,
    plot: PlotTo = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Measure the quality gate: errors as it closes, on photographs retaken worse; and answers for masked faces.

    Examples:
      passerby evaluate gate --images photographs.tar --plot gate.png
    """
    from edge.files import need_folder_of
    from edge.terminal.progress import progress_bar
    from edge.workbench.pages.printing import print_json
    from training.evaluation.opening import open_boxed_sets, open_data_sets, subjects

    settings = settings_from(config, with_flags(overrides, models_targets=target))
    if not images and not boxes:
        raise UsageError(explain("nothing to evaluate", expected="--images or --boxes"))
    need_folder_of(plot, "--plot")
    draw = _drawer(plot)
    sets = open_data_sets(images, labels, aligned=False, limit=limit) if images else []
    boxed = open_boxed_sets(boxes or (), limit)
    (opening,) = subjects([model_set] if model_set else None, None, settings, aligned=False)
    with opening as subject, progress_bar(wanted=not as_json) as progress:
        curves = {each.name: _curve(subject, each, retakes, seed, progress) for each in sets}
        covers = [step for each in sets for step in _masked(subject, each, seed, progress)]
        covers += [step for each in boxed for step in _boxed(subject, each, smallest, progress)]
    draw(curves)
    if as_json:
        print_json({"schema": "passerby.gate/1", "model_set": subject.name, "curves": curves, "covers": covers})
    else:
        _print_tables(curves, covers)


def _curve(subject: Subject, photographs: Photographs, retakes: int, seed: int, progress: Progress) -> list[GateStep]:
    from training.data.collection import Reading
    from training.evaluation.gate.looks import retaken_looks
    from training.evaluation.gate.scoring import gate_curve

    progress.begin(f"{photographs.name}: retaken", lambda: len(photographs.samples))
    samples, looks = retaken_looks(subject, Reading(photographs), retakes, seed, progress.tick)
    return gate_curve(samples, looks, _fusion(subject))


def _masked(subject: Subject, photographs: Photographs, seed: int, progress: Progress) -> Iterator[CoverStep]:
    """Also prints what was left out, which is the same for the retaken photographs."""
    import numpy as np

    from edge.workbench.pages.printing import warn
    from training.data.collection import Reading
    from training.evaluation.gate.looks import masked_looks
    from training.evaluation.gate.scoring import cover_step

    progress.begin(f"{photographs.name}: masked", lambda: len(photographs.samples))
    reading = Reading(photographs)
    samples, plain, masked = masked_looks(subject, reading, seed, progress.tick)
    warn(reading.left_out)
    known = [index for index, sample in enumerate(samples) if sample.gender is not None]
    females = np.array([samples[index].gender == "female" for index in known], np.bool_)
    for state, looks in (("as they are", plain), ("with a drawn mask", masked)):
        chosen = [looks[index] for index in known]
        yield cover_step(photographs.name, state, chosen, _fusion(subject), _least(subject), females)


def _boxed(subject: Subject, boxed: BoxedPhotographs, smallest: float, progress: Progress) -> Iterator[CoverStep]:
    from edge.workbench.pages.printing import warn
    from training.data.collection import LeftOut, Reading
    from training.evaluation.gate.looks import boxed_looks
    from training.evaluation.gate.scoring import cover_step

    progress.begin(boxed.name, lambda: len(boxed.samples))
    reading, outside = Reading(boxed), LeftOut()
    found = boxed_looks(subject, reading, boxed.faces, smallest, outside, progress.tick)
    warn([*reading.left_out, *outside.lines(boxed.name)])
    for state, looks in sorted(found.items()):
        yield cover_step(boxed.name, state, looks, _fusion(subject), _least(subject))


def _fusion(subject: Subject) -> Fusion:
    return subject.fusions()[subject.settings.attributes.taxonomy]


def _least(subject: Subject) -> float:
    return subject.settings.attributes.min_quality


def _drawer(path: Path | None) -> Callable[[dict[str, list[GateStep]]], None]:
    """Draws the curves, or nothing. Imports what draws now, so that a missing package is reported before the work."""
    if path is None:
        return lambda curves: None
    from edge.files import write_whole
    from training.evaluation.gate.plot import draw_gates

    return lambda curves: write_whole(path, draw_gates(curves))


def _print_tables(curves: dict[str, list[GateStep]], covers: Sequence[CoverStep]) -> None:
    from edge.workbench.pages.page import Rows
    from edge.workbench.pages.printing import print_table

    for name, steps in curves.items():
        print_table(
            Rows(f"{name}: retaken photographs, looks by least quality", GATES, [_gate_row(step) for step in steps])
        )
    if covers:
        print_table(Rows("Covered faces: shares of all faces", COVERS, [_cover_row(step) for step in covers]))


def _gate_row(step: GateStep) -> tuple[str, ...]:
    years = "-" if step.mae_years is None else f"{step.mae_years:.2f}"
    shares = (step.gender_wrong, step.gender_told, step.gender_told_wrong)
    return f"{step.gate:.2f}", f"{step.looks:,}", _percent(step.kept), years, *map(_percent, shares)


def _cover_row(step: CoverStep) -> tuple[str, ...]:
    shares = (step.seen, step.passed, step.told, step.told_wrong)
    return f"{step.source}: {step.state}", f"{step.faces:,}", *map(_percent, shares)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
