"""What stands in for an accelerator, from the start and in the middle of its work."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.catalog.lookup import Catalog
from edge.errors import FRESH_PROCESS, AcceleratorLost, BackendUnavailable, InferenceError
from edge.sensor.inference.accelerators.opening import Accelerators, worker_command
from edge.sensor.inference.opening import OpenedSession, open_session
from edge.settings.settings import Accelerators as AcceleratorSettings
from tests.edge.sensor.inference.accelerators.conftest import fake_command
from tests.models.accelerated import HW, OUTPUTS, install

pytestmark = [pytest.mark.process, pytest.mark.shared]

QUICK = AcceleratorSettings(answer_s=0.5, start_s=8.0, restart_initial_s=0.05, restart_max_s=0.1)
PICTURE = np.full((1, *HW, 3), 7, np.uint8)
BOTH = ["coral:usb", "openvino:CPU"]


@pytest.fixture
def catalog(shared: Path, tmp_path: Path) -> Catalog:
    return install(tmp_path, shared)


@contextmanager
def opened(
    catalog: Catalog, targets: list[str], *lives: Mapping[str, Any], settings: AcceleratorSettings = QUICK
) -> Iterator[tuple[OpenedSession, Accelerators]]:
    """The detector of the catalog on these targets, its worker living these lives."""
    located = catalog.locate("accelerated")
    command = fake_command(*lives, shapes=OUTPUTS)
    with closing(Accelerators(settings, lambda target: command)) as accelerators:
        yield (
            open_session(located.manifest, located.folder, targets, threads=1, drivers=accelerators.drivers),
            accelerators,
        )


def infer(opened: OpenedSession) -> dict[str, np.ndarray]:
    opened.session.start({"input": PICTURE})
    return dict(opened.session.wait())


def is_from_worker(outputs: dict[str, np.ndarray]) -> bool:
    """The scripted worker answers the mean of the picture everywhere."""
    return bool((outputs["kps_8"] == 7.0).all())


def infer_until_back(opened: OpenedSession) -> int:
    """Inferences that something else answered before the accelerator was back."""
    deadline, others = time.monotonic() + 20.0, 0
    while not is_from_worker(infer(opened)):
        others += 1
        assert time.monotonic() < deadline
    return others


@pytest.mark.parametrize("then", ["crash", "hang", "exit", "device", "garbled"])
def test_no_picture_is_lost_when_the_accelerator_is(
    catalog: Catalog, then: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(catalog, BOTH, {"good": 3, "then": then}, {}) as (net, accelerators):
        assert [is_from_worker(infer(net)) for _ in range(4)] == [True, True, True, False]
        assert (net.session.target, accelerators.losses) == ("openvino:CPU", 1)
        infer_until_back(net)
        assert (net.session.target, accelerators.losses) == ("coral:usb", 1)
    assert any("coral:usb: lost" in record.getMessage() for record in caplog.records)


def test_what_stands_in_gives_its_own_numbers(catalog: Catalog) -> None:
    with opened(catalog, BOTH, {"good": 0, "then": "crash"}) as (net, _):
        found = infer(net)
    with opened(catalog, ["openvino:CPU"]) as (alone, _):
        expected = infer(alone)
    assert found.keys() >= OUTPUTS.keys()
    for name in OUTPUTS:
        np.testing.assert_array_equal(found[name], expected[name])


def test_one_that_is_not_there_at_the_start_is_used_when_it_comes(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        opened(catalog, BOTH, {"load": "device"}, {"load": "library"}, {}) as (net, accelerators),
    ):
        assert net.session.target == "openvino:CPU"
        assert accelerators.losses == 1
        assert infer_until_back(net) > 0
        assert net.session.target == "coral:usb"
    reasons = [record.getMessage() for record in caplog.records]
    assert "coral:usb: lost (device): the script says device" in reasons[0]
    assert "coral:usb: lost (library): the script says library" in reasons[1]
    assert reasons[2] == "coral:usb: is back"


def test_with_nothing_to_stand_in_the_loss_is_an_error(catalog: Catalog) -> None:
    with opened(catalog, ["coral:usb"], {"good": 1, "then": "crash"}) as (net, _):
        assert is_from_worker(infer(net))
        with pytest.raises(AcceleratorLost, match="signal 11"):
            infer(net)


def test_with_nothing_to_stand_in_it_must_be_there_at_the_start(catalog: Catalog) -> None:
    with (
        pytest.raises(BackendUnavailable, match=r"no target is left.*coral:usb: device: the script says device"),
        opened(catalog, ["coral:usb"], {"load": "device"}),
    ):
        pass


def test_a_file_that_the_accelerator_refuses_stops_the_start(catalog: Catalog) -> None:
    with (
        pytest.raises(InferenceError, match=r"net_edgetpu\.tflite: coral:usb refuses the model"),
        opened(catalog, BOTH, {"load": "model"}),
    ):
        pass


def test_a_file_that_was_not_compiled_is_passed_over(shared: Path, tmp_path: Path) -> None:
    with opened(install(tmp_path, shared, compiled=False), BOTH) as (net, accelerators):
        assert net.session.target == "openvino:CPU"
        assert "not compiled for the Edge TPU" in net.fallbacks[0].reason
        assert accelerators.devices == []


def test_without_an_interpreter_the_stick_is_passed_over_with_what_to_set(catalog: Catalog) -> None:
    located = catalog.locate("accelerated")
    with closing(Accelerators(AcceleratorSettings(ncs2_python="/nowhere/python"))) as accelerators:
        net = open_session(
            located.manifest,
            located.folder,
            ["ncs2", "openvino:CPU"],
            threads=1,
            drivers=accelerators.drivers,
        )
    assert net.session.target == "openvino:CPU"
    assert net.fallbacks[0].reason.startswith("no interpreter at /nowhere/python; accelerators.ncs2_python")


def test_what_takes_other_pictures_does_not_stand_in(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    targets = ["coral:usb", "onnxruntime:CPU"]
    with opened(catalog, targets, {"good": 0, "then": "crash"}) as (net, _), pytest.raises(AcceleratorLost) as lost:
        infer(net)
    assert lost.value.exit_code == FRESH_PROCESS
    assert "takes pictures of (640, 640)" in caplog.text


def test_one_accelerator_stands_in_for_another(catalog: Catalog) -> None:
    located = catalog.locate("accelerated")
    commands = {
        "coral:usb": fake_command({"good": 0, "then": "crash"}, {"load": "device"}, shapes=OUTPUTS),
        "ncs2": fake_command(shapes=OUTPUTS),
    }
    with closing(Accelerators(QUICK, commands.__getitem__)) as accelerators:
        net = open_session(
            located.manifest,
            located.folder,
            ["coral:usb", "ncs2", "openvino:CPU"],
            threads=1,
            drivers=accelerators.drivers,
        )
        assert is_from_worker(infer(net))
        assert net.session.target == "ncs2"


def test_the_worker_of_the_stick_sees_nothing_of_our_python(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.touch(0o755)
    command = worker_command("ncs2", AcceleratorSettings(ncs2_python=str(python)))
    assert command[:3] == ("/usr/bin/env", "-u", "PYTHONPATH")
    assert command[-4:-1] == (str(python), "-B", "-s")
    assert Path(command[-1]).name == "ncs2.py"
