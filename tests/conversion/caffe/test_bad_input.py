"""Caffe files that are cut, swapped or strange: one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversion.caffe.convert import convert_caffe
from conversion.caffe.network import read_mean
from conversion.caffe.schema import message_type
from edge.errors import BadInput
from tests.conversion.caffe.caffe_files import write_network

NET = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
"""
SHAPES = {"conv": [(4, 3, 3, 3), (4,)]}


def message(text: Path, weights: Path) -> str:
    with pytest.raises(BadInput) as caught:
        convert_caffe(text, weights)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_cut_caffemodel_is_refused(tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, NET, SHAPES)
    weights.write_bytes(weights.read_bytes()[:-40])
    assert "not a Caffe caffemodel" in message(text, weights)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, NET, SHAPES)
    assert "other.caffemodel: cannot be read, got No such file" in message(text, tmp_path / "other.caffemodel")
    assert "other.prototxt" in message(tmp_path / "other.prototxt", weights)


def test_what_is_no_mean_image_is_refused(tmp_path: Path) -> None:
    _, weights = write_network(tmp_path, NET, SHAPES)
    for path, said in ((weights, "not a mean image, got no numbers"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(BadInput, match=said):
            read_mean(path)


def test_weights_of_another_shape_are_refused_with_both_shapes(tmp_path: Path) -> None:
    line = message(*write_network(tmp_path, NET, {"conv": [(5, 3, 3, 3), (5,)]}))
    assert "layer conv" in line
    assert "(5, 3, 3, 3)" in line
    assert "(4, 3, 3, 3)" in line


def test_a_layer_without_weights_is_named(tmp_path: Path) -> None:
    assert "layer conv (Convolution): the caffemodel has too few weights" in message(
        *write_network(tmp_path, NET, {"other": [(1,)]})
    )


def test_an_unknown_layer_is_refused_with_its_name_its_type_and_what_is_known(tmp_path: Path) -> None:
    strange = 'layer { name: "odd" type: "Deformable" bottom: "conv" top: "odd" deformable_param { size: 3 } }'
    line = message(*write_network(tmp_path, NET + strange, SHAPES))
    assert "layer odd has an unknown type" in line
    assert "Deformable" in line
    assert "Convolution" in line
    assert "PriorBox" in line


def test_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    line = message(*write_network(tmp_path, NET.replace("num_output", "deform: 2 num_output"), SHAPES))
    assert "deform" in line


def test_swapped_files_are_refused(tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, NET, SHAPES)
    assert "not a prototxt" in message(weights, text)


def test_a_bottom_that_nobody_writes_is_named(tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, NET.replace('bottom: "data"', 'bottom: "dat"'), SHAPES)
    assert "dat" in message(text, weights)


def test_a_prototxt_of_the_training_is_refused(tmp_path: Path) -> None:
    text, weights = write_network(tmp_path, NET.split("\n", 2)[2], SHAPES)
    assert "give the deploy prototxt" in message(text, weights)


def test_the_mean_image_gives_the_mean_of_each_channel(tmp_path: Path) -> None:
    blob = message_type("BlobProto")(num=1, channels=3, height=2, width=2)
    blob.data.extend([1, 2, 3, 4, 10, 10, 10, 10, 0, 0, 0, 100])
    file = tmp_path / "mean.binaryproto"
    file.write_bytes(blob.SerializeToString())
    assert read_mean(file) == (2.5, 10, 25)
    file.write_bytes(blob.SerializeToString()[:-7])
    with pytest.raises(BadInput, match=r"mean\.binaryproto"):
        read_mean(file)
