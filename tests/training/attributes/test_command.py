"""Training runs on drawn faces: they learn, go on where they were stopped, teach one another, and become ONNX."""

from __future__ import annotations

import pytest

pytest.importorskip("PIL", reason="PIL is not installed (passerby[training])")


pytest.importorskip("torch", reason="torch is not installed (passerby[training])")


import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import typer
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from edge.catalog.manifest_file import read_manifest
from edge.errors import BadInput, ConfigError, PasserbyError, UsageError
from edge.sensor.attributes.estimator import NetworkEstimator
from edge.sensor.geometry import Box
from edge.sensor.imaging import TEMPLATES
from edge.sensor.inference.opening import open_session
from edge.sensor.types import Detection
from tests.places import ROOT
from tests.training.cost import cost_of
from tests.training.faces import drawn_chips
from training.attributes.config import TrainingConfig
from training.attributes.task import AttributesEpoch, AttributesTask
from training.attributes.temperature import temper
from training.attributes.trained import load_network
from training.attributes.validation import Validation, answer
from training.command import app, stopped_by_hand
from training.data.chips import UNKNOWN, Chips, load_chips, save_chips
from training.detection.config import DetectionConfig
from training.networks.attributes import AttributeNetwork, NetworkConfig
from training.networks.backbones import ResNet
from training.runs.checkpoint import load_fitting, load_state, save_state
from training.runs.configuration import DETECTION_CONFIGS, find_config
from training.runs.export import fold_batch_norms, round_weights
from training.runs.logs import Epoch, read_log
from training.runs.run_folder import LAST, LOG, WEIGHTS
from training.runs.start import Start, train

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("train-attributes")]

TINY = find_config("tiny", TrainingConfig)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("chips")
    for name, count, seed in (("train", 384, 1), ("held-out", 96, 2)):
        save_chips(drawn_chips(count, seed), folder / f"{name}.npz")
    return folder / "train.npz", folder / "held-out.npz"


def start(files: tuple[Path, Path], folder: Path, *, resume: bool = False, init: Path | None = None) -> Start:
    return Start((files[0],), (files[1],), folder, resume=resume, init=init, device="cpu", threads=1)


def run(config: TrainingConfig, begin: Start) -> list[Epoch[Validation]]:
    return list(train(AttributesTask, config, begin, lambda ticks: None))


def short(config: TrainingConfig, epochs: int) -> TrainingConfig:
    return replace(config, schedule=replace(config.schedule, epochs=epochs))


@pytest.fixture(scope="module")
def trained(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Epoch[Validation]]]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, run(TINY, start(files, folder))


def test_a_network_learns_what_can_be_seen(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    _, epochs = trained
    first, last = epochs[0], epochs[-1]
    assert last.losses["total"] < 0.9 * first.losses["total"]
    assert last.validation is not None
    assert last.validation.gender_percent > 90
    assert last.validation.mae_years < 20  # 25 by always saying 50


def test_the_log_is_what_was_said(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    folder, epochs = trained
    assert read_log(folder / LOG, AttributesEpoch) == epochs


def test_a_run_that_is_resumed_ends_as_if_it_had_not_been_stopped(files: tuple[Path, Path], tmp_path: Path) -> None:
    config = short(TINY, 3)
    run(config, start(files, tmp_path / "whole"))
    stopped = train(AttributesTask, config, start(files, tmp_path / "stopped"), lambda ticks: None)
    next(stopped)
    stopped.close()
    resumed = run(config, start(files, tmp_path / "stopped", resume=True))
    assert [epoch.epoch for epoch in resumed] == [2, 3]
    one, other = (load_state(tmp_path / name / WEIGHTS)["weights"] for name in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [each.epoch for each in read_log(tmp_path / "stopped" / LOG, AttributesEpoch)] == [1, 2, 3]


def test_checkpoint_log_and_weights_keep_their_form(trained: tuple[Path, list[Epoch[Validation]]]) -> None:
    folder, _ = trained
    kept = ["form", "config", "weights", "student", "optimiser", "data", "log", "steps"]
    assert list(load_state(folder / LAST)) == kept, "a checkpoint of an earlier version resumes only with its own keys"
    assert list(load_state(folder / WEIGHTS)) == ["form", "config", "weights"]
    (*_, last) = (folder / LOG).read_text().splitlines()
    assert list(msgspec.json.decode(last)) == ["epoch", "losses", "learning_rate", "seconds", "validation"]
    assert list(msgspec.json.decode(last)["losses"]) == ["total", "age", "years", "gender", "features"]


def test_a_killed_run_keeps_its_last_whole_epoch(files: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["train", "attributes", "--config", "tiny", "--epochs", "500", "--threads", "1", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "edge.cli", *words, "--chips", str(files[0]), "--held-out", str(files[1])]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert running.stdout is not None
    for _ in range(2):
        assert running.stdout.readline().startswith("epoch")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert len(load_state(tmp_path / LAST)["log"]) >= 2
    again = subprocess.Popen([*command, "--resume"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert again.stdout is not None
    assert int(again.stdout.readline().split()[1].rstrip(":")) >= 3
    again.send_signal(signal.SIGINT)
    _, said = again.communicate()
    assert again.returncode == 130
    assert "--resume" in said


def test_a_run_that_is_stopped_says_how_to_go_on_only_where_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kept, said in ((False, "no epoch was whole yet"), (True, f"`--resume --out {tmp_path}` continues")):
        if kept:
            (tmp_path / LAST).touch()
        with pytest.raises(typer.Exit), stopped_by_hand(tmp_path):
            raise KeyboardInterrupt
        assert f"passerby: stopped; {said}" in capsys.readouterr().err


def test_a_checkpoint_of_another_network_is_refused_and_stays(files: tuple[Path, Path], tmp_path: Path) -> None:
    run(short(TINY, 1), start(files, tmp_path))
    before = (tmp_path / LAST).read_bytes()
    wider = replace(short(TINY, 1), network=replace(TINY.network, stem=16))
    with pytest.raises(BadInput, match="another configuration"):
        run(wider, start(files, tmp_path, resume=True))
    with pytest.raises(UsageError, match="--resume continues"):
        run(short(TINY, 1), start(files, tmp_path))
    assert (tmp_path / LAST).read_bytes() == before


def test_a_run_goes_on_with_its_own_chips_only(files: tuple[Path, Path], tmp_path: Path) -> None:
    next(train(AttributesTask, short(TINY, 2), start(files, tmp_path), lambda ticks: None))
    with pytest.raises(BadInput, match="the checkpoint is of other data; name another --out"):
        run(short(TINY, 2), start((files[1], files[1]), tmp_path, resume=True))
    old = load_state(tmp_path / LAST)
    save_state(tmp_path / LAST, {name: each for name, each in old.items() if name != "data"})
    assert len(run(short(TINY, 2), start((files[1], files[1]), tmp_path, resume=True))) == 1


def test_a_torn_checkpoint_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    run(short(TINY, 1), start(files, tmp_path))
    whole = (tmp_path / LAST).read_bytes()
    (tmp_path / LAST).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="not a checkpoint"):
        run(short(TINY, 1), start(files, tmp_path, resume=True))


def test_a_full_disk_leaves_the_checkpoint_before_whole(files: tuple[Path, Path], tmp_path: Path) -> None:
    script = (
        "import resource, sys; from edge.cli.app import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); import signal;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); main()"
    )
    run(short(TINY, 1), start(files, tmp_path))
    before = (tmp_path / LAST).read_bytes()
    assert len(before) > 60_000
    words = ["train", "attributes", "--config", "tiny", "--epochs", "1", "--out", str(tmp_path / "full")]
    full = subprocess.run(
        [sys.executable, "-c", script, *words, "--chips", str(files[0]), "--held-out", str(files[1])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert full.returncode == 2
    assert "cannot be written, got File too large" in full.stderr.strip().splitlines()[-1]
    assert [path.name for path in (tmp_path / "full").iterdir()] == []


def test_teachers_teach_faces_without_labels(
    files: tuple[Path, Path], trained: tuple[Path, list[Epoch[Validation]]], tmp_path: Path
) -> None:
    save_chips(without_labels(drawn_chips(384, 3)), tmp_path / "unlabelled.npz")
    distilled = replace(TINY, distillation=replace(TINY.distillation, teachers=(str(trained[0] / WEIGHTS),)))
    begin = Start((tmp_path / "unlabelled.npz",), (files[1],), tmp_path / "student", device="cpu", threads=1)
    last = run(distilled, begin)[-1]
    assert last.validation is not None
    assert last.validation.gender_percent > 80


def without_labels(chips: Chips) -> Chips:
    nothing = np.full(len(chips), UNKNOWN)
    return Chips(
        chips.images, np.full(len(chips), np.nan, np.float32), np.stack((nothing, nothing), 1), nothing, chips.groups
    )


def test_weights_of_others_begin_a_backbone(tmp_path: Path) -> None:
    files = tmp_path / "train.npz", tmp_path / "held-out.npz"
    for file, count in zip(files, (64, 32), strict=True):  # two steps: a ResNet takes long where there is no bfloat16
        save_chips(drawn_chips(count, 1), file)
    torch.manual_seed(5)
    published = ResNet((2, 2, 2, 2)).state_dict()
    torch.save({**published, "fc.weight": torch.zeros(1000, 512)}, tmp_path / "resnet18.pth")
    wanted = ("--config", "tiny", "--epochs", "1", "--backbone", "resnet", "--init", str(tmp_path / "resnet18.pth"))
    wanted += ("--export", str(tmp_path / "networks"))
    result = call("attributes", *data(files), "--out", str(tmp_path / "run"), *wanted)
    assert result.exit_code == 0, result.output
    network, config = load_network(tmp_path / "run" / WEIGHTS, torch.device("cpu"))
    assert config.network.backbone == "resnet"
    assert (tmp_path / "networks" / "own-agegender" / "manifest.toml").is_file()
    begun, now = published["layer4.1.conv2.weight"], network.state_dict()["backbone.layer4.1.conv2.weight"]
    assert torch.nn.functional.cosine_similarity(begun.flatten(), now.flatten(), dim=0) > 0.2  # of other weights: 0
    torch.save({"something": torch.zeros(3)}, tmp_path / "else.pth")
    refused = call("attributes", *data(files), "--out", str(tmp_path / "other"), "--config", "tiny",
                   "--init", str(tmp_path / "else.pth"))  # fmt: skip
    assert "no weights of this network" in str(refused.exception)


def test_a_calibration_of_a_detector_is_refused(trained: tuple[Path, list[Epoch[Validation]]], tmp_path: Path) -> None:
    words = ("--out", str(tmp_path / "out"), "--calibration", "nope.npz")
    refused = call("export", str(trained[0]), *words).exception
    assert isinstance(refused, UsageError)
    assert "takes no --calibration, expected a detector's run" in str(refused)
    assert not (tmp_path / "out").exists()


def test_the_network_becomes_the_same_onnx_each_time(
    trained: tuple[Path, list[Epoch[Validation]]], tmp_path: Path
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    for name in ("one", "other"):
        assert call("export", str(trained[0]), "--out", str(tmp_path / name)).exit_code == 0
    one, other = (tmp_path / name / "own-agegender" for name in ("one", "other"))
    assert [(one / path.name).read_bytes() == path.read_bytes() for path in other.iterdir()] == [True, True]
    content = (one / "own-agegender.onnx").read_bytes()
    assert str(ROOT).encode() not in content
    onnx = pytest.importorskip("onnx")
    operations = {node.op_type for node in onnx.load_from_string(content).graph.node}
    assert operations <= {"Conv", "Relu", "Add", "ReduceMean", "GlobalAveragePool", "Flatten", "Reshape", "Gemm"}
    network, config = load_network(trained[0] / WEIGHTS, torch.device("cpu"))
    layers = sum(isinstance(each, torch.nn.Conv2d) for each in network.modules())
    side = config.network.input_px
    pictures = np.random.default_rng(1).integers(0, 256, (1, 3, side, side)).astype(np.float32)
    age, gender = onnxruntime.InferenceSession(content).run(["age", "gender"], {"pictures": pictures})
    with torch.no_grad():
        trained_said = [each.numpy() for each in network(torch.from_numpy(pictures) / 255)]
        folded = fold_batch_norms(network.eval())
        network.backbone.take_bytes()
        rounded_said = [each.numpy() for each in round_weights(folded)(torch.from_numpy(pictures))]
    for said, rounded, exact in zip((age, gender), rounded_said, trained_said, strict=True):
        assert np.abs(said - rounded).max() < 1e-5  # the file is the network that was rounded, but for float32
        # Rounding moves each weight by at most 2**-11 of itself, up or down: over the layers that grows as a root.
        assert np.abs(said - exact).max() < layers**0.5 * 2**-11 * np.abs(exact).max()


def test_the_device_reads_what_was_exported(
    trained: tuple[Path, list[Epoch[Validation]]], files: tuple[Path, Path], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    call("export", str(trained[0]), "--out", str(tmp_path))
    manifest = read_manifest(tmp_path / "own-agegender" / "manifest.toml")
    session = open_session(manifest, tmp_path / "own-agegender", ["onnxruntime:CPU"], threads=1).session
    estimator = NetworkEstimator([(manifest, session)])
    face, held_out = aligned(), load_chips(files[1])
    estimator.start_each([(image, face) for image in held_out.images[:40]], [1.0] * 40)
    said = [int(look.gender_probs.argmax()) for look in estimator.wait() if look.gender_probs is not None]
    assert np.mean(np.array(said) == held_out.genders[:40]) > 0.9


def aligned() -> Detection:
    side, landmarks = TEMPLATES["utkface-112"]
    return Detection(Box(0, 0, side, side), 1.0, landmarks)


def test_the_networks_that_are_shipped_are_small() -> None:
    network = find_config("nano-agegender", TrainingConfig).network
    cost = cost_of(AttributeNetwork(network), (network.input_px, network.input_px))
    assert cost.parameters <= 1_500_000
    assert cost.macs <= 60_000_000


@pytest.mark.parametrize("backbone", ["nano", "mobilenet", "resnet", "resnet34", "vgg", "face"])
def test_every_backbone_gives_ages_and_genders(backbone: str) -> None:
    px = 150 if backbone == "face" else 64
    network = AttributeNetwork(NetworkConfig(backbone=backbone, input_px=px)).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        age, gender = network(torch.rand(2, 3, px, px))
    assert age.shape == (2, 101)
    assert gender.shape == (2, 2)


def test_the_log_becomes_a_picture(trained: tuple[Path, list[Epoch[Validation]]], tmp_path: Path) -> None:
    assert call("plot", str(trained[0]), "--out", str(tmp_path / "log.png")).exit_code == 0
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")


def test_the_log_of_faces_without_labels_becomes_a_picture(files: tuple[Path, Path], tmp_path: Path) -> None:
    save_chips(without_labels(drawn_chips(24, 3)), tmp_path / "unlabelled.npz")
    (epoch,) = run(short(TINY, 1), start((files[0], tmp_path / "unlabelled.npz"), tmp_path / "run"))
    assert epoch.validation is not None
    assert np.isnan(epoch.validation.mae_years)
    (kept,) = read_log(tmp_path / "run" / LOG, AttributesEpoch)
    assert repr(kept) == repr(epoch)  # NaN does not equal NaN
    assert call("plot", str(tmp_path / "run"), "--out", str(tmp_path / "log.png")).exit_code == 0


def test_chips_come_back_with_their_labels(files: tuple[Path, Path]) -> None:
    loaded, drawn = load_chips(files[1]), drawn_chips(96, 2)
    assert np.array_equal(loaded.ages, drawn.ages)
    assert np.array_equal(loaded.genders, drawn.genders)
    assert np.abs(loaded.images.astype(int) - drawn.images).mean() < 6


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--config", "nanno"), ConfigError, "unknown configuration, got nanno, expected nano-agegender"),
        (("--config", "none.toml"), ConfigError, "none.toml: cannot be read"),
        (("--config", "tiny", "--backbone", "alexnet"), UsageError, "unknown backbone, got alexnet, expected nano"),
        (("--config", "tiny", "--device", "tpu"), UsageError, "unknown device, got tpu, expected cpu | cuda | auto"),
        (("--config", "tiny", "--resume"), UsageError, "no run to continue"),
        (("--config", "tiny", "--teacher", "none.pt"), BadInput, "none.pt: no such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    files: tuple[Path, Path], tmp_path: Path, words: tuple[str, ...], error: type[PasserbyError], said: str
) -> None:
    failed = call("attributes", *data(files), "--out", str(tmp_path / "run"), *words).exception
    assert isinstance(failed, error)
    assert said in str(failed)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_refused_in_a_file_too(tmp_path: Path, seed: int) -> None:
    (tmp_path / "own.toml").write_text(f"[schedule]\nseed = {seed}\n")
    for form in (TrainingConfig, DetectionConfig):
        with pytest.raises(ConfigError, match=r"own.toml: Expected `int` .* at `\$.schedule.seed`"):
            find_config(str(tmp_path / "own.toml"), form)


def test_files_that_are_no_chips_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "torn.npz").write_bytes(files[0].read_bytes()[:1000])
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("torn.npz", "none.npz", "array.npy"):
        words = ("--chips", str(tmp_path / name), "--held-out", str(files[1]), "--out", str(tmp_path / "run"))
        failed = call("attributes", *words, "--config", "tiny").exception
        assert isinstance(failed, BadInput)
        assert "expected a file of `passerby train chips`" in str(failed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"genders": np.zeros(23, np.int64)}, "`genders` does not fit the other columns, got shape (23,), expected 24"),
        ({"ends": np.zeros(0, np.int64)}, "no picture in it"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    save_chips(drawn_chips(24, 3), tmp_path / "chips.npz")
    with np.load(tmp_path / "chips.npz") as stored:
        np.savez(tmp_path / "changed.npz", **{**stored, **change})
    with pytest.raises(BadInput) as caught:
        load_chips(tmp_path / "changed.npz")
    assert f"changed.npz: {said}" in str(caught.value)


def test_chips_without_any_label_are_refused_without_a_teacher(files: tuple[Path, Path], tmp_path: Path) -> None:
    save_chips(without_labels(drawn_chips(24, 3)), tmp_path / "unlabelled.npz")
    words = ("--chips", str(tmp_path / "unlabelled.npz"), "--held-out", str(files[1]), "--out", str(tmp_path / "run"))
    failed = call("attributes", *words, "--config", "tiny").exception
    assert isinstance(failed, BadInput)
    assert "no chip has an age or a gender, got 24 chips; name a --teacher" in str(failed)


def test_a_teacher_of_another_kind_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    config = find_config("tiny", DetectionConfig, DETECTION_CONFIGS)
    save_state(tmp_path / "detector.pt", {"config": msgspec.json.encode(config).decode(), "weights": {}})
    words = ("--out", str(tmp_path / "run"), "--config", "tiny", "--teacher", str(tmp_path / "detector.pt"))
    failed = call("attributes", *data(files), *words).exception
    assert isinstance(failed, BadInput)
    assert "detector.pt: configuration of another network" in str(failed)


@pytest.mark.parametrize("content", [b"path,age\n1.jpg,3\n", b"", b"age", b"hello world", b"h", b"X"])
def test_files_that_are_no_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    for load in (load_state, lambda path: load_fitting(torch.nn.Linear(1, 1), path)):
        with pytest.raises(BadInput, match=r"c\.csv"):
            load(tmp_path / "c.csv")
    assert isinstance(call("export", str(tmp_path / "c.csv"), "--out", str(tmp_path)).exception, BadInput)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def data(files: tuple[Path, Path]) -> tuple[str, ...]:
    return ("--chips", str(files[0]), "--held-out", str(files[1]))


def test_when_training_ends_answers_are_as_sure_as_they_are_right() -> None:
    network, many = AttributeNetwork(TINY.network).eval(), drawn_chips(300, 3)
    with torch.no_grad():
        network.gender.weight.zero_()
        network.gender.bias.copy_(torch.tensor([3.0, -3.0]))  # sure of everybody, and right of every second
    found = temper(network, many, TINY.network)
    _, p_female = answer(network, many, TINY.network)
    assert found.gender > 3
    assert p_female.mean() == pytest.approx(0.5, abs=0.2)
    assert temper(network, many.take(np.arange(300) < 10), TINY.network) == (1.0, 1.0), "too few to say"
