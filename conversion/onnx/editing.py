"""An ONNX graph that can be searched and changed: which node makes a tensor, which read it, what is constant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

from conversion.onnx.model_file import REFUSALS, one_line, shape_of
from edge.errors import BadInput, explain

Floats = NDArray[np.float32]


class GraphEditor:
    """A model's graph, searchable by tensor; changes are made to a copy.

    Every tensor needs a static shape: shapes are inferred once, at the start. Raises BadInput for a model that the
    checker refuses.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        try:
            onnx.checker.check_model(copy)
            self.model = shape_inference.infer_shapes(copy, data_prop=True, strict_mode=True)
        except REFUSALS as error:
            raise BadInput(explain(f"not a sound network ({one_line(error)})")) from error
        self.graph = self.model.graph
        self._constants = {item.name: numpy_helper.to_array(item) for item in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant":
                self._constants[node.output[0]] = _value_of(node)
        self._shapes = {value.name: shape_of(value) for value in _typed_values(self.graph)}

    def nodes(self, *ops: str) -> list[onnx.NodeProto]:
        """Nodes of these operations, in the graph's order."""
        return [node for node in self.graph.node if node.op_type in ops]

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of a constant tensor, None for one that is computed."""
        return self._constants.get(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape; empty where it is unknown or dynamic."""
        constant = self._constants.get(name)
        return self._shapes.get(name, ()) if constant is None else constant.shape

    def producer(self, name: str) -> onnx.NodeProto | None:
        """The node that makes a tensor, None for the graph's inputs and for constants."""
        return next((node for node in self.graph.node if name in node.output), None)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """Nodes that read a tensor."""
        return [node for node in self.graph.node if name in node.input]

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The only node that reads a tensor; None where several do, or where it is an output of the graph."""
        if any(output.name == name for output in self.graph.output):
            return None
        readers = self.readers(name)
        return readers[0] if len(readers) == 1 else None

    def free_name(self, name: str) -> str:
        """This name for a new tensor, with a number added where it is taken."""
        made = {tensor for node in self.graph.node for tensor in node.output}
        taken = made | self._constants.keys() | self._shapes.keys()
        return next(word for word in _numbered(name) if word not in taken)

    def add_constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant under a name that is not yet taken; returns the name."""
        free = self.free_name(name)
        contiguous = np.ascontiguousarray(values)
        self.graph.initializer.append(numpy_helper.from_array(contiguous, free))
        self._constants[free] = contiguous
        return free

    def replace(self, old: Iterable[onnx.NodeProto], new: Sequence[onnx.NodeProto]) -> None:
        """Remove the old nodes and put the new ones where the first of them was."""
        gone = list(old)
        nodes = list(self.graph.node)
        place = min(nodes.index(node) for node in gone)
        kept_before = [node for node in nodes[:place] if node not in gone]
        kept_after = [node for node in nodes[place:] if node not in gone]
        del self.graph.node[:]
        self.graph.node.extend([*kept_before, *new, *kept_after])

    def insert_first(self, node: onnx.NodeProto) -> None:
        """Put a node before all others; nodes obtained earlier are mere copies afterwards."""
        nodes = [node, *self.graph.node]
        del self.graph.node[:]
        self.graph.node.extend(nodes)

    def remove(self, nodes: Iterable[onnx.NodeProto]) -> None:
        """Remove nodes whose outputs are no longer read."""
        for node in list(nodes):
            self.graph.node.remove(node)

    def finish(self) -> onnx.ModelProto:
        """The changed model, checked, without unused constants. Raises BadInput where it is not valid."""
        used = {name for node in self.graph.node for name in node.input}
        kept = [item for item in self.graph.initializer if item.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
        del self.graph.value_info[:]
        return GraphEditor(self.model).model


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """A node's attribute, or its default."""
    found = next((item for item in node.attribute if item.name == name), None)
    return default if found is None else helper.get_attribute_value(found)


def _value_of(node: onnx.NodeProto) -> NDArray[Any]:
    value = helper.get_attribute_value(node.attribute[0])
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.array(value)


def _typed_values(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    return [*graph.input, *graph.value_info, *graph.output]


def _numbered(name: str) -> Iterable[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
