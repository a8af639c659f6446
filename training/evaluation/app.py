"""`passerby evaluate`: how good networks are on labelled photographs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.options import ConfigFile, Overrides, TargetList, settings_from, with_flags
from edge.errors import UsageError, explain

if TYPE_CHECKING:
    from edge.config import Settings
    from training.data.samples import Photographs
    from training.evaluation.looking import Subject
    from training.evaluation.records import Evaluation
    from training.evaluation.scoring import Bootstrap

app = typer.Typer(help="How good networks are on labelled photographs.", no_args_is_help=True, rich_markup_mode=None)

Images = Annotated[
    list[str],
    typer.Option("--images", metavar="TAR|FOLDER", help="Photographs; may be given again, each with --labels."),
]
Labels = Annotated[
    list[Path] | None,
    typer.Option("--labels", metavar="CSV", help="Their labels: path, age, gender, group, person. Without any, the "
                 "labels are found from the form of the set (see docs/evaluation.md)."),
]  # fmt: skip
ModelSets = Annotated[list[str] | None, typer.Option("--model-set", help="Model set; may be given again.")]
Networks = Annotated[
    list[str] | None, typer.Option("--network", metavar="ID", help="An attribute network alone; wants --aligned.")
]
IsAligned = Annotated[bool, typer.Option("--aligned", help="Each whole picture is one aligned face.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Take this many photographs, evenly from each set.")]
Spans = Annotated[
    list[str] | None,
    typer.Option("--ages", metavar="LOW-HIGH|LOW+", help="Measure these ages too; may be given again."),
]
Draws = Annotated[int, typer.Option("--draws", min=10, max=100_000, help="Bootstrap draws.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")]
HtmlTo = Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write the report as one page.")]

SPANS = ("18-75", "13+", "3+", "18-25", "66+")
"""Ages measured by default: what most networks claim, no minors, no babies, and both ends."""


@app.callback()
def _evaluate() -> None:
    """Keep the subcommands, even while there is only one."""


@app.command()
def attributes(
    images: Images,
    labels: Labels = None,
    model_set: ModelSets = None,
    network: Networks = None,
    target: TargetList = None,
    aligned: IsAligned = False,
    ages: Spans = None,
    limit: Limit = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object on stdout.")] = False,
    html: HtmlTo = None,
    draws: Draws = 1000,
    seed: Seed = 1,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Measure age and gender of model sets against labels: errors, bands, calibration, `unknown`, by subgroup."""
    from training.evaluation.scoring import Bootstrap

    settings = settings_from(config, with_flags(overrides, models_targets=target))
    sets = _open_data_sets(images, labels, aligned=aligned, limit=limit)
    spans = SPANS if ages is None else tuple(ages)
    _check(spans, html)
    evaluation = _evaluate_each(sets, model_set, network, settings, spans, Bootstrap(draws, seed), quiet=as_json)
    if html is not None:
        _write_page(html, evaluation)
    if as_json:
        _print_json(evaluation)
    else:
        _print_tables(evaluation)


def _open_data_sets(
    images: Sequence[str], labels: Sequence[Path] | None, *, aligned: bool, limit: int | None
) -> list[Photographs]:
    """Open the sets before any network, so that what is wrong with them is said at once."""
    from training.data.readers import open_all
    from training.data.subset import every_nth
    from training.data.tar_csv import read_tar_csv

    if labels and len(labels) != len(images):
        got = f"{len(images)} --images and {len(labels)} --labels"
        raise UsageError(explain("images and labels go in pairs", got=got, expected="as many of each, or no --labels"))
    pairs = zip(images, labels or (), strict=False)
    named = [read_tar_csv(Path(place), csv, aligned=aligned) for place, csv in pairs] if labels else None
    opened = named or open_all(images, aligned=aligned)
    return [every_nth(each, limit) for each in opened] if limit else list(opened)


def _check(spans: Sequence[str], html: Path | None) -> None:
    """Refuse what would only fail after the work is done."""
    from training.evaluation.truth import make_slices, read_truth

    make_slices(read_truth([]), spans)
    if html is not None and not html.parent.is_dir():
        raise UsageError(explain("no such folder", where="--html", got=str(html.parent)))


def _subjects(
    model_sets: Sequence[str] | None, networks: Sequence[str] | None, settings: Settings
) -> list[AbstractContextManager[Subject]]:
    """What is evaluated, in the order of the command line; each is opened when its turn comes."""
    from edge.catalog.lookup import open_catalog
    from training.evaluation.looking import open_network, open_set

    catalog = open_catalog()
    names = list(model_sets or ()) or ([] if networks else [settings.models.set])
    for name in names:
        catalog.model_set(name)
    for name in networks or ():
        catalog.manifest(name)
    alone = [open_network(name, settings, catalog) for name in networks or ()]
    return [*(open_set(name, settings, catalog) for name in names), *alone]


def _evaluate_each(
    sets: Sequence[Photographs], model_sets: Sequence[str] | None, networks: Sequence[str] | None, settings: Settings,
    spans: Sequence[str], bootstrap: Bootstrap, *, quiet: bool,
) -> Evaluation:  # fmt: skip
    from edge import __version__
    from edge.cli.progress import progress_bar
    from training.evaluation.bootstrap import LEVEL
    from training.evaluation.looking import FACE_CHOICE, look_through
    from training.evaluation.printing import warn
    from training.evaluation.records import Evaluation
    from training.evaluation.scoring import score

    results, warnings = [], dict[str, None]()
    with progress_bar(wanted=not quiet) as progress:
        for opening in _subjects(model_sets, networks, settings):
            with opening as subject:
                for each in sets:
                    progress.begin(f"{subject.name}: {each.name}", partial(len, each.samples))
                    seen = look_through(subject, each, tick=progress.tick)
                    warnings |= dict.fromkeys(seen.warnings)
                    results.append(score(subject, each.name, seen, spans, bootstrap))
    warn(warnings)
    return Evaluation(
        version=__version__, face_choice=FACE_CHOICE, interval=LEVEL, draws=bootstrap.draws, seed=bootstrap.seed,
        warnings=list(warnings), results=results,
    )  # fmt: skip


def _write_page(path: Path, evaluation: Evaluation) -> None:
    from training.evaluation.attributes_page import render_evaluation
    from training.reports.files import write_whole

    write_whole(path, render_evaluation(evaluation).encode())


def _print_json(evaluation: Evaluation) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(evaluation), indent=1).decode())


def _print_tables(evaluation: Evaluation) -> None:
    from training.evaluation.printing import print_table
    from training.evaluation.tables import by_data_set, measure_table, reading_table, slice_table, totals

    for name, results in by_data_set(evaluation.results):
        typer.echo(name)
        print_table(reading_table(results))
        for each in totals(results[0])[:2]:
            print_table(measure_table(results, each.ages))
        print_table(slice_table(results))
