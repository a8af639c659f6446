"""`make bench-tracking`: our tracker beside published ones on the very same detections of drawn crowds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from conversion.environments.catalog import trackers
from conversion.environments.installation import ensure_environment
from conversion.environments.worker_call import WORKERS, call_worker
from edge.errors import CHECK_FAILED, PasserbyError
from edge.schemas.taxonomy import ADS_8
from edge.sensor.assemble import detector_score, make_detector
from edge.sensor.types import Detection
from edge.settings.settings import Settings
from edge.terminal.interrupt import interruptible
from edge.terminal.options import ConfigFile, Overrides, configure_logging, settings_from
from edge.terminal.progress import Progress, progress_bar
from edge.workbench.faces import find_with
from edge.workbench.labelled.samples import Photographs
from edge.workbench.pages.page import Rows as Table
from edge.workbench.pages.printing import print_table, warn
from training.evaluation.counts.identity import Named
from training.evaluation.counts.matching import SAME_FACE_IOU, compare
from training.evaluation.counts.scoring import Scores, add_up, score
from training.evaluation.counts.tracks import Rows, as_observed, follow
from training.evaluation.counts.truth import Truth, stays_of
from training.evaluation.counts.watching import Observed
from training.evaluation.opening import open_data_sets
from training.evaluation.options import Labels
from training.evaluation.scene.making import detector_alone, make_scene
from training.evaluation.scene.walks import Stage

OURS = "ours"
SAME = 1e-6
"""Our IDF1 and that of motmetrics differ by less."""


class Detected(NamedTuple):
    """A scene as a detector sees it: the faces of every frame, the score from which they are sure, and the truth."""

    score: float
    frames: Sequence[Sequence[Detection]]
    times_s: Sequence[float]
    truth: Truth
    stage: Stage


class Comparison(NamedTuple):
    """A tracker on one scene: its scores, and IDF1 as motmetrics has it."""

    scores: Scores
    motmetrics_idf1: float


def main(
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Scenes, of the seeds from 1 on.")] = 10,
    people: Annotated[int, typer.Option("--people", min=1, max=1000, help="People of each scene.")] = 24,
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=3600, help="Length of each scene.")] = 90.0,
    images: Annotated[list[str] | None, typer.Option("--images", help="Photographs; default: two portraits.")] = None,
    labels: Labels = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Compare trackers on drawn crowds; exits with 1 where our IDF1 is not that of motmetrics."""
    configure_logging(quiet=False)
    settings = settings_from(config, overrides)
    sets = open_data_sets(images, labels, aligned=False, limit=None) if images else []
    python = ensure_environment(trackers())
    stage = Stage(1280, 720, seconds, 15.0)
    found: dict[str, list[Comparison]] = {}
    with progress_bar(wanted=True) as progress:
        for scene in detect_scenes(stage, people, range(1, seeds + 1), sets, settings, progress):
            for name, comparison in compare_trackers(scene, settings, python).items():
                found.setdefault(name, []).append(comparison)
    print_table(as_table(found, f"{seeds} scenes of {people} people in {seconds:g} s"))
    if apart := disagreements(found):
        warn(apart)
        raise typer.Exit(CHECK_FAILED)


def detect_scenes(
    stage: Stage, people: int, seeds: Sequence[int], sets: Sequence[Photographs], settings: Settings, progress: Progress
) -> Iterator[Detected]:
    """Draw a scene of each seed, and detect its faces once, faint ones included."""
    with detector_alone(settings) as networks:
        threshold = detector_score(settings, networks)
        find = find_with(networks.detector, threshold)
        for seed in seeds:
            detector = make_detector(settings, networks, frames=True)
            scene, _ = make_scene(stage, people, sets, seed, find)
            progress.begin(f"seed {seed}", lambda: stage.frames)
            frames, faces = [], []
            for shot in scene.shots():
                detector.start(shot.image)
                frames.append(list(detector.wait()))
                faces.append(shot.faces)
                progress.tick()
            times = [index / stage.fps for index in range(len(frames))]
            yield Detected(threshold, frames, times, scene.truth(faces), stage)


def compare_trackers(scene: Detected, settings: Settings, python: Path) -> dict[str, Comparison]:
    """Run every tracker on a scene's detections and score it. Raises InferenceError where a worker fails."""
    size, dwell = (scene.stage.width_px, scene.stage.height_px), settings.visits.min_dwell_s
    tracks = {OURS: follow(scene.frames, scene.times_s, size, settings, scene.score)}
    header = {
        "frames": len(scene.frames), "fps": scene.stage.fps, "max_gap_s": settings.tracking.max_gap_s,
        "score": scene.score, "confirm_hits": settings.tracking.confirm_hits,
    }  # fmt: skip
    _, others = call_worker(python, WORKERS / "run_trackers.py", header, {"detections": as_rows(scene.frames)})
    tracks |= others
    observed = {name: as_observed(rows, scene.times_s, size, dwell) for name, rows in tracks.items()}
    measured = motmetrics_idf1(scene, observed, python)
    return {
        name: Comparison(score(name, scene.truth, each, ADS_8), measured[name]) for name, each in observed.items()
    }  # fmt: skip


def motmetrics_idf1(scene: Detected, observed: Mapping[str, Observed], python: Path) -> dict[str, float]:
    """IDF1 of every tracker by motmetrics, on the faces that ours counts."""
    stays = stays_of(scene.truth, scene.times_s)
    arrays = {}
    for name, each in observed.items():
        frames = list(compare(scene.truth, stays, each))
        arrays[f"{name} truth"] = named_rows([frame.labelled for frame in frames])
        arrays[f"{name} tracks"] = named_rows([frame.found for frame in frames])
    header = {"frames": len(scene.frames), "least_iou": SAME_FACE_IOU, "names": list(observed)}
    answer, _ = call_worker(python, WORKERS / "measure_identities.py", header, arrays)
    return dict(answer["idf1"])


def as_rows(frames: Sequence[Sequence[Detection]]) -> Rows:
    """Detections as float64 (N, 6): frame, x_min, y_min, x_max, y_max px, score."""
    rows = [(number, *face.box.as_xyxy(), face.score) for number, frame in enumerate(frames) for face in frame]
    return np.array(rows, np.float64).reshape(-1, 6)


def named_rows(frames: Sequence[Sequence[Named]]) -> Rows:
    """Identities and their boxes in every frame as float64 (N, 6)."""
    rows = [(number, name, *box.as_xyxy()) for number, frame in enumerate(frames) for name, box in frame]
    return np.array(rows, np.float64).reshape(-1, 6)


def disagreements(found: Mapping[str, Sequence[Comparison]]) -> list[str]:
    """A line for each tracker and scene where our IDF1 is not that of motmetrics."""
    lines = []
    for name, comparisons in found.items():
        for number, (scores, theirs) in enumerate(comparisons, 1):
            ours = idf1_of(scores)
            if not abs(ours - theirs) < SAME:
                lines.append(f"{name}, scene {number}: IDF1 {ours:.6f}, by motmetrics {theirs:.6f}")
    return lines


def idf1_of(scores: Scores) -> float:
    """IDF1, NaN without a face."""
    value = scores.identity.idf1 if scores.identity else None
    return float("nan") if value is None else value


def as_table(found: Mapping[str, Sequence[Comparison]], caption: str) -> Table:
    """Every tracker over all scenes."""
    columns = (
        "tracker", "expected", "visits", "error", "merged", "split", "missed", "ghosts", "IDF1", "motmetrics apart",
    )  # fmt: skip
    rows = []
    for name, comparisons in found.items():
        whole = add_up([each.scores for each in comparisons])
        apart = max(abs(idf1_of(each.scores) - each.motmetrics_idf1) for each in comparisons)
        counted = (whole.merged, whole.split, whole.missed, whole.ghosts)
        error = 100 * (whole.visits - whole.expected) / max(whole.expected, 1)
        rows.append(
            (
                name, f"{whole.expected:,}", f"{whole.visits:,}", f"{error:+.1f} %", *map(str, counted),
                f"{idf1_of(whole):.3f}", f"{apart:.0e}",
            )
        )  # fmt: skip
    return Table(caption, columns, rows)


def run() -> None:
    """Run the command line; every foreseen error is one line on stderr and an exit code."""
    try:
        typer.run(interruptible(main))
    except PasserbyError as error:
        warn([str(error)])
        sys.exit(error.exit_code)


if __name__ == "__main__":
    run()
