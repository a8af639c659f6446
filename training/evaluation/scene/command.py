"""`passerby evaluate scene`: a crowd whose truth is known, from portraits or photographs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import UsageError, explain
from edge.terminal.options import ConfigFile, ModelSetName, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import Labels, Seed

if TYPE_CHECKING:
    from training.evaluation.scene.drawing import Scene

To = Annotated[Path, typer.Argument(metavar="OUT.mp4", help="The clip; its truth becomes OUT.mp4.json.")]
Pictures = Annotated[
    list[str] | None,
    typer.Option("--images", metavar="TAR|FOLDER", help="Photographs of people; default: two portraits."),
]
People = Annotated[int, typer.Option("--people", min=0, max=1000, help="How many people come by.")]
Seconds = Annotated[float, typer.Option("--seconds", min=1, max=3600, help="Length of the clip.")]
Rate = Annotated[float, typer.Option("--fps", min=1, max=60, help="Frames a second of the clip.")]
Size = Annotated[str, typer.Option("--size", metavar="WxH", help="Width and height of the clip, px.")]


def scene(
    out: To,
    images: Pictures = None,
    labels: Labels = None,
    people: People = 24,
    seconds: Seconds = 90.0,
    fps: Rate = 15.0,
    size: Size = "1280x720",
    seed: Seed = 1,
    model_set: ModelSetName = None,
    target: TargetList = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Draw people who walk in, stop, cross each other and leave, and write down who was where: for `evaluate counts`.

    The same seed draws the same scene. A face's box is where the model set's detector finds it in the photograph.

    Examples:
      passerby evaluate scene crowd.mp4 --people 60 --seconds 240 --seed 7
      passerby evaluate scene crowd.mp4 --images faces.tar --labels faces.csv
    """
    from edge.files import need_folder_of
    from edge.sensor.assemble import detector_score
    from edge.workbench.faces import find_with
    from edge.workbench.pages.printing import warn
    from training.evaluation.opening import open_data_sets
    from training.evaluation.scene.making import detector_alone, make_scene
    from training.evaluation.scene.walks import Stage

    settings = settings_from(config, with_flags(overrides, models_set=model_set, models_targets=target))
    if out.suffix.lower() != ".mp4":
        raise UsageError(
            explain("not a clip's name", where="OUT.mp4", got=str(out), expected="a name that ends in .mp4")
        )
    need_folder_of(out, "OUT.mp4")
    width, height = _read_size(size)
    sets = open_data_sets(images, labels, aligned=False, limit=None) if images else []
    with detector_alone(settings) as networks:
        find = find_with(networks.detector, detector_score(settings, networks))
        drawn, lines = make_scene(Stage(width, height, seconds, fps), people, sets, seed, find)
    warn(lines)
    _write(drawn, out)


def _read_size(text: str) -> tuple[int, int]:
    """Even sides, since MPEG-4 has half the colours across and down. Raises UsageError."""
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    width, height = map(int, found.groups()) if found else (0, 0)
    if min(width, height) < 64 or width % 2 or height % 2:
        expected = "even width and height of 64 px or more, such as 1280x720"
        raise UsageError(explain("no size", where="--size", got=text, expected=expected))
    return width, height


def _write(scene: Scene, out: Path) -> None:
    from edge.terminal.progress import progress_bar
    from edge.workbench.analyze.annotation import VideoFile
    from training.evaluation.counts.truth_file import truth_beside, write_truth_file

    video, frames = VideoFile(out), []
    with progress_bar(wanted=True) as progress:
        progress.begin(out.name, lambda: scene.stage.frames)
        try:
            for index, shot in enumerate(scene.shots()):
                video.add(shot.image, index / scene.stage.fps)
                frames.append(shot.faces)
                progress.tick()
            video.finish()
        finally:
            video.discard()
    truth = truth_beside(str(out))
    write_truth_file(truth, scene.truth(frames))
    typer.echo(f"{len(frames)} frames in {out}, their truth in {truth}")
