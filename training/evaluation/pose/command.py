"""`passerby evaluate pose`: head poses read from landmarks, compared with a network that estimates them from the
picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import CHECK_FAILED, UsageError, explain
from edge.terminal.options import ConfigFile, Fps, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, Limit

if TYPE_CHECKING:
    from edge.sensor.types import Image
    from edge.sensor.visits.pose import Pose
    from edge.settings.settings import Settings
    from edge.terminal.progress import Progress
    from edge.workbench.labelled.samples import Photographs
    from training.evaluation.detection.detectors import DetectorSubject
    from training.evaluation.pose.head_pose import HeadPose
    from training.evaluation.pose.scoring import PoseError, PoseResult

Clips = Annotated[list[str] | None, typer.Argument(metavar="CLIP", help="Videos; no labels are needed.")]
Portraits = Annotated[list[str] | None, typer.Option("--photographs", help="Photographs; repeat for more.")]
Detectors = Annotated[
    list[str] | None,
    typer.Option("--detector", metavar="SET|FOLDER", help="Detector whose landmarks are read; repeat for more."),
]
Oracle = Annotated[
    Path | None,
    typer.Option("--oracle", metavar="XML", help="head-pose-estimation-adas-0001 (default: in PASSERBY_SHARED)."),
]
SmallestPx = Annotated[float, typer.Option("--smallest", min=0, help="Least side of a face that counts, px.")]
MostYaw = Annotated[
    float | None,
    typer.Option("--most-yaw-error", min=0, metavar="DEGREES", help="Exit 1 where the mean error is larger."),
]
COLUMNS = ("yaw by the network", "faces", "yaw error", "bias", "pitch error", "bias")


def pose(
    clips: Clips = None,
    photographs: Portraits = None,
    detector: Detectors = None,
    oracle: Oracle = None,
    smallest: SmallestPx = 40.0,
    most_yaw_error: MostYaw = None,
    target: TargetList = None,
    fps: Fps = None,
    limit: Limit = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Compare yaw and pitch, which the device reads from five landmarks, with a network's.

    Examples:
      passerby evaluate pose clip.mp4
      passerby evaluate pose --photographs photographs/ --most-yaw-error 8

    Exit codes:
      1  the mean error of yaw is above --most-yaw-error
    """
    from edge.terminal.progress import progress_bar
    from edge.workbench.pages.printing import print_json
    from training.evaluation.opening import open_data_sets
    from training.evaluation.pose.head_pose import HeadPose, default_oracle

    settings = settings_from(config, with_flags(overrides, models_targets=target, camera_fps=fps))
    if not clips and not photographs:
        raise UsageError(explain("nothing to evaluate", expected="a CLIP, or --photographs"))
    sets = open_data_sets(photographs, None, aligned=False, limit=limit) if photographs else []
    network = HeadPose(oracle or default_oracle())
    names = detector or [settings.models.set]
    with progress_bar(wanted=not as_json) as progress:
        results = list(_results(names, sets, clips or (), network, smallest, settings, progress))
    print_json({"schema": "passerby.pose/1", "results": results}) if as_json else _print_tables(results)
    if most_yaw_error is not None and not all(_meets(each, most_yaw_error) for each in results):
        raise typer.Exit(CHECK_FAILED)


def _results(
    names: Sequence[str], sets: Sequence[Photographs], clips: Sequence[str], network: HeadPose, smallest: float,
    settings: Settings, progress: Progress,
) -> Iterator[PoseResult]:  # fmt: skip
    from edge.catalog.lookup import open_catalog
    from edge.workbench.pages.printing import warn
    from training.evaluation.detection.detectors import OWN, need_detectors, open_detector, parse_size
    from training.evaluation.pose.scoring import score_poses

    catalog, left_out = open_catalog(), dict[str, None]()
    need_detectors(names, catalog)
    for name in names:
        with open_detector(name, parse_size(OWN), settings, catalog) as subject:
            for source, images in _sources(sets, clips, settings, left_out):
                progress.begin(f"{subject.name}: {source}", lambda: None)
                pairs = [pair for image in images for pair in _compare(subject, image, network, smallest, progress)]
                yield score_poses(source, subject.name, pairs)
    warn(left_out)


def _compare(
    subject: DetectorSubject, image: Image, network: HeadPose, smallest: float, progress: Progress
) -> list[tuple[Pose, Pose]]:
    from training.evaluation.pose.scoring import compare_poses

    progress.tick()
    faces = [face for face in subject.find(image) if face.score >= subject.score and face.box.side >= smallest]
    return compare_poses(image, faces, network)


def _sources(
    sets: Sequence[Photographs], clips: Sequence[str], settings: Settings, left_out: dict[str, None]
) -> Iterator[tuple[str, Iterator[Image]]]:
    """Names and pictures; once a set's pictures are read, `left_out` has the lines about what it left out."""
    from training.data.collection import Reading
    from training.evaluation.detection.runs import frames_of

    for photographs in sets:
        reading = Reading(photographs)
        yield photographs.name, (image for _, image in reading)
        left_out |= dict.fromkeys(reading.left_out)
    for clip in clips:
        yield Path(clip).name, frames_of(clip, settings)


def _print_tables(results: Sequence[PoseResult]) -> None:
    from edge.workbench.pages.page import Rows
    from edge.workbench.pages.printing import print_table

    for each in results:
        rows = [_row(error) for error in (each.total, *each.ranges)]
        print_table(Rows(f"{each.source}: {each.detector}, degrees", COLUMNS, rows))


def _row(error: PoseError) -> tuple[str, ...]:
    values = (error.yaw_error_deg, error.yaw_bias_deg, error.pitch_error_deg, error.pitch_bias_deg)
    return error.within, f"{error.faces:,}", *("-" if value is None else f"{value:.2f}" for value in values)


def _meets(result: PoseResult, most: float) -> bool:
    return result.total.yaw_error_deg is not None and result.total.yaw_error_deg <= most
