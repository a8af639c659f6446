"""`passerby analyze`: what the networks find in pictures, videos and cameras. For a workstation: it is not locked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from edge.errors import INTERRUPTED, UsageError, explain
from edge.schemas.taxonomy import taxonomy
from edge.settings.settings import Settings, Zone
from edge.terminal.options import (
    ConfigFile,
    Fps,
    ModelSetName,
    Overrides,
    Pace,
    TargetList,
    configure_logging,
    settings_from,
    with_flags,
)
from edge.terminal.progress import Progress, progress_bar

if TYPE_CHECKING:
    from edge.schemas.analyze import AnalyzeError
    from edge.sensor.assemble import Networks
    from edge.workbench.analyze.analyst import Analyst
    from edge.workbench.analyze.listening import Listener, Seen, Visited, Watched
    from edge.workbench.analyze.reopening import CameraChange
    from edge.workbench.analyze.sources import Source
    from edge.workbench.analyze.viewing import Viewer
    from edge.workbench.analyze.window import Window


Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCE", help="Images, folders, tars, videos, cameras, network addresses.")
]
JsonTo = Annotated[
    str | None, typer.Option("--json", metavar="-|FILE", help="JSON Lines: an object for each picture and frame.")
]
AnnotateTo = Annotated[
    Path | None,
    typer.Option("--annotate", metavar="OUT", help="Draw the faces into OUT.mp4, OUT.jpg or a folder."),
]

View = Annotated[
    bool, typer.Option("--view", help="Show it live; space pauses, n goes on by one, s saves the picture, q quits.")
]


def analyze(
    sources: Sources,
    json: JsonTo = None,
    annotate: AnnotateTo = None,
    view: View = False,
    aligned: Annotated[bool, typer.Option("--aligned", help="Each whole picture is one aligned face.")] = False,
    visits: Annotated[bool, typer.Option("--visits", help="Visit events instead, as JSON Lines.")] = False,
    model_set: ModelSetName = None,
    target: TargetList = None,
    realtime: Pace = None,
    fps: Fps = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Find faces in pictures, videos and cameras, and estimate apparent gender and age.

    It is for a workstation: unlike the sensor it is not locked. A source that cannot be read does not stop the others.

    Examples:
      passerby analyze photographs/
      passerby analyze clip.mp4 --annotate marked.mp4
      passerby analyze 0 --view
      passerby analyze clip.mp4 --visits > events.jsonl
      passerby analyze 0 --json - | jq .faces

    Exit codes:
      2  an argument, a setting or a source is wrong; the other sources were read
      3  a camera, a network's files, a package or a display is not there
      130  ended by Ctrl-C
    """
    flags = with_flags(
        overrides, models_set=model_set, models_targets=target, camera_realtime=realtime, camera_fps=fps
    )  # fmt: skip
    settings = settings_from(config, flags)
    configure_logging(quiet=True)
    request = _Request(
        sources, json or ("-" if visits else None), annotate, config, aligned=aligned, visits=visits, view=view,
        paced=realtime is not False,
    )  # fmt: skip
    try:
        code = _analyze(request, settings)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        from edge.terminal.output import leave_stdout

        leave_stdout()
        code = 0
    raise typer.Exit(code)


class _Request(NamedTuple):
    """The command line, but for the settings. `json`: "-", a file, or None for text. `paced`: where it is viewed."""

    addresses: Sequence[str]
    json: str | None
    annotate: Path | None
    config: Path | None
    aligned: bool
    visits: bool
    view: bool
    paced: bool


def _analyze(request: _Request, settings: Settings) -> int:
    """Check what was asked, open the networks, analyze the sources; returns the exit code."""
    from edge.catalog.lookup import open_catalog
    from edge.sensor.assemble import open_networks
    from edge.terminal.output import line_output
    from edge.workbench.analyze.analyst import Analyst, check_request
    from edge.workbench.analyze.listening import Everyone
    from edge.workbench.analyze.sources import read_addresses

    sources = read_addresses(request.addresses)
    check_request(sources, aligned=request.aligned, visits_only=request.visits)
    _need_other_file(request, sources)
    with ExitStack() as stack:
        window = _open_window(request, stack)
        networks = open_networks(settings, open_catalog())
        _warn_of_random_weights(networks)
        drawings = _drawings(request, sources, networks, () if request.aligned else settings.zones, stack)
        viewer = _viewer(request, sources, networks, settings, window) if window else None
        shown = [viewer] if viewer else []
        write = stack.enter_context(line_output(request.json or "-"))
        progress = stack.enter_context(progress_bar(wanted=request.json != "-" or not sys.stdout.isatty()))
        analyst = Analyst(
            settings,
            networks,
            Everyone([_Complaints(), *drawings, _line_writer(request, settings, networks, write), *shown]),
            aligned=request.aligned,
            visits_only=request.visits,
            each_frame=bool(drawings or viewer) or (request.json is not None and not request.visits),
            tick=progress.tick,
            on_change=_tell_change,
            tell=_say,
            go_on=viewer.go_on if viewer else lambda: True,
            idle=viewer.idle if viewer else sleep,
        )
        return _analyze_each(sources, analyst, progress, lambda: viewer is not None and viewer.left)


def _analyze_each(sources: Sequence[Source], analyst: Analyst, progress: Progress, enough: Callable[[], bool]) -> int:
    """Analyze the sources in turn; returns the lowest exit code of their faults: bad input before a missing camera.

    enough: whether the rest is not wanted any more.
    """
    from edge.workbench.analyze.length import stated_pictures

    codes = set()
    for source in sources:
        progress.begin(source.named.source, partial(stated_pictures, source.address, source.kind))
        ending = analyst.analyze(source)
        if ending.interrupted:
            return INTERRUPTED
        if ending.error is not None:
            codes.add(ending.error.exit_code)
        if enough():
            break
    return min(codes, default=0)


def _line_writer(request: _Request, settings: Settings, networks: Networks, write: Callable[[str], None]) -> Listener:
    if request.json is None:
        from edge.workbench.analyze.words import TextLines

        return TextLines(write, taxonomy(settings.attributes.taxonomy), untrained=networks.untrained)
    from edge.workbench.analyze.events import EventWriter
    from edge.workbench.analyze.records import EventLines, FaceLines

    return EventLines(write, EventWriter(settings, networks)) if request.visits else FaceLines(write)


def _drawings(
    request: _Request, sources: Sequence[Source], networks: Networks, zones: Sequence[Zone], stack: ExitStack
) -> Sequence[Listener]:
    if request.annotate is None:
        return []
    from edge.workbench.analyze.drawings import Drawings
    from edge.workbench.analyze.words import caption

    drawings = Drawings(request.annotate, sources, partial(caption, untrained=networks.untrained), zones)
    stack.callback(drawings.close)
    return [drawings]


def _open_window(request: _Request, stack: ExitStack) -> Window | None:
    if not request.view:
        return None
    from edge.workbench.analyze.viewing import open_window

    window = open_window()
    stack.callback(window.close)
    return window


def _viewer(
    request: _Request, sources: Sequence[Source], networks: Networks, settings: Settings, window: Window
) -> Viewer:
    from edge.workbench.analyze.snapshots import Snapshots
    from edge.workbench.analyze.viewing import Viewer
    from edge.workbench.analyze.words import live_caption

    return Viewer(
        window,
        partial(live_caption, attention=settings.attention, untrained=networks.untrained),
        Snapshots(request.annotate, sources).save,
        tell=_say,
        zones=() if request.aligned else settings.zones,
        paced=request.paced,
    )


def _need_other_file(request: _Request, sources: Sequence[Source]) -> None:
    """Raises UsageError where the lines would overwrite a source, a picture of one, the settings or the drawing."""
    from edge.sensor.sources.picture import is_image

    if request.json in (None, "-"):
        return
    target = Path(request.json).resolve()
    inputs = [Path(source.address).resolve() for source in sources if source.kind.is_path]
    within = is_image(target.name) and target.exists() and any(each in target.parents for each in inputs)
    others = {"--annotate": request.annotate, "--config": request.config}
    same = [flag for flag, path in others.items() if path is not None and path.resolve() == target]
    if target in inputs or within or same:
        what = f"would overwrite {f'the file of {same[0]}' if same else 'the source'}"
        raise UsageError(explain(what, where="--json", got=request.json, expected="another file"))


def _warn_of_random_weights(networks: Networks) -> None:
    if networks.untrained:
        _say(f"model set {networks.name} has random test weights: every label is untrained, its answers mean nothing")


def _tell_change(change: CameraChange) -> None:
    _say(f"the source is back after {change.tries} tries" if change.available else f"{change.reason}; opening it again")


def _say(line: str) -> None:
    sys.stderr.write(f"passerby: {line}\n")


class _Complaints:
    """One line on stderr for each picture or source that cannot be read. Implements
    `edge.workbench.analyze.Listener`."""

    def seen(self, seen: Seen) -> None:
        """Nothing to report."""

    def visited(self, visit: Visited) -> None:
        """Nothing to report."""

    def failed(self, failure: AnalyzeError) -> None:
        _say(failure.error)

    def ended(self, watched: Watched) -> None:
        """Nothing to report."""
