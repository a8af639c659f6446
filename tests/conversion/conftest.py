"""The isolated environments, and cores of real networks."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed (passerby[conversion])")


from pathlib import Path

from conversion.environments import catalog
from conversion.environments.catalog import Environment
from conversion.environments.installation import ensure_environment
from edge.errors import BackendUnavailable
from tests.conftest import unavailable
from tests.conversion.jobs import save
from tests.conversion.networks import draw_levi_hassner, read_ultraface, read_yunet

YUNET, ULTRAFACE = "yunet/face_detection_yunet_2023mar.onnx", "ultraface/version-RFB-320_simplified.onnx"


def need_environment(environment: Environment) -> Path:
    """Its interpreter; made where it is not there yet. Skips, or fails where everything must be there."""
    try:
        return ensure_environment(environment)
    except BackendUnavailable as reason:
        unavailable(str(reason))
        raise


@pytest.fixture(scope="session")
def tensorflow() -> Path:
    return need_environment(catalog.tflite())


@pytest.fixture(scope="session")
def old_openvinos() -> tuple[Path, Path]:
    return need_environment(catalog.openvino_2021()), need_environment(catalog.openvino_2022())


@pytest.fixture(scope="session")
def ultraface(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(read_ultraface(shared / "models" / ULTRAFACE), tmp_path_factory.mktemp("ultraface"))


@pytest.fixture(scope="session")
def yunet(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(read_yunet(shared / "models" / YUNET, (320, 320)), tmp_path_factory.mktemp("yunet"))


@pytest.fixture(scope="session")
def levi_hassner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(draw_levi_hassner(8, seed=1), tmp_path_factory.mktemp("levi-hassner"))
