"""Sets of words that contracts share.

Inside the device every set is closed. In what we publish those marked `OPEN` may grow within a version of a contract.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

OPEN = Meta(extra_json_schema={"x-open": True})
"""Marks a field whose words may grow: the published schema names today's as examples (`edge.schemas.published`)."""

GenderLabel = Literal["female", "male", "unknown"]
TaxonomyName = Literal["ads-8", "adience-8", "simple-4"]
EndReason = Literal["left", "source_ended", "paused", "stopped", "too_long"]
SensorState = Literal["starting", "running", "idle", "paused", "camera_lost", "stopping"]
Target = Literal[
    "openvino:CPU", "openvino:GPU", "openvino:NPU", "openvino:AUTO",
    "ncs2", "coral:usb", "coral:pci", "tflite:CPU",
    "onnxruntime:CPU", "onnxruntime:CUDA", "onnxruntime:TensorRT", "opencv:CPU", "fake:CPU",
]  # fmt: skip
"""Runtime and device, ARCHITECTURE: Inference backends. `fake:CPU` is the scripted session of the tests."""
AcceleratorState = Literal["none", "starting", "running", "lost"]
"""`none`: the settings name no accelerator. `lost`: another target stands in for it."""
AcceleratorFault = Literal["none", "library", "device", "firmware", "model", "hang", "crash"]
"""What went wrong last with an accelerator: its library is missing or of another kind; it is unplugged or refuses; its
firmware; the network's file; no answer in time; its worker process ended."""
Cooling = Literal["unknown", "normal", "slowed", "throttled"]
"""`slowed`: the sensor takes fewer frames because the machine is hot. `throttled`: the machine itself slows down."""
ArtefactKind = Literal[
    "openvino-int8", "openvino-fp16", "ncs2", "tflite-int8", "coral", "onnx", "caffe", "tensorflow", "opencv-cascade",
]  # fmt: skip
"""Kind of a model file. The first six are what conversion makes; the others are read as their makers publish them."""

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Lower-case letters, digits, - and _.")]
Fraction = Annotated[float, Meta(ge=0, le=1, description="0 to 1.")]
NAME_IN_WORDS = "of 1-63 lower-case letters, digits, - and _"
EventId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        description="Random UUID, version 4 (RFC 9562): no time inside. The same event keeps its id when sent again.",
    ),
]
Timestamp = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", description="UTC, RFC 3339, rounded to time_resolution_s."),
]
HalfSeconds = Annotated[float, Meta(ge=0, multiple_of=0.5, description="Seconds, rounded to 0.5.")]
ModelSetText = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]*@[0-9A-Za-z.+-]+/[a-z0-9]+(:[A-Za-z0-9]+)?$",
        description="Model set, its version and the target that ran it: nano@1.0.0/openvino:CPU.",
    ),
]
