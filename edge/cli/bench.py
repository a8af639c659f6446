"""`passerby bench`: speed and memory, beside the tutorials' pipeline on the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.errors import BadInput, explain, printable
from edge.sensor.sources.address import DEMO_ADDRESS
from edge.terminal.options import (
    AsJson,
    ConfigFile,
    Fps,
    ModelSetName,
    Overrides,
    Source,
    TargetList,
    settings_from,
    with_flags,
)

if TYPE_CHECKING:
    from edge.sensor.types import Image
    from edge.settings.settings import Settings

CLIP = "video/two-faces-768x432.h264"
"""Of the test material, where it is there; else the demo's scene."""


def bench(
    config: ConfigFile = None,
    source: Source = None,
    model_set: ModelSetName = None,
    target: TargetList = None,
    fps: Fps = None,
    frames: Annotated[int, typer.Option(min=10, help="Most frames of the clip; they are kept in memory.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Turns; medians are shown.")] = 3,
    seed_only: Annotated[bool, typer.Option("--seed-only", hidden=True)] = False,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Time Passerby beside the tutorials' pipeline and its own bare inference, all on the same decoded frames.

    Examples:
      passerby bench
      passerby bench --source clip.mp4 --model-set best --rounds 7 --json

    Exit codes:
      3  the source, a network's files or a package is not there
    """
    clip = source or default_clip()
    flags = with_flags(overrides, camera_source=clip, models_set=model_set, models_targets=target, camera_fps=fps)
    settings = settings_from(config, flags)
    images = load_frames(settings, frames)
    if seed_only:
        from edge.workbench.bench.seed import open_seed, run_seed

        with open_seed() as seed:
            run_seed(seed, images)
        return
    if len(images) < rounds:
        expected = f"at least one for each of {rounds} rounds"
        raise BadInput(explain("too short to measure", where=clip, got=f"{len(images)} frames", expected=expected))
    import msgspec

    report = measured(settings, images, clip, rounds, [part for flag in flags for part in ("--set", flag)])
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        print_tables(report)


def default_clip() -> str:
    """The clip of the test material where `PASSERBY_SHARED` is set and has it, else the demo's scene."""
    from edge.catalog.lookup import shared_dir

    shared = shared_dir()
    return str(shared / CLIP) if shared is not None and (shared / CLIP).is_file() else DEMO_ADDRESS


def load_frames(settings: Settings, most: int) -> list[Image]:
    """Decode the first frames of the settings' source."""
    from edge.sensor.sources.opening import open_source

    source = open_source(settings.camera.source, settings.camera, start_at=0.0)
    images: list[Image] = []
    while len(images) < most and (frame := source.read()) is not None:
        images.append(frame.image)
    source.close()
    return images


def measured(
    settings: Settings, images: Sequence[Image], clip: str, rounds: int, flags: Sequence[str]
) -> dict[str, Any]:
    """Everything that the bench measures, by name."""
    import msgspec

    from edge.workbench.bench.footprint import footprint
    from edge.workbench.bench.measure import measure

    report = measure(settings, images, settings.camera.fps, printable(Path(clip).name), rounds)
    return {**msgspec.to_builtins(report), **msgspec.to_builtins(footprint(flags))}


def print_tables(report: dict[str, Any]) -> None:
    """The report for people."""
    from rich.console import Console
    from rich.table import Table

    weights = ", random weights" if report["seed_untrained"] else ""
    title = f"{report['clip']}, {report['frames']} frames, medians of {report['rounds']} rounds, decoding excluded"
    times = Table("", "CPU ms a frame", "", title=title)
    times.add_row(f"tutorials' pipeline (OpenCV DNN{weights})", f"{report['seed_ms_per_frame']:.2f}", "")
    what = f"passerby, {report['model_set']} on {report['target']}"
    times.add_row(what, f"{report['passerby_ms_per_frame']:.2f}", f"ratio {report['ratio']:.1f}")
    added = f"overhead {report['overhead']:.2f}, {report['overhead_ms_per_frame']:.2f} ms"
    times.add_row("the same inference calls, bare", f"{report['inference_ms_per_frame']:.2f}", added)
    idle = f"{report['idle_share']:.0%} of active"
    times.add_row("passerby while nothing moves", f"{report['idle_ms_per_frame']:.2f}", idle)
    stages = Table("stage", "wall ms a frame")
    for stage, ms in report["stages_ms_per_frame"].items():
        stages.add_row(stage, f"{ms:.3f}")
    figures = Table("", "")
    found = f"{report['faces_found']} of {report['faces_reference']}"
    figures.add_row("faces found (of YuNet's at full size, score 0.7)", found)
    figures.add_row("looks, visits", f"{report['looks']}, {report['visits']}")
    figures.add_row("start of the sensor to its first frame done", f"{report['first_frame_s']:.2f} s")
    for half in ("sensor", "publisher", "seed"):
        figures.add_row(f"peak memory, {half}", f"{report[f'{half}_peak_mb']:.0f} MB")
    figures.add_row("outbox", f"{report['outbox_events_per_s']:,.0f} events/s")
    console = Console()
    for shown in (times, stages, figures):
        console.print(shown)
