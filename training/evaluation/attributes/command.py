"""`passerby evaluate attributes`: every measure, by subgroup, several model sets side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import CHECK_FAILED
from edge.terminal.options import ConfigFile, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, Images, IsAligned, Labels, Limit, ModelSets, Networks, Seed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from edge.workbench.labelled.samples import Photographs
    from training.evaluation.attributes.records import Evaluation, Result
    from training.evaluation.attributes.requirements import Requirement
    from training.evaluation.attributes.scoring import Bootstrap
    from training.evaluation.subject import Seen, Subject

Spans = Annotated[
    list[str] | None,
    typer.Option(
        "--ages", metavar="LOW-HIGH|LOW+", help="Measure these ages instead of the usual spans; repeat for more."
    ),
]
Draws = Annotated[int, typer.Option("--draws", min=10, max=100_000, help="Bootstrap draws.")]
Requirements = Annotated[
    list[str] | None,
    typer.Option("--require", metavar="MEASURE[@AGES]<=NUMBER", help="A bar, such as mae_years@18-75<=5.2; exit 1 "
                 "where a model set misses it. Repeat for more."),
]  # fmt: skip
HtmlTo = Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write the report as one page.")]

SPANS = ("18-75", "13+", "3+", "18-25", "66+")
"""Ages measured by default: what most networks claim, without minors, without babies, and both ends."""
IN_FULL = 2
"""Spans of ages whose every measure is printed: all, and the first."""


def attributes(
    images: Images,
    labels: Labels = None,
    model_set: ModelSets = None,
    network: Networks = None,
    target: TargetList = None,
    aligned: IsAligned = False,
    ages: Spans = None,
    limit: Limit = None,
    as_json: AsJson = False,
    html: HtmlTo = None,
    require: Requirements = None,
    draws: Draws = 1000,
    seed: Seed = 1,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Measure age and gender of model sets against labels: errors, bands, calibration, `unknown`, by subgroup."""
    from edge.files import need_folder_of
    from edge.workbench.pages.printing import print_json
    from training.evaluation.attributes.requirements import parse_requirement
    from training.evaluation.attributes.scoring import Bootstrap
    from training.evaluation.attributes.truth import make_slices, read_truth
    from training.evaluation.opening import open_data_sets, subjects

    settings = settings_from(config, with_flags(overrides, models_targets=target))
    spans = SPANS if ages is None else tuple(ages)
    make_slices(read_truth([]), spans)
    bars = [parse_requirement(text, spans) for text in require or ()]
    need_folder_of(html, "--html")
    write_page = _page_writer(html)
    sets = open_data_sets(images, labels, aligned=aligned, limit=limit)
    opened = subjects(model_set, network, settings, aligned=aligned)
    evaluation = _evaluate(opened, sets, spans, bars, Bootstrap(draws, seed), quiet=as_json)
    write_page(evaluation)
    if as_json:
        print_json(evaluation)
    else:
        _print_tables(evaluation)
    if not all(verdict.met for verdict in evaluation.verdicts):
        raise typer.Exit(CHECK_FAILED)


def _evaluate(
    opened: Sequence[AbstractContextManager[Subject]], sets: Sequence[Photographs], spans: Sequence[str],
    bars: Sequence[Requirement], bootstrap: Bootstrap, *, quiet: bool,
) -> Evaluation:  # fmt: skip
    from edge import __version__
    from edge.workbench.pages.printing import warn
    from training.evaluation.attributes.bootstrap import LEVEL
    from training.evaluation.attributes.records import Evaluation
    from training.evaluation.attributes.requirements import judge
    from training.evaluation.attributes.scoring import score
    from training.evaluation.opening import look_at_each
    from training.evaluation.subject import FACE_CHOICE

    def scored(subject: Subject, photographs: Photographs, seen: Seen) -> Result:
        return score(subject, photographs.name, seen, spans, bootstrap)

    results, warnings = look_at_each(opened, sets, scored, quiet=quiet)
    untrained = dict.fromkeys(result.model_set for result in results if result.untrained)
    random_weights = [f"{name} has random test weights: its figures mean nothing" for name in untrained]
    warn(random_weights)
    return Evaluation(
        version=__version__,
        face_choice=FACE_CHOICE,
        interval=LEVEL,
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        warnings=[*warnings, *random_weights],
        results=results,
        verdicts=[judge(bar, result) for result in results for bar in bars],
    )


def _page_writer(path: Path | None) -> Callable[[Evaluation], None]:
    """Writes the page, or nothing. Imports what draws it now, so that a missing package is reported before the work."""
    if path is None:
        return lambda evaluation: None
    from edge.files import write_whole
    from training.evaluation.attributes.page import render_evaluation

    return lambda evaluation: write_whole(path, render_evaluation(evaluation).encode())


def _print_tables(evaluation: Evaluation) -> None:
    from edge.workbench.pages.printing import print_table
    from training.evaluation.attributes.tables import (
        by_data_set,
        measure_table,
        reading_table,
        slice_table,
        totals,
        verdict_line,
    )

    for name, results in by_data_set(evaluation.results):
        typer.echo(name)
        print_table(reading_table(results))
        for each in totals(results[0])[:IN_FULL]:
            print_table(measure_table(results, each.ages))
        print_table(slice_table(results))
    for verdict in evaluation.verdicts:
        typer.echo(verdict_line(verdict))
