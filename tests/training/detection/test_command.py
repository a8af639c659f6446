"""Training runs of the detector on drawn faces: they learn, go on where they were stopped, and become ONNX."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (passerby[training])")
pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from edge.catalog.manifest import Manifest
from edge.catalog.manifest_file import MANIFEST, read_manifest
from edge.errors import BadInput, ConfigError, PasserbyError, UsageError
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.geometry import iou
from edge.sensor.inference.opening import open_session
from tests.training.cost import cost_of
from tests.training.drawn_scenes import draw_scene, scene_files
from training.attributes.config import TrainingConfig
from training.command import app
from training.data.scenes import load_all, save_scenes
from training.detection.calibration import Line
from training.detection.config import DetectionConfig
from training.detection.export import Answering, export_detector
from training.detection.faces import find_faces
from training.detection.task import DetectionEpoch, DetectionTask
from training.detection.trained import load_detector
from training.detection.validation import Validation
from training.networks.detection import DetectionNetwork
from training.runs.checkpoint import load_state, save_state
from training.runs.configuration import DETECTION_CONFIGS, find_config
from training.runs.logs import Epoch, read_log
from training.runs.run_folder import LAST, LOG, WEIGHTS
from training.runs.start import Start, train

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("train-detection")]

TINY = find_config("tiny", DetectionConfig, DETECTION_CONFIGS)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("scenes")
    portraits = scene_files(range(200, 220), labelled=False)
    save_scenes([*scene_files(range(60)), *portraits], folder / "train.npz")
    save_scenes([*scene_files(range(300, 316)), *scene_files(range(400, 408), labelled=False)], folder / "held-out.npz")
    return folder / "train.npz", folder / "held-out.npz"


def start(files: tuple[Path, Path], folder: Path, *, resume: bool = False) -> Start:
    return Start((files[0],), (files[1],), folder, resume=resume, device="cpu", threads=1)


def run(config: DetectionConfig, begin: Start) -> list[Epoch[Validation]]:
    return list(train(DetectionTask, config, begin, lambda ticks: None))


def short(epochs: int, batches: int = 3) -> DetectionConfig:
    return replace(TINY, schedule=replace(TINY.schedule, epochs=epochs, batches=batches))


@pytest.fixture(scope="module")
def trained(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Epoch[Validation]]]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, run(TINY, start(files, folder))


def test_a_detector_learns_what_can_be_seen(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    _, epochs = trained
    assert epochs[-1].losses["total"] < 0.6 * epochs[0].losses["total"]
    assert epochs[0].validation is None  # the configuration validates every second epoch
    assert epochs[-1].validation is not None
    assert epochs[-1].validation.ap50 > 0.8
    assert epochs[-1].validation.found_percent > 80


def test_the_log_is_what_was_said(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    folder, epochs = trained
    assert read_log(folder / LOG, DetectionEpoch) == epochs


def test_the_log_of_labelled_pictures_alone_becomes_a_picture(files: tuple[Path, Path], tmp_path: Path) -> None:
    save_scenes(scene_files(range(300, 304)), tmp_path / "labelled.npz")
    (epoch,) = run(short(1), start((files[0], tmp_path / "labelled.npz"), tmp_path / "run"))
    assert epoch.validation is not None
    assert np.isnan(epoch.validation.found_percent)
    (kept,) = read_log(tmp_path / "run" / LOG, DetectionEpoch)
    assert repr(kept) == repr(epoch)  # NaN does not equal NaN
    assert call("plot", str(tmp_path / "run"), "--out", str(tmp_path / "log.png")).exit_code == 0


def test_a_run_that_is_resumed_ends_as_if_it_had_not_been_stopped(files: tuple[Path, Path], tmp_path: Path) -> None:
    run(short(3), start(files, tmp_path / "whole"))
    stopped = train(DetectionTask, short(3), start(files, tmp_path / "stopped"), lambda ticks: None)
    next(stopped)
    stopped.close()
    assert [each.epoch for each in run(short(3), start(files, tmp_path / "stopped", resume=True))] == [2, 3]
    one, other = (load_state(tmp_path / name / WEIGHTS)["weights"] for name in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_checkpoint_log_and_weights_keep_their_form(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    folder, _ = trained
    kept = ["form", "config", "weights", "network", "optimiser", "data", "log", "steps"]
    assert list(load_state(folder / LAST)) == kept, "a checkpoint of an earlier version resumes only with its own keys"
    assert list(load_state(folder / WEIGHTS)) == ["form", "config", "weights"]
    (*_, last) = (folder / LOG).read_text().splitlines()
    assert list(msgspec.json.decode(last)) == ["epoch", "losses", "learning_rate", "seconds", "detection"]
    assert list(msgspec.json.decode(last)["losses"]) == ["total", "score", "box", "points"]


def test_a_checkpoint_of_another_configuration_is_refused_and_stays(files: tuple[Path, Path], tmp_path: Path) -> None:
    run(short(1), start(files, tmp_path))
    before = (tmp_path / LAST).read_bytes()
    with pytest.raises(BadInput, match="another configuration"):
        run(short(2), start(files, tmp_path, resume=True))
    with pytest.raises(UsageError, match="--resume continues"):
        run(short(1), start(files, tmp_path))
    assert (tmp_path / LAST).read_bytes() == before


def test_a_run_goes_on_with_its_own_scenes_only(files: tuple[Path, Path], tmp_path: Path) -> None:
    next(train(DetectionTask, short(2), start(files, tmp_path), lambda ticks: None))
    with pytest.raises(BadInput, match="the checkpoint is of other data; name another --out"):
        run(short(2), start((files[1], files[1]), tmp_path, resume=True))


def test_the_network_that_is_to_ship_is_as_small_as_promised() -> None:
    config = find_config("nano-face", DetectionConfig, DETECTION_CONFIGS)
    cost = cost_of(DetectionNetwork(config.network), (192, 320))
    assert cost.parameters <= 150_000
    assert cost.macs <= 120e6


@pytest.fixture(scope="module")
def exported(trained: tuple[Path, list[Epoch[Validation]]], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return export_detector(trained[0], tmp_path_factory.mktemp("exported"))


def open_exported(folder: Path, manifest: Manifest) -> NetworkDetector:
    return NetworkDetector(
        lambda hw: open_session(manifest, folder, ("openvino:CPU",), threads=1, input_hw=hw, max_batch=1),
        manifest,
        input_width=-1,
    )


def test_the_device_finds_with_the_file_what_the_network_finds(
    trained: tuple[Path, list[Epoch[Validation]]], exported: list[Path]
) -> None:
    assert [folder.name for folder in exported] == ["own-face", "own-face-640"]
    network, _ = load_detector(trained[0])
    manifest = read_manifest(exported[0] / MANIFEST)
    detector = open_exported(exported[0], manifest)
    image, faces = draw_scene(501)
    detector.start(image)
    found = sorted(detector.wait(), key=lambda face: -face.score)[: len(faces)]
    detector.close()
    expected = find_faces(network, image).scores[: len(faces)]  # the highest come first
    assert [face.score for face in found] == pytest.approx(expected, abs=0.1)
    for label in faces:
        face = max(found, key=lambda each: iou(each.box, label.box))
        assert iou(face.box, label.box) > 0.5
        assert face.landmarks is not None
        assert np.abs(face.landmarks - label.points).mean() < 0.15 * label.box.side


def test_the_same_weights_give_the_same_files(
    trained: tuple[Path, list[Epoch[Validation]]], exported: list[Path], tmp_path: Path
) -> None:
    for before, after in zip(exported, export_detector(trained[0], tmp_path), strict=True):
        for name in (f"{before.name}.onnx", MANIFEST):
            assert (before / name).read_bytes() == (after / name).read_bytes()


def test_a_calibrated_score_lies_on_its_line(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    network, _ = load_detector(trained[0])
    picture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    plain, moved = (Answering(network, line)(picture) for line in (Line(), Line(0.5, -1.0)))
    assert torch.allclose(torch.logit(moved[0]), 0.5 * torch.logit(plain[0]) - 1.0, atol=1e-4)
    assert torch.equal(moved[1], plain[1])


def test_a_calibration_is_written_down(files: tuple[Path, Path], trained: tuple[Path, object], tmp_path: Path) -> None:
    folders = export_detector(trained[0], tmp_path, load_all([files[1]]))
    assert read_manifest(folders[0] / MANIFEST).metrics["calibration_slope"] != 1.0


def test_commands_train_plot_and_export(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("--scenes", str(files[0]), "--held-out", str(files[1]), "--out", str(out))
    configured = tmp_path / "short.toml"
    tiny = (DETECTION_CONFIGS / "tiny.toml").read_text()
    configured.write_text(tiny.replace("batches = 60", "batches = 2"))
    done = call("detection", *words, "--config", str(configured), "--epochs", "2", "--threads", "1")
    assert done.exit_code == 0, done.exception
    assert "held out: AP50" in done.stdout.splitlines()[-1]
    assert call("plot", str(out), "--out", str(tmp_path / "log.png")).exit_code == 0
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")
    done = call("export", str(out), "--out", str(tmp_path / "networks"))
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "networks" / "own-face-640" / MANIFEST).is_file()


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (
            ("--config", "nanno"),
            ConfigError,
            "unknown configuration, got nanno, expected nano-face | nano-face-streets | tiny",
        ),
        (("--config", "tiny", "--device", "tpu"), UsageError, "unknown device, got tpu"),
        (("--config", "tiny", "--resume"), UsageError, "no run to continue"),
        (("--config", "tiny", "--init", "none.pth"), BadInput, "none.pth"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    files: tuple[Path, Path], tmp_path: Path, words: tuple[str, ...], error: type[PasserbyError], said: str
) -> None:
    data = ("--scenes", str(files[0]), "--held-out", str(files[1]), "--out", str(tmp_path / "run"))
    failed = call("detection", *data, *words).exception
    assert isinstance(failed, error)
    assert said in str(failed)


def test_weights_of_ages_and_genders_are_no_detector(tmp_path: Path) -> None:
    config = find_config("tiny", TrainingConfig)
    save_state(tmp_path / "ages.pt", {"config": msgspec.json.encode(config).decode(), "weights": {}})
    with pytest.raises(BadInput, match=r"ages\.pt: configuration of another network"):
        load_detector(tmp_path / "ages.pt")


def test_files_that_are_no_scenes_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "torn.npz").write_bytes(files[0].read_bytes()[:1000])
    for name in ("torn.npz", "none.npz"):
        words = ("--scenes", str(tmp_path / name), "--held-out", str(files[1]), "--out", str(tmp_path / "run"))
        failed = call("detection", *words, "--config", "tiny").exception
        assert isinstance(failed, BadInput)
        assert "expected a file of `passerby train scenes`" in str(failed)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))
