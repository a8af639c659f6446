"""`passerby evaluate detection`: face detectors side by side on the same pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from edge.errors import CHECK_FAILED
from edge.terminal.options import ConfigFile, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, Limit

if TYPE_CHECKING:
    from edge.catalog.lookup import Catalog
    from edge.settings.settings import Settings
    from training.evaluation.detection.records import DetectionEvaluation
    from training.evaluation.detection.requirements import DetectionRequirement
    from training.evaluation.detection.runs import Work
    from training.evaluation.detection.wider import Counted

Boxes = Annotated[
    list[str] | None,
    typer.Option("--boxes", metavar="TAR|FOLDER|TXT", help="Photographs with face boxes; repeat for more."),
]
Portraits = Annotated[
    list[str] | None, typer.Option("--photographs", help="Photographs of one person each; repeat for more.")
]
Clips = Annotated[list[str] | None, typer.Option("--clip", help="Clip without labels; repeat for more.")]
Detectors = Annotated[
    list[str] | None,
    typer.Option("--detector", metavar="SET|FOLDER", help="Model set, or folder of a detector; repeat for more."),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", metavar="own|double|default|PX", help="How large networks see pictures; repeat for more."),
]
References = Annotated[
    list[str] | None,
    typer.Option("--reference", help="Model sets that decide where the faces of clips and the landmarks are."),
]
SmallestPx = Annotated[float, typer.Option("--smallest", min=0, help="Least side of a face that counts, px.")]
SmallestInClip = Annotated[
    float, typer.Option("--smallest-in-clip", min=0, help="Least side of a face that counts in clips, px.")
]
ClipWidth = Annotated[int, typer.Option("--clip-width", min=32, help="Longer side of every input on clips, px.")]
MostFalse = Annotated[float, typer.Option("--most-false", min=0, help="Allowed false positives per frame of a clip.")]
WiderLists = Annotated[
    Path | None,
    typer.Option(
        "--wider", metavar="FOLDER", help="Folder with wider_easy_val.mat and its like, for WIDER FACE's own protocol."
    ),
]
Requirements = Annotated[
    list[str] | None,
    typer.Option("--require", metavar="MEASURE[@SIZE]>=NUMBER", help="A bar, such as ap50@double>=0.93; exit 1 "
                 "where a detector misses it. Repeat for more."),
]  # fmt: skip
HtmlTo = Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write the report as one page.")]

REFERENCES = ("best", "yunet-n", "retail")


def detection(
    boxes: Boxes = None,
    photographs: Portraits = None,
    clip: Clips = None,
    detector: Detectors = None,
    size: Sizes = None,
    reference: References = None,
    smallest: SmallestPx = 24.0,
    smallest_in_clip: SmallestInClip = 32.0,
    clip_width: ClipWidth = 640,
    most_false: MostFalse = 0.12,
    wider: WiderLists = None,
    target: TargetList = None,
    limit: Limit = None,
    as_json: AsJson = False,
    html: HtmlTo = None,
    require: Requirements = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Measure face detectors: AP50, recall by size, state and brightness, false positives, landmarks, clips."""
    from edge.catalog.lookup import open_catalog
    from training.evaluation.detection.detectors import need_detectors, parse_size
    from training.evaluation.detection.requirements import parse_detection_requirement
    from training.evaluation.detection.runs import Work
    from training.evaluation.opening import open_boxed_sets, open_data_sets

    settings = settings_from(config, with_flags(overrides, models_targets=target))
    _need_pictures(boxes, photographs, clip)
    bars = [parse_detection_requirement(text) for text in require or ()]
    write_page = _page_writer(html)
    catalog = open_catalog()
    names, references = detector or [settings.models.set], reference or REFERENCES
    need_detectors([*names, *references], catalog)
    work = Work(
        detectors=names,
        sizes=[parse_size(word) for word in size or ("own",)],
        boxed=open_boxed_sets(boxes or (), limit),
        portraits=open_data_sets(photographs, None, aligned=False, limit=limit) if photographs else [],
        clips=clip or (),
        references=references,
        wider=_read_wider(wider),
        smallest_px=smallest,
        smallest_in_clip_px=smallest_in_clip,
        clip_width_px=clip_width,
        most_false=most_false,
    )
    evaluation = _evaluate(work, settings, catalog, bars, quiet=as_json)
    write_page(evaluation)
    _print(evaluation, as_json=as_json)


def _need_pictures(*options: Sequence[str] | None) -> None:
    from edge.errors import UsageError, explain

    if not any(options):
        raise UsageError(explain("nothing to evaluate", expected="--boxes, --photographs or --clip"))


def _read_wider(folder: Path | None) -> dict[str, Counted]:
    from training.evaluation.detection.wider import LEVELS, read_level

    return {level: read_level(folder, level) for level in LEVELS} if folder else {}


def _evaluate(
    work: Work, settings: Settings, catalog: Catalog, bars: Sequence[DetectionRequirement], *, quiet: bool
) -> DetectionEvaluation:
    from edge.terminal.progress import progress_bar
    from edge.workbench.pages.printing import warn
    from training.evaluation.detection.requirements import judge_detectors
    from training.evaluation.detection.runs import evaluate_detectors

    with progress_bar(wanted=not quiet) as progress:
        evaluation = evaluate_detectors(work, settings, catalog, progress)
    warn(evaluation.warnings)
    return replace(evaluation, verdicts=[each for bar in bars for each in judge_detectors(bar, evaluation)])


def _page_writer(path: Path | None) -> Callable[[DetectionEvaluation], None]:
    """Writes the page, or nothing. Imports what draws it now, so that a missing package is reported before the work."""
    from edge.files import need_folder_of

    need_folder_of(path, "--html")
    if path is None:
        return lambda evaluation: None
    from edge.files import write_whole
    from training.evaluation.detection.page import render_detection

    return lambda evaluation: write_whole(path, render_detection(evaluation).encode())


def _print(evaluation: DetectionEvaluation, *, as_json: bool) -> None:
    from edge.workbench.pages.printing import print_json

    print_json(evaluation) if as_json else _print_tables(evaluation)
    if not all(verdict.met for verdict in evaluation.verdicts):
        raise typer.Exit(CHECK_FAILED)


def _print_tables(evaluation: DetectionEvaluation) -> None:
    from edge.workbench.pages.printing import print_table
    from training.evaluation.detection.tables import detection_verdict_line, tables

    for table in tables(evaluation):
        print_table(table)
    for verdict in evaluation.verdicts:
        typer.echo(detection_verdict_line(verdict))
