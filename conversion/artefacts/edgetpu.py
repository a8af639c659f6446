"""What the Edge TPU runs, and how a TFLite file is checked against that.

Source: Coral, "TensorFlow models on the Edge TPU", its "Model requirements" and its table "All operations supported by
the Edge TPU and any known limitations" (coral.ai/docs/edgetpu/models-intro/#supported-operations), for runtime 14.

Compared in November 2026 with copies of the table: the one by Axis for ARTPEC-7, which has an Edge TPU
(developer.axis.com, "ARTPEC-7, supported ops"; its rows from Add to ResizeBilinear), and one of 2019 with all rows of
its time. Rows added later are in neither: RSQRT, SQUARED_DIFFERENCE and SUM are from memory; TRANSPOSE and
TRANSPOSE_CONV appear in the compiler's own reports, in threads of github.com/google-coral/edgetpu.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conversion.artefacts.flatbuffer import FileFacts, Operation, TensorFacts

SUPPORTED = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "EXPAND_DIMS",
        "FULLY_CONNECTED",
        "L2_NORMALIZATION",
        "LOGISTIC",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MEAN",
        "MINIMUM",
        "MUL",
        "PACK",
        "PAD",
        "PRELU",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQUARED_DIFFERENCE",
        "SQUEEZE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)
"""Operations in the table, by their names in the TFLite schema."""

INTEGERS = frozenset({"INT8", "UINT8"})
INDICES = frozenset({"INT32", "INT64"})
"""Biases, shapes, paddings and axes."""
MOST_SOFTMAX = 16_000


@dataclass(frozen=True, slots=True)
class EdgeTpuReport:
    """What keeps a file from running wholly on the Edge TPU, one line each; empty where nothing is known to.

    operations: their names in order. refused: not 8-bit, or not on the list; the artefact is not made. limited: on the
    list, but beyond a limit that the table states; the compiler leaves them, and what follows, to the CPU.
    """

    operations: tuple[str, ...]
    refused: tuple[str, ...]
    limited: tuple[str, ...]


def hold_against_list(facts: FileFacts) -> EdgeTpuReport:
    """Check each operation of a file against the table: its name, its types, and the limits that a file shows."""
    refused = [line for place, operation in enumerate(facts.operations) if (line := _refusal(place, operation))]
    limited = [
        f"{place} {operation.name}: {limit.reason}"
        for place, operation in enumerate(facts.operations)
        for limit in (DEEP, *LIMITS.get(operation.name, ()))
        if limit.is_broken(operation)
    ]
    return EdgeTpuReport(tuple(operation.name for operation in facts.operations), tuple(refused), tuple(limited))


def _refusal(place: int, operation: Operation) -> str:
    if operation.name not in SUPPORTED:
        return f"{place} {operation.name}: not on the list"
    for tensor in (*operation.inputs, *operation.outputs):
        if tensor.dtype not in INTEGERS and not (tensor.is_constant and tensor.dtype in INDICES):
            return f"{place} {operation.name}: {tensor.dtype.lower()} ({tensor.name})"
    return ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit from the table, and a test whether an operation breaks it."""

    reason: str
    is_broken: Callable[[Operation], bool]


def _has_activation(operation: Operation) -> bool:
    return bool(operation.options.get("fusedActivationFunction", 0))


def _dilations_differ(operation: Operation) -> bool:
    return bool(operation.options.get("dilationWFactor", 1) != operation.options.get("dilationHFactor", 1))


def _joins_constant(operation: Operation) -> bool:
    """Whether a constant is joined other than as padding: with exactly one other tensor, and all zeros."""
    constants = [tensor for tensor in operation.inputs if tensor.is_constant]
    zeros = all(set(each.numbers) <= set(each.zero_points or (0,)) for each in constants)
    return bool(constants) and (len(operation.inputs) != 2 or not zeros)


def _has_dense_scales(operation: Operation) -> bool:
    weights = operation.inputs[1]
    return len(weights.scales) > 1 or bool(operation.options.get("weightsFormat", 0))


def _gives_rows(operation: Operation) -> bool:
    return _extent(operation.outputs[0]) > 1


def _is_wide_softmax(operation: Operation) -> bool:
    shape = operation.inputs[0].shape
    return _extent(operation.inputs[0]) > 1 or max(shape, default=1) > MOST_SOFTMAX


def _has_batch(operation: Operation) -> bool:
    return any(len(tensor.shape) > 1 and tensor.shape[0] > 1 for tensor in operation.outputs)


def _is_deep(operation: Operation) -> bool:
    computed = [tensor for tensor in (*operation.inputs, *operation.outputs) if not tensor.is_constant]
    return any(size > 1 for tensor in computed for size in tensor.shape[:-3])


def _reduced(operation: Operation) -> set[int]:
    """Axes that a reduction combines, counted from the first."""
    return {axis % len(operation.inputs[0].shape) for axis in operation.inputs[1].numbers}


def _reduces_batch(operation: Operation) -> bool:
    return len(operation.inputs[0].shape) > 1 and 0 in _reduced(operation)


def _reduces_odd_channels(operation: Operation) -> bool:
    shape = operation.inputs[0].shape
    return len(shape) - 1 in _reduced(operation) and shape[-1] % 4 != 0


def _pads_batch(operation: Operation) -> bool:
    return len(operation.inputs[0].shape) > 1 and any(operation.inputs[1].numbers[:2])


def _squeezes_within(operation: Operation) -> bool:
    """Whether a dimension of 1 follows a larger one: removing it would move values."""
    shape = list(operation.inputs[0].shape)
    first = next((place for place, size in enumerate(shape) if size > 1), len(shape))
    return 1 in shape[first:]


def _has_masks(operation: Operation) -> bool:
    masks: tuple[Any, ...] = (operation.options.get("ellipsisMask", 0), operation.options.get("newAxisMask", 0))
    return any(masks)


def _strides(operation: Operation) -> bool:
    return any(stride != 1 for stride in operation.inputs[3].numbers)


def _has_deep_alpha(operation: Operation) -> bool:
    return _extent(operation.inputs[1]) > 1


def _extent(tensor: TensorFacts) -> int:
    """How many dimensions are larger than 1."""
    return sum(size > 1 for size in tensor.shape)


NO_ACTIVATION = Limit("it has a fused activation function", _has_activation)
SAME_DILATION = Limit("its dilations in x and y differ", _dilations_differ)
NO_BATCH = Limit("it works on a batch", _has_batch)
WHOLE_BATCH = Limit("it reduces the batch", _reduces_batch)
DEEP = Limit("more than the three innermost dimensions are larger than 1", _is_deep)
"""Applies to every operation ("Model requirements")."""

LIMITS: dict[str, tuple[Limit, ...]] = {
    "AVERAGE_POOL_2D": (NO_ACTIVATION,),
    "CONCATENATION": (
        NO_ACTIVATION,
        Limit("it joins a constant that is not all zeros, or joins it with more than one tensor", _joins_constant),
    ),
    "CONV_2D": (SAME_DILATION,),
    "DEPTHWISE_CONV_2D": (SAME_DILATION,),
    "FULLY_CONNECTED": (
        Limit("its weights are not of the default format", _has_dense_scales),
        Limit("its output is not one-dimensional", _gives_rows),
    ),
    "MAX_POOL_2D": (NO_ACTIVATION,),
    "MEAN": (WHOLE_BATCH, Limit("it reduces channels whose number is not a multiple of 4", _reduces_odd_channels)),
    "PACK": (NO_BATCH,),
    "PAD": (Limit("it pads the batch", _pads_batch),),
    "PRELU": (Limit("its alpha is not one-dimensional", _has_deep_alpha),),
    "REDUCE_MAX": (WHOLE_BATCH,),
    "REDUCE_MIN": (WHOLE_BATCH,),
    "RESIZE_BILINEAR": (NO_BATCH,),
    "RESIZE_NEAREST_NEIGHBOR": (NO_BATCH,),
    "SOFTMAX": (Limit("its input is not one-dimensional, or has more than 16,000 elements", _is_wide_softmax),),
    "SPLIT": (NO_BATCH,),
    "SQUEEZE": (Limit("a dimension of 1 follows a larger one", _squeezes_within),),
    "STRIDED_SLICE": (
        Limit("it has an ellipsis or a new axis", _has_masks),
        Limit("a stride is not 1", _strides),
    ),
    "SUM": (WHOLE_BATCH,),
}
"""Limits of the table that a file shows. Those that depend on sizes ("might not be mapped") only the compiler knows."""
