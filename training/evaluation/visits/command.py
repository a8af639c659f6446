"""`passerby evaluate visits`: what the fusion of a visit's looks gains over single looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge.errors import UsageError, explain, printable
from edge.terminal.options import ConfigFile, Fps, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, IsAligned, Labels, Limit, Seed

if TYPE_CHECKING:
    from edge.terminal.progress import Progress
    from edge.workbench.labelled.samples import Photographs
    from training.evaluation.subject import Subject
    from training.evaluation.visits.gain import Gain, Steadiness, TrackSteadiness

MEASURES = (
    ("MAE", "mae_years"),
    ("gender right", "gender_accuracy"),
    ("gender reported", "gender_coverage"),
    ("reported right", "gender_answered_accuracy"),
    ("band right", "ads-8_accuracy"),
    ("band reported", "ads-8_coverage"),
    ("reported right", "ads-8_answered_accuracy"),
)
STEADINESS = ("looks", "deviation of years", "band flips", "gender flips", "band reported", "gender reported")


def visits(
    clips: Annotated[list[str] | None, typer.Argument(metavar="CLIP", help="Videos; no labels are needed.")] = None,
    images: Annotated[
        list[str] | None, typer.Option("--images", metavar="TAR|FOLDER", help="Photographs, for made-up looks.")
    ] = None,
    labels: Labels = None,
    model_set: Annotated[str | None, typer.Option("--model-set", help="Model set of the catalog.")] = None,
    target: TargetList = None,
    fps: Fps = None,
    aligned: IsAligned = False,
    limit: Limit = None,
    seed: Seed = 1,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Compare fused looks with single ones: how steady on clips, how accurate on labelled photographs.

    Examples:
      passerby evaluate visits clip.mp4
      passerby evaluate visits --images photographs.tar --labels labels.csv --json
    """
    from edge.terminal.progress import progress_bar
    from training.evaluation.opening import open_data_sets, subjects

    flags = with_flags(overrides, models_targets=target, camera_fps=fps)
    settings = settings_from(config, flags)
    if not clips and not images:
        raise UsageError(explain("nothing to evaluate", expected="a CLIP, or --images"))
    sets = open_data_sets(images, labels, aligned=aligned, limit=limit) if images else []
    (opening,) = subjects([model_set] if model_set else None, None, settings, aligned=aligned)
    with opening as subject, progress_bar(wanted=not as_json) as progress:
        tracks = [track for clip in clips or () for track in _watch(subject, clip, seed, progress)]
        measured = {each.name: _measure(subject, each, seed, progress) for each in sets}
    _print(tracks, measured, clips or (), as_json=as_json)


def _watch(subject: Subject, clip: str, seed: int, progress: Progress) -> list[TrackSteadiness]:
    from edge.sensor.sources.opening import open_source
    from edge.sensor.sources.path_kind import kind_of_source
    from edge.workbench.analyze.length import stated_pictures
    from training.evaluation.visits.gain import FEWEST_LOOKS, TrackSteadiness, looks_of_tracks, steadiness

    progress.begin(clip, lambda: stated_pictures(clip, kind_of_source(clip)))
    found = looks_of_tracks(subject, open_source(clip, subject.settings.camera, start_at=0.0), progress.tick)
    fusion = subject.fusions()[subject.settings.attributes.taxonomy]
    enough = [looks for looks in found.values() if len(looks) >= FEWEST_LOOKS]
    return [
        TrackSteadiness(clip=printable(clip), face=number, looks=len(looks), steps=steadiness(looks, fusion, seed))
        for number, looks in enumerate(enough, 1)
    ]


def _measure(subject: Subject, photographs: Photographs, seed: int, progress: Progress) -> list[Gain]:
    from edge.workbench.pages.printing import warn
    from training.evaluation.attributes.scoring import Bootstrap
    from training.evaluation.visits.gain import gains, pseudo_visits

    progress.begin(photographs.name, lambda: len(photographs.samples))
    samples, looks, warnings = pseudo_visits(subject, photographs, seed, progress.tick)
    warn(warnings)
    return gains(samples, looks, subject.fusions(), Bootstrap(seed=seed))


def _print(
    tracks: Sequence[TrackSteadiness], measured: dict[str, list[Gain]], clips: Sequence[str], *, as_json: bool
) -> None:
    from edge.workbench.pages.page import Rows
    from edge.workbench.pages.printing import print_json, print_table
    from training.evaluation.visits.gain import FEWEST_LOOKS, over_tracks

    if as_json:
        mean = msgspec.to_builtins(over_tracks(tracks))
        print_json({"schema": "passerby.visit-gain/1", "tracks": tracks, "over_tracks": mean, "photographs": measured})
        return
    if clips:
        caption = f"{len(tracks)} faces with {FEWEST_LOOKS} looks or more, mean over faces"
        print_table(Rows(caption, STEADINESS, [_steady_row(step) for step in over_tracks(tracks)]))
    for name, steps in measured.items():
        caption = f"{name}: made-up looks at {steps[0].measures.photographs:,} photographs"
        print_table(Rows(caption, ("looks", *(head for head, _ in MEASURES)), [_gain_row(step) for step in steps]))


def _steady_row(step: Steadiness) -> tuple[str, ...]:
    shares = (step.band_flips, step.gender_flips, step.band_told, step.gender_told)
    years = "-" if step.years_sd is None else f"{step.years_sd:.2f}"
    return str(step.looks), years, *("-" if share is None else f"{100 * share:.1f} %" for share in shares)


def _gain_row(step: Gain) -> tuple[str, ...]:
    from training.evaluation.attributes.tables import brief

    return str(step.looks), *(brief(step.measures.measures.get(name), name) for _, name in MEASURES)
