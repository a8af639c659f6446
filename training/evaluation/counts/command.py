"""`passerby evaluate counts`: visits of clips against a truth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from edge.errors import CHECK_FAILED, UsageError, explain
from edge.terminal.options import ConfigFile, Fps, ModelSetName, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson

if TYPE_CHECKING:
    from training.evaluation.counts.records import CountEvaluation
    from training.evaluation.counts.truth import Truth

Clips = Annotated[list[str], typer.Argument(metavar="CLIP", help="Videos.")]
Truths = Annotated[
    list[Path] | None,
    typer.Option("--truth", metavar="FILE", help="Truth of each clip, in their order; default: CLIP.json beside it."),
]
Requirements = Annotated[
    list[str] | None,
    typer.Option("--require", metavar="MEASURE<=NUMBER", help="A bar, such as count_error_pct<=5 or idf1>=0.9; exit 1 "
                 "where all clips together miss it. Repeat for more."),
]  # fmt: skip


def counts(
    clips: Clips,
    truth: Truths = None,
    model_set: ModelSetName = None,
    target: TargetList = None,
    fps: Fps = None,
    require: Requirements = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Count the visits of clips and compare them with the truth: people merged, split and missed, dwell, shares, IDF1.

    A clip that cannot be read does not stop the others.

    Examples:
      passerby evaluate counts entrance.mp4 --truth entrance.json
      passerby evaluate counts scenes/*.mp4 --require 'count_error_pct<=5'

    Exit codes:
      1  a bar of --require is missed
    """
    from edge.catalog.lookup import open_catalog
    from edge.sensor.assemble import open_networks
    from edge.terminal.progress import progress_bar
    from edge.workbench.pages.printing import warn
    from training.evaluation.counts.requirements import judge_counts, parse_count_requirement
    from training.evaluation.counts.runs import evaluate_counts

    flags = with_flags(overrides, models_set=model_set, models_targets=target, camera_fps=fps)
    settings = settings_from(config, flags)
    bars = [parse_count_requirement(text) for text in require or ()]
    pairs = _pairs(clips, truth)
    networks = open_networks(settings, open_catalog())
    with closing(networks.accelerators), progress_bar(wanted=not as_json) as progress:
        evaluation, faults = evaluate_counts(pairs, settings, networks, progress)
    if not evaluation.clips:
        raise faults[0]
    evaluation = replace(evaluation, verdicts=[judge_counts(bar, evaluation) for bar in bars])
    _print(evaluation, as_json=as_json)
    warn(evaluation.warnings)
    missed = not all(verdict.met for verdict in evaluation.verdicts)
    raise typer.Exit(min((fault.exit_code for fault in faults), default=CHECK_FAILED if missed else 0))


def _pairs(clips: Sequence[str], truths: Sequence[Path] | None) -> list[tuple[str, Truth]]:
    """Each clip with its truth; all are read before the work begins. Raises UsageError, BadInput."""
    from training.evaluation.counts.truth_file import read_truth_file, truth_beside

    if truths and len(truths) != len(clips):
        got, expected = f"{len(clips)} clips and {len(truths)} --truth", "as many of each, or no --truth"
        raise UsageError(explain("clips and truths go in pairs", got=got, expected=expected))
    files = truths or [truth_beside(clip) for clip in clips]
    return [(clip, read_truth_file(file)) for clip, file in zip(clips, files, strict=True)]


def _print(evaluation: CountEvaluation, *, as_json: bool) -> None:
    from edge.workbench.pages.printing import print_json, print_table
    from training.evaluation.counts.requirements import count_verdict_line
    from training.evaluation.counts.tables import tables

    if as_json:
        print_json(evaluation)
        return
    for table in tables(evaluation):
        print_table(table)
    for verdict in evaluation.verdicts:
        typer.echo(count_verdict_line(verdict))
