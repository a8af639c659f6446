"""The face networks that teachers may begin with: their weights as they are published, shortcuts and edges."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (passerby[training])")


import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.errors import BadInput, ConfigError
from training.networks.attributes import AttributeNetwork, NetworkConfig
from training.networks.face_mobilenet import FaceMobileNet
from training.networks.face_resnet import LEAST_PX, FaceBlock, FaceResNet
from training.networks.tensorflow_js import read_weights
from training.runs.checkpoint import load_fitting

MANIFEST = "face-weights_manifest.json"


def publish(folder: Path, *, cut: int = 0) -> dict[str, NDArray[np.float32]]:
    """Weights of the first layer as the package holds them, some as bytes, and those of another layer beside them."""
    rng = np.random.default_rng(3)
    shapes = {
        "conv32_down/conv/filters": (7, 7, 3, 32),
        "conv32_down/conv/bias": (32,),
        "conv32_down/scale/weights": (32,),
        "conv32_down/scale/biases": (32,),
        "fc": (256, 128),
    }
    entries, content, values = [], b"", {}
    for name, shape in shapes.items():
        entry: dict[str, object] = {"name": name, "shape": shape, "dtype": "float32"}
        if "filters" in name:
            entry["quantization"] = {"dtype": "uint8", "scale": 0.01, "min": -1.2}
            stored = rng.integers(0, 256, shape, np.uint8)
            values[name] = stored.astype(np.float32) * np.float32(0.01) - np.float32(1.2)
        else:
            stored = rng.normal(size=shape).astype(np.float32)
            values[name] = stored.astype(np.float32)
        entries.append(entry)
        content += stored.tobytes()
    (folder / MANIFEST).write_text(json.dumps([{"paths": ["face.bin"], "weights": entries}]))
    (folder / "face.bin").write_bytes(content[: len(content) - cut])
    return values


def test_published_weights_are_read_as_they_were_quantized(tmp_path: Path) -> None:
    values = publish(tmp_path)
    read = read_weights(tmp_path / MANIFEST)
    assert read.keys() == values.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(read[name], value)


def test_a_scale_after_a_convolution_becomes_part_of_it(tmp_path: Path) -> None:
    values = publish(tmp_path)
    network = AttributeNetwork(NetworkConfig(backbone="face", input_px=150, margin=0.0))
    taken, _ = load_fitting(network, tmp_path / MANIFEST)
    assert taken == 2
    pictures = torch.rand(2, 3, 24, 24)
    filters = torch.tensor(values["conv32_down/conv/filters"]).permute(3, 2, 0, 1)
    apart = functional.conv2d(pictures, filters, torch.tensor(values["conv32_down/conv/bias"]), stride=2)
    scale, shift = (torch.tensor(values[f"conv32_down/scale/{each}"]) for each in ("weights", "biases"))
    expected = apart * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
    found = network.backbone.get_submodule("conv32_down")(pictures)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("px", [35, 36, 17])
def test_a_halving_block_pools_its_shortcut_and_fills_it_with_zeros(px: int) -> None:
    block = FaceBlock(4, 8, halves=True)
    for each in block.parameters():
        torch.nn.init.zeros_(each)
    x = torch.rand(1, 4, px, px)
    found = block(x)
    torch.testing.assert_close(found[:, :4], functional.avg_pool2d(x, 2))
    assert found.shape == (1, 8, px // 2, px // 2)
    assert not found[:, 4:].any()


def test_the_smallest_input_that_reaches_the_end() -> None:
    assert FaceResNet(LEAST_PX)(torch.rand(1, 3, LEAST_PX, LEAST_PX)).shape == (1, 256)
    with pytest.raises(ConfigError, match="too small for this backbone"):
        FaceResNet(LEAST_PX - 1)


def test_torn_weights_are_refused(tmp_path: Path) -> None:
    publish(tmp_path, cut=5)
    with pytest.raises(BadInput, match="fc: weights end early"):
        read_weights(tmp_path / MANIFEST)
    (tmp_path / "face.bin").unlink()
    with pytest.raises(BadInput, match=r"face\.bin: weights cannot be read"):
        read_weights(tmp_path / MANIFEST)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(BadInput, match="not a weights manifest"):
        read_weights(tmp_path / MANIFEST)


def publish_graph(folder: Path) -> dict[str, NDArray[np.float32]]:
    """A model with the weights of a first block, some in 16 bits, and a whole number among them."""
    rng = np.random.default_rng(4)
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/convolution/merged_input": (3, 3, 3, 32),
        "conv1_bn/batchnorm_1/sub": (32,),
        "conv_dw_1/depthwise_kernel": (3, 3, 32, 1),
        "conv_dw_1_bn/batchnorm_1/mul": (32,),
        "conv_dw_1_bn/batchnorm_1/sub": (32,),
    }
    values = {name: rng.normal(0, 0.1, shape).astype(np.float16).astype(np.float32) for name, shape in shapes.items()}
    half = {"dtype": "float16", "original_dtype": "float32"}
    entries: list[dict[str, object]] = [
        {"name": name, "shape": shape, "dtype": "float32", "quantization": half} for name, shape in shapes.items()
    ]
    entries.append({"name": "axes", "shape": (2,), "dtype": "int32"})
    stored = [value.astype(np.float16).tobytes() for value in values.values()] + [np.int32([1, 2]).tobytes()]
    model = {"modelTopology": {"node": []}, "weightsManifest": [{"paths": ["graph.bin"], "weights": entries}]}
    (folder / "graph.json").write_text(json.dumps(model))
    (folder / "graph.bin").write_bytes(b"".join(stored))
    return values


def test_weights_of_a_graph_become_those_of_its_convolutions(tmp_path: Path) -> None:
    values = publish_graph(tmp_path)
    network = AttributeNetwork(NetworkConfig(backbone="face-mobilenet", input_px=64, margin=0.0))
    taken, _ = load_fitting(network, tmp_path / "graph.json")
    assert taken == 4
    pictures = torch.rand(2, 32, 9, 9)
    filters = torch.tensor(values["conv_dw_1/depthwise_kernel"]).permute(2, 3, 0, 1)
    scale, shift = (torch.tensor(values[f"conv_dw_1_bn/batchnorm_1/{each}"]) for each in ("mul", "sub"))
    apart = functional.conv2d(pictures, filters, groups=32) * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
    torch.testing.assert_close(network.backbone.get_submodule("conv_dw_1")(pictures), apart, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("px", [64, 80, 112])
def test_a_halving_convolution_begins_at_the_first_pixel(px: int) -> None:
    """As TensorFlow's padding "SAME" has it for even sizes: nothing before, a zero behind."""
    network = FaceMobileNet().eval()
    for each in network.parameters():
        torch.nn.init.zeros_(each)
    network.conv1.weight.data[:, :, 0, 0] = 1.0 / 255
    seen: list[torch.Tensor] = []
    network.conv1.register_forward_hook(lambda layer, given, found: seen.append(found))
    pictures = torch.rand(1, 3, px, px)
    assert network(pictures).shape == (1, 1024)
    mean = sum((103.939, 116.779, 123.68)) / 255
    torch.testing.assert_close(seen[0][:, :1], pictures[:, :, ::2, ::2].sum(1, keepdim=True) - mean)
